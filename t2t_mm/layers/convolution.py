"""Depthwise-separable convolutions over sequences: the ConvStep and ConvBlock of 1706.05137, section 2.1."""

import keras
from keras import ops

from t2t_mm.layers.compiling import is_compiling
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.randomness import dropout
from t2t_mm.layers.rows import in_rows
from t2t_mm.layers.stepping import weight, write


def fold_dilation(x, dilation: int, before: int, after: int):
    """[B, L, D] → [B, ⌈(before + L + after)/d⌉, d, D]: padded with zeros, then every d-th position in one column.

    A dilated convolution is a plain one down the columns. This is exact, and on CPUs it is many times as fast as the
    dilated kernel, which TensorFlow runs by scattering the batch.
    """
    if dilation == 1:
        return ops.expand_dims(ops.pad(x, [[0, 0], [before, after], [0, 0]]), 2)
    ragged = (-(before + ops.shape(x)[1] + after)) % dilation
    x = ops.pad(x, [[0, 0], [before, after + ragged], [0, 0]])
    return ops.reshape(x, (ops.shape(x)[0], -1, dilation, x.shape[-1]))


def unfold_dilation(x, like):
    """[B, ⌈L/d⌉, d, D] → [B, L, D], as long as `like` [B, L, D]: undoes `fold_dilation`."""
    if x.shape[2] == 1:
        return ops.squeeze(x, 2)
    return ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1]))[:, : ops.shape(like)[1]]


def add_taps(x, kernel, dilation: int, before: int, after: int):
    """Σ_k w[k]·x[:, k·d : k·d + L] of x padded [B, before + L + after, D], kernel [K, D] → [B, L, D], in float32.

    What XLA fuses into one kernel. Forward and backward (64×64×512, K = 15, an H100) it takes 0.3 ms, of which most is
    the call; the convolution takes 2.7 ms with XLA, which hands it to cuDNN, and this sum 1.6 ms without XLA.
    """
    length = ops.shape(x)[1]
    wide, kernel = ops.cast(x, "float32"), ops.cast(kernel, "float32")
    wide = ops.pad(wide, [[0, 0], [before, after], [0, 0]])
    taps = [wide[:, k * dilation : k * dilation + length] * kernel[k] for k in range(kernel.shape[0])]
    return ops.cast(sum(taps[1:], taps[0]), x.dtype)


