"""The categorical door: logits of classes from what lies where, in two dimensions if the input has two."""

import numpy as np
import pytest
import tensorflow as tf
from door_cases import door

from t2t_mm.layers.sequence import Stream


def body(rows, length, seed=1):
    return tf.random.stateless_normal([rows, length, 16], [seed, 2])


def stream(length, real=None, rows=2, grid=None):
    presence = np.tile(np.arange(length) < (length if real is None else real), (rows, 1)).astype("float32")
    return Stream(body(rows, length), tf.constant(presence), grid)


@pytest.mark.parametrize("length, grid", [(12, None), (12, (3, 4)), (12, (12, 1)), (1, (1, 1))])
def test_logits_are_one_position_of_classes(length, grid):
    categorical = door("categorical", 5)
    assert categorical.top(body(2, length), stream(length, grid=grid)).shape == (2, 1, 5)
    assert not categorical.autoregressive


def test_a_grid_is_read_in_two_dimensions():
    categorical, x = door("categorical", 5), body(2, 16)
    shapes = [(4, 4), (2, 8), (1, 16)]
    logits = [categorical.top(x, stream(16, grid=grid)).numpy() for grid in shapes]
    assert min(np.abs(logits[i] - logits[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 1e-4
    np.testing.assert_array_equal(logits[2], categorical.top(x, stream(16)))


@pytest.mark.parametrize("extra", [1, 2, 9])
def test_padding_changes_nothing_whatever_it_holds(extra):
    categorical, x = door("categorical", 5), body(2, 7)
    logits = categorical.top(x, stream(7))
    longer = categorical.top(tf.concat([x, body(2, extra, 4)], 1), stream(7 + extra, real=7))
    np.testing.assert_allclose(longer, logits, rtol=1e-4, atol=1e-5)


def test_every_label_counts_once():
    categorical, labels = door("categorical", 5), tf.constant([4, 0, 2])
    np.testing.assert_array_equal(categorical.target_ids(labels), [[4], [0], [2]])
    np.testing.assert_array_equal(categorical.target_weights(categorical.target_ids(labels)), np.ones((3, 1)))


def test_a_class_as_an_input_is_one_position_of_its_own():
    categorical = door("categorical", 5)
    stream_in = categorical.bottom(tf.constant([4, 0, 4]))
    assert stream_in.x.shape == (3, 1, 16) and stream_in.grid is None
    np.testing.assert_array_equal(stream_in.presence, np.ones((3, 1)))
    np.testing.assert_array_equal(stream_in.x[0], stream_in.x[2])
    assert np.abs(stream_in.x[0] - stream_in.x[1]).max() > 0.1
    assert [tuple(weight.shape) for weight in categorical.weights] == [(5, 16)]  # no exit flow that nothing leaves by
