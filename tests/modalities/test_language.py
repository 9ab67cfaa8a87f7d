"""The language door: embeddings of ids in, logits of ids out, padding nowhere."""

import numpy as np
import pytest
import tensorflow as tf
from door_cases import door

V, D = 11, 16


def test_in_comes_the_embedding_times_the_root_of_the_width_and_padding_is_zero():
    language = door("language", V)
    ids = tf.constant([[3, 10, 1, 0], [5, 1, 0, 0]])
    stream = language.bottom(ids)
    np.testing.assert_array_equal(stream.presence, np.asarray(ids) != 0)
    wanted = language.embedding.numpy()[np.asarray(ids)] * D ** 0.5 * (np.asarray(ids) != 0)[..., None]
    np.testing.assert_allclose(stream.x, wanted, atol=1e-6)
    assert stream.grid is None


def test_embedded_targets_have_unit_scale_and_one_position_is_like_many():
    language, ids = door("language", 500), tf.random.stateless_uniform([4, 50], [1, 2], 1, 500, tf.int32)
    x = language.targets_bottom(ids)
    np.testing.assert_allclose(np.std(x), 1, rtol=0.1)
    np.testing.assert_array_equal(language.targets_bottom(ids[:, 7]), x[:, 7])


@pytest.mark.parametrize("shape", [(2, D), (2, 5, D)])
def test_out_go_logits_of_every_id(shape):
    language = door("language", V)
    x = tf.random.stateless_normal(shape, [1, 2])
    wanted = x.numpy() @ language.softmax.kernel.numpy() + language.softmax.bias.numpy()
    np.testing.assert_allclose(language.top(x), wanted, atol=1e-5)


def test_every_id_but_padding_counts():
    language, ids = door("language", V), tf.constant([[4, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(language.target_weights(ids), [[1, 1, 0], [0, 0, 0]])
    assert language.autoregressive and language.target_ids(ids) is ids
