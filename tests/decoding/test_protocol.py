"""Laws of state nests and of the logits of the next id."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.protocol import gather, same_shapes, tile, without_pad


def test_tile_repeats_every_row_in_place_and_gather_undoes_it():
    state = {"a": tf.range(3), "b": (tf.reshape(tf.range(12.0), [3, 2, 2]),)}
    tiled = tile(state, 4)
    assert tiled["a"].numpy().tolist() == [0] * 4 + [1] * 4 + [2] * 4
    back = gather(tiled, tf.constant([0, 4, 8]))
    np.testing.assert_array_equal(back["b"][0], state["b"][0])


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32])
def test_without_pad_the_other_ids_keep_their_logits_in_float32(dtype):
    logits = tf.cast(np.random.default_rng(1).normal(0, 5, (6, 9)), dtype)
    kept = without_pad(logits)
    assert kept.dtype == tf.float32
    np.testing.assert_array_equal(kept, tf.cast(logits, tf.float32)[:, 1:])


def test_a_state_leaf_that_grows_is_refused():
    @tf.function
    def grow():
        leaf = tf.zeros([2, 3])
        return same_shapes({"x": tf.concat([leaf, leaf], axis=1)}, {"x": leaf})

    with pytest.raises(ValueError):
        grow()
