"""Laws of state nests and of the log-probabilities of the next id."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.protocol import gather, next_log_probs, same_shapes, tile


def test_tile_repeats_every_row_in_place_and_gather_undoes_it():
    state = {"a": tf.range(3), "b": (tf.reshape(tf.range(12.0), [3, 2, 2]),)}
    tiled = tile(state, 4)
    assert tiled["a"].numpy().tolist() == [0] * 4 + [1] * 4 + [2] * 4
    back = gather(tiled, tf.constant([0, 4, 8]))
    np.testing.assert_array_equal(back["b"][0], state["b"][0])


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32])
def test_next_log_probs_are_float32_sum_to_one_and_exclude_pad(dtype):
    logits = tf.cast(np.random.default_rng(1).normal(0, 5, (6, 9)), dtype)
    log_probs = next_log_probs(logits)
    assert log_probs.dtype == tf.float32
    assert np.all(np.isneginf(log_probs[:, 0]))
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(log_probs), axis=1), 1, rtol=1e-5)
    ratios = log_probs[:, 1:] - tf.cast(logits, tf.float32)[:, 1:]  # the other ids keep their odds
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:, :1], ratios.shape), atol=1e-4)


def test_a_state_leaf_that_grows_is_refused():
    @tf.function
    def grow():
        leaf = tf.zeros([2, 3])
        return same_shapes({"x": tf.concat([leaf, leaf], axis=1)}, {"x": leaf})

    with pytest.raises(ValueError):
        grow()
