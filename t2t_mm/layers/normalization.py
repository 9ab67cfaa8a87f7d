"""Layer normalisation (Ba et al. 2016, 1607.06450) over the last axis."""

import keras
from keras import ops

from t2t_mm.layers.layer import Layer, value_of

EPSILON = 1e-6


FEW_CHANNELS = 64


def _average(x):
    """The mean of x [..., D] over D, as something that broadcasts with x.

    Of few channels it is taken by a product with a constant matrix, already repeated D times: the other operations then
    have operands of one shape, while on CPUs broadcasting along a short last axis is several times slower.
    """
    channels = x.shape[-1]
    if channels > FEW_CHANNELS:
        return ops.mean(x, axis=-1, keepdims=True)
    rows = ops.matmul(ops.reshape(x, (-1, channels)), ops.full((channels, channels), 1 / channels, x.dtype))
    return ops.reshape(rows, ops.shape(x))


@ops.custom_gradient
def _normalize(x, gain, bias):
    """gain · (x − mean) / deviation + bias; its gradient is written out, which takes a third of the graph's nodes."""
    centred = x - _average(x)
    scale = ops.rsqrt(_average(ops.square(centred)) + EPSILON)
    normal = centred * scale

    def grad(*upstream):
        dy = upstream[0]
        dn = dy * gain
        dx = scale * (dn - _average(dn) - normal * _average(dn * normal))
        axes = tuple(range(len(x.shape) - 1))
        return dx, ops.sum(dy * normal, axes), ops.sum(dy, axes)

    return normal * gain + bias, grad


class LayerNorm(Layer):
    """y = gain · (x − mean(x)) / √(var(x) + ε) + bias, over the last axis, computed in float32.

    Args:
        gain: what the gain starts from. Residual branches start small, so that a deep body starts near the identity
            (Goyal et al. 2017, 1706.02677, section 5.1 start theirs at zero).
    """

    def __init__(self, gain: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self._start = gain

    def build(self, shape):
        start = keras.initializers.Constant(self._start)
        self.gain = self.add_weight(shape=(shape[-1],), initializer=start, name="gain")
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        wide = ops.cast(x, "float32")
        y = _normalize(wide, ops.cast(value_of(self.gain), "float32"), ops.cast(value_of(self.bias), "float32"))
        return ops.cast(y, x.dtype)
