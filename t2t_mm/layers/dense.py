"""The dense layer, also known as pointwise convolution: the same matrix at every position."""

import keras
from keras import ops

from t2t_mm.layers.layer import Layer, value_of


@ops.custom_gradient
def _project(x, kernel):
    """x [..., I] · kernel [I, O] as ONE matrix product over all positions, forward and backward."""
    inner, outer = kernel.shape
    rows = ops.reshape(x, (-1, inner))
    y = ops.reshape(ops.matmul(rows, kernel), (*ops.shape(x)[:-1], outer))

    def grad(*upstream):
        dy = ops.reshape(upstream[0], (-1, outer))
        dx = ops.reshape(ops.matmul(dy, ops.transpose(kernel)), ops.shape(x))
        return dx, ops.matmul(ops.transpose(rows), dy)

    return y, grad


class Dense(Layer):
    """y = x · kernel (+ bias): [..., I] → [..., units]."""

    def __init__(self, units: int, use_bias: bool = True, initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self._units, self._use_bias = units, use_bias
        self._initializer = keras.initializers.get(initializer)

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self._units), initializer=self._initializer, name="kernel")
        self.bias = self.add_weight(shape=(self._units,), initializer="zeros", name="bias") if self._use_bias else None

    def call(self, x):
        y = _project(x, value_of(self.kernel))
        return y if self.bias is None else y + self.bias
