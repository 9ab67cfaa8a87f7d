"""The dense layer is a matrix product, and its written-out gradient is the one that autodiff finds."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import scattered

from t2t_mm.layers.dense import Dense


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4), (2, 0, 4), (2, 3, 1, 4)])
def test_value_and_gradients_are_those_of_a_matrix_product(shape, use_bias):
    layer = Dense(5, use_bias)
    x = tf.random.stateless_normal(shape, [1, 2])
    layer(x)
    scattered(layer)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(x)
        kernel = tf.convert_to_tensor(layer.kernel)
        naive = tf.tensordot(x, layer.kernel.value, 1) + (layer.bias.value if use_bias else 0.0)
        losses = tf.reduce_sum(tf.sin(y)), tf.reduce_sum(tf.sin(naive))
    assert y.shape == (*shape[:-1], 5) and kernel.shape == (4, 5)
    np.testing.assert_allclose(y, naive, atol=1e-5)
    ours, wanted = (tape.gradient(loss, [x, *layer.trainable_variables]) for loss in losses)
    for one, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_outputs_keep_the_scale_of_inputs():
    y = Dense(400)(tf.random.stateless_normal([100, 400], [1, 2]))
    np.testing.assert_allclose(np.std(y), 1, rtol=0.1)
