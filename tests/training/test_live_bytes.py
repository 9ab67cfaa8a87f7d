"""Laws of the walk through a graph: a tensor lives from its maker to its last reader, and buffers are shared."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.training.live_bytes import peak_live_bytes

X = tf.TensorSpec([100, 10])  # 4,000 bytes
SIZE = 4000


def peak(function, *specs):
    return peak_live_bytes(tf.function(function, autograph=False).get_concrete_function(*(specs or [X])).graph)


def copy(x):
    """Something of the size of x that is no elementwise operation."""
    return tf.reverse(x, [0])


def test_what_is_returned_counts_as_live_and_not_as_passing():
    assert peak(copy)[:2] == (SIZE, 0)
    assert peak(lambda x: [copy(x), tf.reverse(x, [1])])[:2] == (2 * SIZE, 0)


def test_inputs_constants_and_variables_are_there_anyway():
    ones = np.ones([100, 10], "float32")
    variable = tf.Variable(ones)
    assert peak(lambda x: (x, tf.constant(ones), variable.read_value()))[:2] == (0, 0)


def test_a_chain_needs_two_at_a_time():
    assert peak(lambda x: copy(copy(copy(copy(x))))).live == 2 * SIZE


def test_what_is_read_late_lives_long():
    def function(x):
        kept = [copy(x), tf.reverse(x, [1]), tf.roll(x, 1, 0)]
        return tf.concat(kept, 0)

    assert peak(function)[:2] == (6 * SIZE, 3 * SIZE)


def test_elementwise_operations_write_over_what_nobody_reads_again():
    assert peak(lambda x: tf.tanh(tf.exp(copy(x)) + 1.0)).live == SIZE
    assert peak(lambda x: (tf.exp(copy(x)) + 1.0) * x).live == SIZE

    def twice_read(x):
        y = copy(x)
        return tf.exp(y) + y

    assert peak(twice_read).live == 2 * SIZE
    assert peak(lambda x: tf.exp(x)).live == SIZE  # never over an input of the function
    assert peak(lambda x: tf.cast(tf.cast(copy(x), tf.float16), tf.float32)).live == 1.5 * SIZE


def test_another_shape_is_no_other_buffer():
    def function(x):
        flat = tf.reshape(tf.identity(copy(x)), [-1])
        return tf.exp(tf.expand_dims(flat, 0))

    assert peak(function).live == SIZE


def test_what_depends_on_nothing_comes_first():
    """As in TensorFlow: random numbers for the end of a step are drawn at its beginning."""
    def function(x):
        y = copy(copy(x))
        return tf.concat([y, tf.reshape(tf.range(1000, dtype=tf.float32), [100, 10])], 0)

    assert peak(function).passing == 3 * SIZE


def test_functions_that_are_called_have_working_space():
    @tf.function(autograph=False)
    def inner(x):
        return tf.reduce_sum(tf.concat([copy(x), copy(x)], 0))

    assert peak(lambda x: inner(x)).live == pytest.approx(4 * SIZE, abs=50)


def test_tensors_of_unknown_size_are_told():
    result = peak(lambda x: tf.boolean_mask(x, x > 0) * 2.0)
    assert result.unknown and not peak(copy).unknown
