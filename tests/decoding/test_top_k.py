"""Laws of the largest of many: they are TensorFlow's own, for any width, with the lower column first among equals."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.top_k import GROUP, log_largest, top_k


@pytest.mark.parametrize("width", [1, 3, 8 * GROUP - 1, 8 * GROUP, 8 * GROUP + 1, 20 * GROUP + 5])
@pytest.mark.parametrize("kinds", [3, 10**6])  # of values: many equal ones, and hardly any
def test_they_are_those_of_tensorflow(width, kinds):
    rng = np.random.default_rng(width + kinds)
    values = rng.integers(0, kinds, (5, width)).astype(np.float32)
    values[1] = float("-inf")
    values[2, : width // 2] = float("-inf")
    found, columns = top_k(tf.constant(values), 8)
    wanted = tf.math.top_k(values, min(8, width))
    np.testing.assert_array_equal(found, wanted.values)
    np.testing.assert_array_equal(columns, wanted.indices)


def test_columns_of_unknown_number_are_no_obstacle():
    traced = tf.function(lambda values: top_k(values, 2), input_signature=[tf.TensorSpec([None, None])])
    for width in (1, 2, 300):
        found, columns = traced(tf.range(width, dtype=tf.float32)[None])
        assert columns.numpy().tolist() == [[width - 1, width - 2][:width]]
        np.testing.assert_array_equal(found[0], tf.cast(columns[0], tf.float32))


def test_the_log_probability_of_the_largest_is_that_of_the_log_softmax():
    logits = tf.random.stateless_normal([7, 100], [1, 2], stddev=30.0)
    columns = tf.argmax(logits, axis=1)
    expected = tf.gather(tf.nn.log_softmax(tf.cast(logits, tf.float64)), columns, batch_dims=1)
    np.testing.assert_allclose(log_largest(logits, columns), expected, rtol=1e-5, atol=1e-6)
