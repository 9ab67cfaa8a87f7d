"""The base layer: parts build themselves when they are first called."""

import tensorflow as tf

from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer


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
