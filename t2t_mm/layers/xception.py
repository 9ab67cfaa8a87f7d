"""The Xception flows (Chollet 2017, 1610.02357, figure 5) as in the MultiModel (1706.05137, section 2.5)."""

import keras
from keras import ops

from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.rows import in_rows


def _scaled_normal(fan_in: int):
    return keras.initializers.RandomNormal(stddev=fan_in**-0.5)


def _framed(x, value=0.0):
    """One ring of `value` around the picture, so that windows of 3 are centred at 0, s, 2s … whatever its size."""
    return ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=value)


def _every(x, strides):
    return x[:, :: strides[0], :: strides[1]] if tuple(strides) != (1, 1) else x


def _hide(x, present):
    """Zeros where the picture is only padding; `present` [B, H, W, 1] or None."""
    return x if present is None else x * ops.cast(present, x.dtype)


def max_pool(x, strides, present=None):
    """3×3 maxima centred at every `strides`-th place: [B, H, W, D] → [B, H/s, W/s, D]; padding never wins."""
    if present is not None:
        x = _hide(x, present) + (1 - ops.cast(present, x.dtype)) * LOWEST
    return ops.max_pool(_framed(x, LOWEST), (3, 3), strides=strides, padding="valid")


LOWEST = -1e4  # below all that a layer norm can give, and within float16


class FirstConvolution(Layer):
    """Plain 3×3 convolution and layer norm, where the picture enters: [B, H, W, C] → [B, H/s, W/s, F].

    Not separable, and without ReLU before it, as in Xception's figure 5: over one or three colours a depthwise filter
    and a layer norm would leave little but the sign of a pixel.
    """

    def __init__(self, filters: int, strides=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self._filters, self._strides, self.norm = filters, tuple(strides), LayerNorm(name="norm")

    def build(self, shape):
        inner = shape[-1]
        self.kernel = self.add_weight(
            shape=(3, 3, inner, self._filters), initializer=_scaled_normal(9 * inner), name="kernel"
        )
        self.bias = self.add_weight(shape=(self._filters,), initializer=_scaled_normal(4), name="bias")

    def call(self, x, present=None):
        return self.norm(ops.conv(_framed(_hide(x, present)), self.kernel, self._strides, padding="valid") + self.bias)


class ConvStep2D(Layer):
    """LN(SepConv_{s,F}^{k×k}(ReLU(x))): [B, H, W, C] → [B, H/s, W/s, F]. A 1×1 kernel leaves the depthwise part out.

    Strides are for 1×1 kernels. `present` [B, H, W, 1] keeps padding at zero before the convolution.
    """

    def __init__(self, filters: int, kernel_size: int = 3, strides=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self._kernel_size, self._strides = kernel_size, tuple(strides)
        self.pointwise, self.norm = Dense(filters, use_bias=False, name="pointwise"), LayerNorm(name="norm")

    def build(self, shape):
        size = self._kernel_size
        self.depthwise = None
        if size > 1:
            kernel = (size, size, shape[-1], 1)
            self.depthwise = self.add_weight(shape=kernel, initializer=_scaled_normal(size * size), name="depthwise")

    def call(self, x, present=None):
        x = _every(_hide(ops.relu(x), present), self._strides)
        if self.depthwise is not None:
            x = ops.depthwise_conv(x, self.depthwise, strides=1, padding="same")
        return in_rows(lambda rows: self.norm(self.pointwise(rows)), x)


class ConvRes(Layer):
    """ConvRes(x, F): two 3×3 ConvSteps and a 3×3 max-pool of stride s, plus a 1×1 ConvStep of stride s of x."""

    def __init__(self, filters: int, strides=(2, 2), **kwargs):
        super().__init__(**kwargs)
        self._strides = tuple(strides)
        self.first, self.second = ConvStep2D(filters, name="first"), ConvStep2D(filters, name="second")
        self.shortcut = ConvStep2D(filters, 1, strides, name="shortcut")

    def call(self, x, present=None):
        pooled = max_pool(self.second(self.first(x, present), present), self._strides, present)
        return pooled + self.shortcut(x, present)


class EntryFlow(Layer):
    """h1 = 3×3 of strides[0] (filters[0]), h2 = ConvStep^{3×3}(filters[1]), then a ConvRes for each of filters[2:].

    [B, H, W, C] → [B, H', W', filters[-1]] and what is present there; strides[1:] are those of the ConvRes.
    """

    def __init__(self, filters, strides, **kwargs):
        super().__init__(**kwargs)
        self._strides = [tuple(pair) for pair in strides]
        self.first = FirstConvolution(filters[0], strides[0], name="first")
        self.second = ConvStep2D(filters[1], name="second")
        blocks = zip(filters[2:], strides[1:], strict=True)
        self.blocks = [ConvRes(f, pair, name=f"block{i + 1}") for i, (f, pair) in enumerate(blocks)]

    def call(self, x, present=None):
        """present [B, H, W, 1] or None, all of it."""
        x = self.first(x, present)
        present = None if present is None else _every(present, self._strides[0])
        x = self.second(x, present)
        for block, strides in zip(self.blocks, self._strides[1:]):
            x = block(x, present)
            present = None if present is None else _every(present, strides)
        return _hide(x, present), present


class ExitFlow(Layer):
    """Xception's exit flow: [B, H, W, D] → [B, filters[1]] (1706.05137, section 2.5.3).

    h2 = ConvStep^{3×3}(ConvStep^{3×3}(x)); h3 = ConvStep_{s2}(x) + MaxPool_{s2}^{3×3}(h2); ConvStep(filters[0]);
    ConvStep(filters[1]); ReLU; mean over the places that are `present` [B, H, W, 1].
    """

    def __init__(self, channels: int, filters, **kwargs):
        super().__init__(**kwargs)
        self.block = ConvRes(channels, name="block")
        self.third, self.fourth = ConvStep2D(filters[0], name="third"), ConvStep2D(filters[1], name="fourth")

    def call(self, x, present):
        half = _every(present, (2, 2))
        h = self.fourth(self.third(self.block(x, present), half), half)
        return ops.sum(_hide(ops.relu(h), half), axis=(1, 2)) / ops.maximum(ops.sum(half, axis=(1, 2)), 1)