class DepthwiseConv1D(Layer):
    """Depthwise convolution, y[t, c] = Σ_k w[k, c] · x[t + (k − K + 1)·d, c] when causal, centred otherwise.

    [B, L, D] → [B, L, D]. The state of `step` is a ring of the last d·K inputs; where d > 1 it has no more slots than
    positions need: [B, S·d, D], S ≤ K. Input t is at t modulo d·K, so that the taps of a position are every d-th.
    """

    def __init__(self, kernel_size: int, dilation: int = 1, causal: bool = True, **kwargs):
        super().__init__(**kwargs)
        self._kernel_size, self._dilation, self._causal = kernel_size, dilation, causal
        self._reach = (kernel_size - 1) * dilation

    def build(self, shape):
        # Each channel sums K inputs: variance 1/K keeps the scale.
        start = keras.initializers.RandomNormal(stddev=self._kernel_size**-0.5)
        self.kernel = self.add_weight(shape=(self._kernel_size, shape[-1]), initializer=start, name="kernel")

    def call(self, x):
        before = self._reach if self._causal else self._reach // 2
        if is_compiling():
            return add_taps(x, self.kernel, self._dilation, before, self._reach - before)
        columns = fold_dilation(x, self._dilation, before, self._reach - before)  # [B, L/d, d, D]
        kernel = ops.reshape(self.kernel, (self._kernel_size, 1, x.shape[-1], 1))
        return unfold_dilation(ops.depthwise_conv(columns, kernel, strides=1, padding="valid"), like=x)

    def initial_state(self, like, max_length):
        """The ring before the first of at most `max_length` positions; `like` [B, ...] gives batch and type."""
        slots = self._kernel_size
        if self._dilation > 1:
            needed = -(-max_length // self._dilation)
            slots = min(slots, needed) if isinstance(needed, int) else ops.minimum(slots, needed)
        return ops.zeros((ops.shape(like)[0], slots * self._dilation, self.kernel.shape[-1]), like.dtype)

    def step(self, x, ring, position):
        """x [B, D], ring [B, S·d, D] → (y [B, D], ring)."""
        size, dilation, channels = self._kernel_size, self._dilation, self.kernel.shape[-1]
        place = position % (size * dilation)
        ring = write(ring, place, x)
        rows, slots, _ = ops.shape(ring)
        taps = ring  # [B, S, D]
        if dilation > 1:
            slots = slots // dilation
            columns = ops.reshape(ring, (rows, slots, dilation, channels))
            taps = ops.squeeze(ops.slice(columns, (0, 0, place % dilation, 0), (rows, slots, 1, channels)), 2)
            place = place // dilation
        # The newest input, in slot `place`, has the last tap; the slots before it those before, round the ring.
        turned = ops.roll(weight(self.kernel, x.dtype), place + 1, axis=0)
        return ops.sum(taps * turned[:slots], axis=1), ring


class ConvStep(Layer):
    """ConvStep_{d,F}(x) = LN(SepConv_{d,F}(ReLU(x))): depthwise over time, then pointwise to F channels.

    [B, L, D] → [B, L, F]. When not causal, `presence` [B, L] keeps padding at zero before the convolution.

    Args:
        gain: what the layer norm's gain starts from.
    """

    def __init__(self, filters: int, kernel_size: int, dilation: int = 1, causal: bool = True, gain: float = 1.0, **kw):
        super().__init__(**kw)
        self.depthwise = DepthwiseConv1D(kernel_size, dilation, causal, name="depthwise")
        self.pointwise = Dense(filters, use_bias=False, name="pointwise")
        self.norm = LayerNorm(gain, name="norm")

    def call(self, x, presence=None):
        x = ops.relu(x)
        if presence is not None:
            x = x * ops.cast(presence, x.dtype)[..., None]
        return in_rows(lambda rows: self.norm(self.pointwise(rows)), self.depthwise(x))

    def initial_state(self, like, max_length):
        return self.depthwise.initial_state(like, max_length)

    def step(self, x, ring, position):
        x, ring = self.depthwise.step(ops.relu(x), ring, position)
        return self.norm(self.pointwise(x)), ring


BRANCH_GAIN = 0.1  # what the layer norm that ends a residual branch starts from


class ConvBlock(Layer):
    """Four ConvSteps with two residual connections (1706.05137, section 2.1); dropout at the end while training.

    h1 = ConvStep_{d1}^{3}(x); h2 = x + ConvStep_{d1}^{3}(h1);
    h3 = ConvStep_{d1}^{15}(h2); h4 = x + ConvStep_{d8}^{15}(h3)

    [B, L, D] → [B, L, D]. Causal, it ignores the source; not causal, it looks at both sides of a position.
    """

    def __init__(self, channels: int, causal: bool = True, dropout_rate: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self._causal, self._dropout_rate = causal, dropout_rate
        shapes = ((3, 1, 1.0), (3, 1, BRANCH_GAIN), (15, 1, 1.0), (15, 8, BRANCH_GAIN))
        self.steps = [
            ConvStep(channels, kernel, dilation, causal, gain, name=f"step{i + 1}")
            for i, (kernel, dilation, gain) in enumerate(shapes)
        ]

    def call(self, x, source=None, presence=None, training=False):
        real = None if self._causal else presence
        first, second, third, fourth = (lambda h, s=s: s(h, real) for s in self.steps)
        h2 = x + second(first(x))
        return dropout(x + fourth(third(h2)), self._dropout_rate, training)

    def initial_state(self, source, max_length):
        return {f"ring{i}": step.initial_state(source.x, max_length) for i, step in enumerate(self.steps)}

    def step(self, x, state, position, memory):
        h1, ring0 = self.steps[0].step(x, state["ring0"], position)
        h2, ring1 = self.steps[1].step(h1, state["ring1"], position)
        h3, ring2 = self.steps[2].step(x + h2, state["ring2"], position)
        h4, ring3 = self.steps[3].step(h3, state["ring3"], position)
        return x + h4, {"ring0": ring0, "ring1": ring1, "ring2": ring2, "ring3": ring3}
