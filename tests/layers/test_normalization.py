"""Layer normalisation: mean 0 and deviation 1 before gain and bias, and the gradient that autodiff finds."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import scattered

from t2t_mm.layers import normalization
from t2t_mm.layers.normalization import EPSILON, LayerNorm


def naive(x, gain, bias):
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    return gain * (x - mean) / tf.sqrt(variance + EPSILON) + bias


@pytest.mark.parametrize("shape", [(3, 8), (2, 3, 8), (2, 2, 2, 8)])
def test_value_and_gradients_are_those_of_the_formula(shape):
    layer, x = LayerNorm(), 3 * tf.random.stateless_normal(shape, [1, 2]) + 1
    layer(x)
    scattered(layer)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, wanted = layer(x), naive(x, layer.gain.value, layer.bias.value)
        losses = tf.reduce_sum(tf.sin(y)), tf.reduce_sum(tf.sin(wanted))
    np.testing.assert_allclose(y, wanted, atol=1e-5)
    ours, theirs = (tape.gradient(loss, [x, *layer.trainable_variables]) for loss in losses)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_scale_and_offset_of_the_input_do_not_matter():
    layer, x = LayerNorm(), tf.random.stateless_normal([5, 16], [1, 2])
    y = layer(x)
    np.testing.assert_allclose(np.mean(y, -1), 0, atol=1e-5)
    np.testing.assert_allclose(np.std(y, -1), 1, atol=1e-3)
    np.testing.assert_allclose(layer(100 * x - 7), y, atol=1e-3)


def test_a_constant_input_stays_finite_and_the_gain_starts_where_it_is_told():
    x = tf.fill([2, 4], 3.0)
    layer = LayerNorm(gain=0.1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert (y.numpy() == 0).all() and np.isfinite(tape.gradient(y, x)).all()
    np.testing.assert_allclose(layer.gain, [0.1] * 4)


@pytest.mark.parametrize("dtype, error", [("bfloat16", 0.02), ("float16", 0.003)])
def test_narrow_types_are_normalised_in_float32(dtype, error):
    """The squares of these values overflow float16."""
    x = 1000 * tf.random.stateless_normal([4, 16], [1, 2])
    y = LayerNorm(dtype=f"mixed_{dtype}")(tf.cast(x, dtype))
    assert y.dtype == dtype
    np.testing.assert_allclose(tf.cast(y, tf.float32), LayerNorm()(x), atol=error * 4)


def test_gain_and_bias_are_not_rounded_to_a_narrow_type(monkeypatch):
    layer = LayerNorm(dtype="mixed_bfloat16")
    layer(tf.zeros([1, 2], "bfloat16"))
    seen, normalize = [], normalization._normalize
    monkeypatch.setattr(normalization, "_normalize", lambda *args: seen.append(args[1:]) or normalize(*args))
    layer.gain.assign([1.003, 1.0])
    layer(tf.zeros([1, 2], "bfloat16"))
    np.testing.assert_allclose(seen[0][0], [1.003, 1.0], rtol=1e-6)
