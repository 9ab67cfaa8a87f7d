"""Attention against numpy's softmax, and what its masks hide."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import scattered, sequence, source

from t2t_mm.layers.attention import AttentionBlock, SelfAttention, SourceAttention, attend, causal_bias, padding_bias
from t2t_mm.layers.randomness import seeded
from t2t_mm.layers.sequence import Stream

D, HEADS = 12, 3


def attention(layer, x, memory, visible):
    """Head by head, query by query, over the keys that `visible` [T, S] allows; x [T, D], memory [S, D]."""
    if isinstance(layer, SelfAttention):
        query, key, value = np.split(layer.query_key_value.kernel.numpy(), 3, axis=1)
    else:
        query, (key, value) = layer.query.kernel.numpy(), np.split(layer.key_value.kernel.numpy(), 2, axis=1)
    q, k, v = x @ query, memory @ key, memory @ value
    mixed, width = np.zeros_like(q), D // HEADS
    for head in range(HEADS):
        part = slice(head * width, (head + 1) * width)
        for t in range(len(x)):
            scores = k[visible[t]][:, part] @ q[t, part] / np.sqrt(width)
            weights = np.exp(scores - scores.max())
            mixed[t, part] = weights / weights.sum() @ v[visible[t]][:, part]
    return mixed @ layer.output_projection.kernel.numpy()


def built(layer):
    layer(sequence(1, 2, 0, D), source=Stream(sequence(1, 2, 0, D), tf.ones([1, 2])), presence=tf.ones([1, 2]))
    return scattered(layer)


def test_causal_self_attention_sees_itself_and_the_past():
    layer, x = built(SelfAttention(D, HEADS)), sequence(2, 6, 1, D)
    wanted = [attention(layer, row, row, np.tril(np.ones((6, 6), bool))) for row in x.numpy()]
    np.testing.assert_allclose(layer(x), wanted, rtol=1e-4, atol=1e-5)


def test_two_sided_self_attention_sees_what_is_present():
    layer, x = built(SelfAttention(D, HEADS, causal=False)), sequence(1, 6, 1, D)
    presence = np.array([1, 1, 0, 1, 0, 0])
    wanted = attention(layer, x[0].numpy(), x[0].numpy(), np.tile(presence == 1, (6, 1)))
    np.testing.assert_allclose(layer(x, presence=tf.constant(presence[None]))[0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("real", [1, 3, 5])
def test_source_attention_sees_what_is_present_in_the_source(real):
    layer, x = built(SourceAttention(D, HEADS)), sequence(1, 4, 1, D)
    memory = Stream(sequence(1, 5, 2, D), tf.constant([[1.0] * real + [0.0] * (5 - real)]))
    wanted = attention(layer, x[0].numpy(), memory.x[0].numpy(), np.tile(np.arange(5) < real, (4, 1)))
    np.testing.assert_allclose(layer(x, source=memory)[0], wanted, rtol=1e-4, atol=1e-5)


def test_one_key_is_its_value_whatever_the_query():
    queries, value = tf.random.stateless_normal([2, 1, 3, 4], [1, 2]), tf.random.stateless_normal([2, 1, 1, 4], [3, 4])
    np.testing.assert_array_equal(attend(queries, value * 9, value, None), tf.repeat(value, 3, axis=2))


def test_huge_scores_stay_finite_and_choose_their_key():
    keys = tf.constant([[[[100.0, 0.0], [0.0, 100.0]]]])
    values = tf.constant([[[[1.0, 2.0], [3.0, 4.0]]]])
    np.testing.assert_allclose(attend(keys * 1e3, keys * 1e3, values, None), values)


def test_biases_are_zero_or_hide():
    np.testing.assert_array_equal(padding_bias(tf.constant([[1.0, 0.0]])) < -1e8, [[[[False, True]]]])
    np.testing.assert_array_equal(causal_bias(3)[0, 0] < -1e8, np.triu(np.ones((3, 3), bool), 1))
    assert (causal_bias(3).numpy()[0, 0][np.tril_indices(3)] == 0).all()


def test_width_must_be_a_multiple_of_the_heads():
    with pytest.raises(ValueError, match="10.*4"):
        SelfAttention(10, 4)


def test_a_block_knows_positions_the_order_of_targets_and_its_source():
    block = AttentionBlock(D, HEADS)
    x, memory = tf.tile(sequence(1, 1, 1, D), [1, 6, 1]), source(1, 4, 2)
    memory = Stream(sequence(1, 4, 2, D), memory.presence)
    built(block)
    y = block(x, source=memory).numpy()
    assert np.abs(y[0, 1:] - y[0, :-1]).max(-1).min() > 1e-3  # equal inputs, yet no two neighbours are equal
    assert np.abs(block(x, source=memory._replace(x=memory.x * 2)) - y).max() > 1e-3
    with seeded([1, 2]):
        dropped = built(AttentionBlock(D, HEADS, 0.5))(x, source=memory, training=True)
    assert np.abs(dropped - y).max() > 1e-3
