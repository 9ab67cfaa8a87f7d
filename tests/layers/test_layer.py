"""The base layer: parts build themselves when first called, and a variable's value can be differentiated."""

import numpy as np
import tensorflow as tf

from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer, value_of


class Nested(Layer):
    def __init__(self, depth):
        super().__init__()
        self.calls, self.part = 0, Nested(depth - 1) if depth else Dense(3)

    def call(self, x):
        self.calls += 1
        return self.part(x)


def test_a_nest_of_layers_runs_once_and_has_all_its_variables():
    layer = Nested(3)
    layer(tf.ones([2, 4]))
    assert [tuple(v.shape) for v in layer.trainable_variables] == [(4, 3), (3,)]
    while isinstance(layer, Nested):
        assert layer.calls == 1
        layer = layer.part


def test_the_value_of_a_variable_passes_its_gradient_on():
    dense = Dense(3)
    dense(tf.ones([1, 2]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(value_of(dense.kernel)))
    np.testing.assert_allclose(tape.gradient(loss, dense.kernel.value), 2 * dense.kernel.numpy())
