"""The dense layer, also known as pointwise convolution: the same matrix at every position."""

import keras
from keras import ops

from t2t_mm.layers.layer import Layer


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
        # ONE product of two matrices over all positions, whose gradient is two such products without a transposed copy.
        y = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), self.kernel)
        y = y if self.bias is None else y + self.bias
        return ops.reshape(y, (*ops.shape(x)[:-1], self._units)) if len(x.shape) > 2 else y
