"""Attention: multi-head dot products, and the MultiModel's attention block (1706.05137, section 2.2)."""

from keras import ops

from t2t_mm.layers.convolution import BRANCH_GAIN, ConvStep
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.randomness import dropout
from t2t_mm.layers.sequence import add_timing, add_timing_at

MASKED = -1e9


def attend(queries, keys, values, bias):
    """softmax(Q·K/√(D/H) + bias)·V: queries [B, H, T, D/H], keys [B, H, D/H, S], values [B, H, S, D/H] → as queries.

    The softmax runs in float32. bias broadcasts to [B, H, T, S], 0 or MASKED; None hides nothing.
    """
    queries = queries * queries.shape[-1] ** -0.5
    scores = ops.cast(ops.matmul(queries, keys), "float32")
    if keys.shape[3] == 1:  # one key leaves nothing to choose (and keras warns of such a softmax)
        weights = ops.ones_like(scores)
    else:
        weights = ops.softmax(scores if bias is None else scores + bias, axis=-1)
    return ops.matmul(ops.cast(weights, values.dtype), values)


def padding_bias(presence):
    """presence [B, S] → [B, 1, 1, S]: hides padding."""
    return (1.0 - ops.cast(presence, "float32"))[:, None, None, :] * MASKED


def causal_bias(length):
    """[1, 1, T, T]: hides the future."""
    positions = ops.arange(length)
    return ops.cast(positions[None, :] > positions[:, None], "float32")[None, None] * MASKED


class _Heads(Layer):
    """What both kinds of attention share: four projections and the split into heads."""

    def __init__(self, channels: int, heads: int, **kwargs):
        super().__init__(**kwargs)
        if channels % heads:
            raise ValueError(f"hidden_size {channels} is no multiple of the number of heads, {heads}.")
        self._channels, self._heads = channels, heads
        self.query, self.key, self.value, self.output_projection = (
            Dense(channels, use_bias=False, name=name) for name in ("query", "key", "value", "output")
        )

    def _split(self, x, axes=(0, 2, 1, 3)):  # [B, L, D] → [B, H, L, D/H]
        return ops.transpose(ops.reshape(x, (ops.shape(x)[0], -1, self._heads, self._channels // self._heads)), axes)

    def _merge(self, x):  # [B, H, L, D/H] → [B, L, D]
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (ops.shape(x)[0], -1, self._channels))

    def _attend(self, x, keys, values, bias):  # x [B, T, D]
        return self.output_projection(self._merge(attend(self._split(self.query(x)), keys, values, bias)))

    def keys_and_values(self, x):
        """x [B, L, D] → keys [B, H, D/H, L], as the product with queries takes them, and values [B, H, L, D/H]."""
        return self._split(self.key(x), (0, 2, 3, 1)), self._split(self.value(x))


class SelfAttention(_Heads):
    """Multi-head attention of a sequence over itself (1706.03762, section 3.2.2): [B, L, D] → [B, L, D].

    Causal: a position sees itself and the past. Not causal: all of `presence`.
    """

    def __init__(self, channels: int, heads: int, causal: bool = True, **kwargs):
        super().__init__(channels, heads, **kwargs)
        self._causal = causal

    def call(self, x, source=None, presence=None, training=False):
        keys, values = self.keys_and_values(x)
        bias = causal_bias(ops.shape(x)[1]) if self._causal else padding_bias(presence)
        return self._attend(x, keys, values, bias)

    def initial_state(self, source, max_length):
        rows, width = ops.shape(source.x)[0], self._channels // self._heads
        keys = ops.zeros((rows, self._heads, width, max_length), source.x.dtype)
        return {"keys": keys, "values": ops.zeros((rows, self._heads, max_length, width), source.x.dtype)}

    def step(self, x, state, position):
        x = x[:, None]  # [B, 1, D]
        key, value = self.keys_and_values(x)
        keys = ops.slice_update(state["keys"], (0, 0, 0, position), key)
        values = ops.slice_update(state["values"], (0, 0, position, 0), value)
        future = ops.cast(ops.arange(ops.shape(keys)[3]) > position, "float32") * MASKED
        return self._attend(x, keys, values, future)[:, 0], {"keys": keys, "values": values}


class SourceAttention(_Heads):
    """Multi-head attention of the targets over the source stream: [B, T, D] → [B, T, D].

    Keys and values come from the source by two different pointwise convolutions.
    """

    def call(self, x, source=None, presence=None, training=False):
        keys, values = self.keys_and_values(source.x)
        return self._attend(x, keys, values, padding_bias(source.presence))

    def initial_state(self, source, max_length):
        keys, values = self.keys_and_values(source.x)
        return {"keys": keys, "values": values, "bias": padding_bias(source.presence)}

    def step(self, x, state, position):
        return self._attend(x[:, None], state["keys"], state["values"], state["bias"])[:, 0], state


class AttentionBlock(Layer):
    """The attention block of the MultiModel (1706.05137, section 2.2, figure 2): [B, T, D] → [B, T, D], causal.

    m = x + ConvStep_{d4}^{5}(ConvStep_{d1}^{5}(x + timing)); then self-attention and attention over the source, each a
    residual branch behind a layer norm. The residual connections are ours: the paper's figure leaves them open.
    """

    def __init__(self, channels: int, heads: int, dropout_rate: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self._dropout_rate = dropout_rate
        self.mix1 = ConvStep(channels, 5, 1, name="mix1")
        self.mix2 = ConvStep(channels, 5, 4, gain=BRANCH_GAIN, name="mix2")
        self.norm1, self.norm2 = LayerNorm(name="norm1"), LayerNorm(name="norm2")
        self.self_attention = SelfAttention(channels, heads, name="self_attention")
        self.source_attention = SourceAttention(channels, heads, name="source_attention")

    def call(self, x, source=None, presence=None, training=False):
        x = add_timing(x)
        x = x + self.mix2(self.mix1(x))
        x = x + dropout(self.self_attention(self.norm1(x)), self._dropout_rate, training)
        return x + dropout(self.source_attention(self.norm2(x), source), self._dropout_rate, training)

    def initial_state(self, source, max_length):
        return {
            "mix1": self.mix1.initial_state(source.x),
            "mix2": self.mix2.initial_state(source.x),
            "self": self.self_attention.initial_state(source, max_length),
            "source": self.source_attention.initial_state(source, max_length),
        }

    def step(self, x, state, position):
        x = add_timing_at(x, position)
        h, mix1 = self.mix1.step(x, state["mix1"], position)
        h, mix2 = self.mix2.step(h, state["mix2"], position)
        x = x + h
        h, own = self.self_attention.step(self.norm1(x), state["self"], position)
        x = x + h
        h, source = self.source_attention.step(self.norm2(x), state["source"], position)
        return x + h, {"mix1": mix1, "mix2": mix2, "self": own, "source": source}
