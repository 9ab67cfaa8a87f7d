"""Layer normalisation (Ba et al. 2016, 1607.06450) over the last axis."""

import keras
from keras import ops

from t2t_mm.layers.dense import sum_rows
from t2t_mm.layers.layer import Layer, value_of

EPSILON = 1e-6
FEW_CHANNELS = 64


def _weighted(x, weights):
    """Σ_D x·weights of x [N, D] for weights [D], as something that broadcasts with x.

    A product of matrices, which is faster on CPUs than to multiply and to add up; the whole norm, forward and backward,
    takes a quarter less time with it (1024×512, two cores: 2.1 ms for 2.7). Of few channels the sum comes repeated D
    times: what follows then has operands of one shape, while broadcasting along a short last axis is several times
    slower.
    """
    channels = x.shape[-1]
    copies = channels if channels <= FEW_CHANNELS else 1
    return ops.matmul(x, ops.broadcast_to(weights[:, None], (channels, copies)))


@ops.custom_gradient
def _normalize(x, gain, bias):
    """gain · (x − mean) / deviation + bias of x [N, D]; the gradient written out takes half the operations."""
    mean = ops.full((x.shape[-1],), 1 / x.shape[-1], x.dtype)
    centred = x - _weighted(x, mean)
    scale = ops.rsqrt(_weighted(ops.square(centred), mean) + EPSILON)
    normal = centred * scale

    def grad(*upstream):
        dy = upstream[0]
        share = gain * mean
        agreement = dy * normal
        dx = scale * (dy * gain - _weighted(dy, share) - normal * _weighted(agreement, share))
        return dx, sum_rows(agreement), sum_rows(dy)

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
        wide = ops.reshape(ops.cast(x, "float32"), (-1, x.shape[-1]))
        y = _normalize(wide, ops.cast(value_of(self.gain), "float32"), ops.cast(value_of(self.bias), "float32"))
        return ops.reshape(ops.cast(y, x.dtype), ops.shape(x))
