"""The dense layer, also known as pointwise convolution: the same matrix at every position."""

import keras
from keras import ops

from t2t_mm.layers.layer import Layer
from t2t_mm.layers.rows import in_rows, sum_rows
from t2t_mm.layers.stepping import weight


@ops.custom_gradient
def _add_bias(x, bias):
    """x [N, D] + bias [D]."""
    return x + bias, lambda *upstream: (upstream[0], *sum_rows(upstream[0]))


class Dense(Layer):
    """y = x · kernel (+ bias): [..., I] → [..., units].

    Args:
        parts: how many layers of equal size this is, side by side in one product. Each then has Glorot's start, as it
            would have alone, whatever `initializer` says.
    """

    def __init__(self, units: int, use_bias: bool = True, initializer="glorot_uniform", parts: int = 1, **kwargs):
        super().__init__(**kwargs)
        self._units, self._use_bias, self._parts = units, use_bias, parts
        self._initializer = keras.initializers.get(initializer)

    def build(self, shape):
        start = self._initializer
        if self._parts > 1:
            alone = (shape[-1] + self._units) / (shape[-1] + self._units / self._parts)
            start = keras.initializers.VarianceScaling(alone, "fan_avg", "uniform")
        self.kernel = self.add_weight(shape=(shape[-1], self._units), initializer=start, name="kernel")
        self.bias = self.add_weight(shape=(self._units,), initializer="zeros", name="bias") if self._use_bias else None

    def call(self, x):
        # ONE product of two matrices over all positions, whose gradient is two such products without a transposed copy.
        return in_rows(self._of_rows, x)

    def _of_rows(self, x):
        y = ops.matmul(x, weight(self.kernel, x.dtype))
        return y if self.bias is None else _add_bias(y, weight(self.bias, y.dtype))
