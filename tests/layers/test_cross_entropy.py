"""Cross-entropy with label smoothing against its formula, value and gradient."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.cross_entropy import cross_entropy

V = 7


def naive(logits, targets, smoothing):
    wanted = (1 - smoothing) * tf.one_hot(targets, V) + smoothing / V
    return -tf.reduce_sum(wanted * tf.nn.log_softmax(logits), -1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("shape", [(4,), (2, 5)])
def test_value_and_gradient_are_those_of_the_formula(shape, smoothing):
    logits = 3 * tf.random.stateless_normal([*shape, V], [1, 2])
    targets = tf.random.stateless_uniform(shape, [3, 4], 0, V, tf.int32)
    upstream = tf.random.stateless_normal(shape, [5, 6])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ours, wanted = cross_entropy(logits, targets, smoothing), naive(logits, targets, smoothing)
        losses = tf.reduce_sum(ours * upstream), tf.reduce_sum(wanted * upstream)
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(*(tape.gradient(loss, logits) for loss in losses), atol=1e-5)


def test_certainty_costs_nothing_uniformity_log_v_and_no_logit_overflows():
    certain = tf.constant([[1e4] + [-1e4] * (V - 1)])
    assert cross_entropy(certain, tf.constant([0])) == 0
    np.testing.assert_allclose(cross_entropy(certain, tf.constant([1])), 2e4)
    np.testing.assert_allclose(cross_entropy(tf.zeros([3, V]), tf.constant([0, 3, 6]), 0.3), [np.log(V)] * 3, rtol=1e-5)


def test_adding_a_constant_to_all_logits_changes_nothing():
    logits, targets = tf.random.stateless_normal([5, V], [1, 2]), tf.range(5)
    np.testing.assert_allclose(cross_entropy(logits + 50, targets, 0.1), cross_entropy(logits, targets, 0.1), atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_logits_are_summed_in_float32(dtype):
    logits = tf.cast(tf.random.stateless_normal([4, V], [1, 2]) * 5, dtype)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        nats = cross_entropy(logits, tf.range(4))
    assert nats.dtype == "float32" and tape.gradient(nats, logits).dtype == dtype
    np.testing.assert_allclose(nats, naive(tf.cast(logits, tf.float32), tf.range(4), 0.0), rtol=1e-4, atol=1e-5)
