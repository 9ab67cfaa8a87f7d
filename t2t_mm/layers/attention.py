"""Attention: multi-head dot products, and the MultiModel's attention block (1706.05137, section 2.2)."""

from keras import ops

from t2t_mm.layers.convolution import BRANCH_GAIN, ConvStep
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.randomness import dropout
from t2t_mm.layers.sequence import add_timing, add_timing_at
from t2t_mm.layers.stepping import write

MASKED = -1e9


def attend(queries, keys, values, bias):
    """softmax(Q·K/√(D/H) + bias)·V: queries [B, H, T, D/H], keys and values [B, H, S, D/H] → as queries.

    The softmax runs in float32. bias broadcasts to [B, H, T, S], 0 or MASKED; None hides nothing.
    """
    queries = queries * queries.shape[-1] ** -0.5
    weights = _weights(ops.matmul(queries, ops.swapaxes(keys, 2, 3)), bias)
    return ops.matmul(ops.cast(weights, values.dtype), values)


def _weights(scores, bias):
    scores = ops.cast(scores, "float32")
    if scores.shape[3] == 1:  # one key leaves nothing to choose (and keras warns of such a softmax)
        return ops.ones_like(scores)
    return ops.softmax(scores if bias is None else scores + bias, axis=-1)


def attend_one(query, keys, values, bias):
    """`attend` for one position of each row: query [R, H, D/H], keys and values [B, H, S, D/H] → as query.

    R/B rows in a row, such as the beams of a sentence, share keys and values: these are read once for all of them, and
    no transposed copy of the keys is made.
    """
    columns = ops.reshape(query * query.shape[-1] ** -0.5, (ops.shape(keys)[0], -1, *query.shape[1:]))
    columns = ops.transpose(columns, (0, 2, 3, 1))  # [B, H, D/H, R/B]
    weights = _weights(ops.swapaxes(ops.matmul(keys, columns), 2, 3), bias)  # [B, H, R/B, S]
    y = ops.matmul(ops.cast(weights, values.dtype), values)
    return ops.reshape(ops.swapaxes(y, 1, 2), (-1, *query.shape[1:]))


def padding_bias(presence):
    """presence [B, S] → [B, 1, 1, S]: hides padding."""
    return (1.0 - ops.cast(presence, "float32"))[:, None, None, :] * MASKED


def causal_bias(length):
    """[1, 1, T, T]: hides the future."""
    positions = ops.arange(length)
    return ops.cast(positions[None, :] > positions[:, None], "float32")[None, None] * MASKED


class _Heads(Layer):
    """What both kinds of attention share: the output's projection, and the split into heads."""

    def __init__(self, channels: int, heads: int, **kwargs):
        super().__init__(**kwargs)
        if channels % heads:
            raise ValueError(f"hidden_size {channels} is no multiple of the number of heads, {heads}.")
        self._channels, self._heads = channels, heads
        self.output_projection = Dense(channels, use_bias=False, name="output")

    def _split(self, x, parts):  # [B, L, P·D] → P of [B, H, L, D/H]
        shape = (ops.shape(x)[0], -1, parts, self._heads, self._channels // self._heads)
        return ops.unstack(ops.transpose(ops.reshape(x, shape), (2, 0, 3, 1, 4)), parts)

    def _attend(self, queries, keys, values, bias):  # → [B, T, D]
        y = ops.transpose(attend(queries, keys, values, bias), (0, 2, 1, 3))  # [B, T, H, D/H]
        return self.output_projection(ops.reshape(y, (ops.shape(y)[0], -1, self._channels)))

    def _heads_of(self, x, parts):  # one position, [R, P·D] → P of [R, H, D/H]
        shape = (-1, parts, self._heads, self._channels // self._heads)
        return ops.unstack(ops.reshape(x, shape), parts, axis=1)

    def _attend_one(self, query, keys, values, bias):  # query [R, H, D/H] → [R, D]
        return self.output_projection(ops.reshape(attend_one(query, keys, values, bias), (-1, self._channels)))


class SelfAttention(_Heads):
    """Multi-head attention of a sequence over itself (1706.03762, section 3.2.2): [B, L, D] → [B, L, D].

    Causal: a position sees itself and the past. Not causal: all of `presence`.
    """

    def __init__(self, channels: int, heads: int, causal: bool = True, **kwargs):
        super().__init__(channels, heads, **kwargs)
        self._causal = causal
        self.query_key_value = Dense(3 * channels, use_bias=False, parts=3, name="query_key_value")

    def call(self, x, source=None, presence=None, training=False):
        bias = causal_bias(ops.shape(x)[1]) if self._causal else padding_bias(presence)
        return self._attend(*self._split(self.query_key_value(x), 3), bias)

    def initial_state(self, source, max_length):
        shape = (ops.shape(source.x)[0], self._heads, max_length, self._channels // self._heads)
        return {"keys": ops.zeros(shape, source.x.dtype), "values": ops.zeros(shape, source.x.dtype)}

    def step(self, x, state, position, memory):
        query, key, value = self._heads_of(self.query_key_value(x), 3)  # [R, H, D/H]
        keys, values = write(state["keys"], position, key), write(state["values"], position, value)
        future = ops.cast(ops.arange(ops.shape(keys)[2]) > position, "float32") * MASKED
        return self._attend_one(query, keys, values, future), {"keys": keys, "values": values}


class SourceAttention(_Heads):
    """Multi-head attention of the targets over the source stream: [B, T, D] → [B, T, D].

    Keys and values come from the source by two different pointwise convolutions.
    """

    def __init__(self, channels: int, heads: int, **kwargs):
        super().__init__(channels, heads, **kwargs)
        self.query = Dense(channels, use_bias=False, name="query")
        self.key_value = Dense(2 * channels, use_bias=False, parts=2, name="key_value")

    def call(self, x, source=None, presence=None, training=False):
        (query,) = self._split(self.query(x), 1)
        return self._attend(query, *self._split(self.key_value(source.x), 2), padding_bias(source.presence))

    def memory(self, source):
        keys, values = self._split(self.key_value(source.x), 2)
        return {"keys": keys, "values": values, "bias": padding_bias(source.presence)}

    def step(self, x, state, position, memory):
        (query,) = self._heads_of(self.query(x), 1)
        return self._attend_one(query, **memory), state


class SourceMean(Layer):
    """x plus the mean of the source, through a dense layer: what a decoder sees of its source without attention.

    [B, T, D] → [B, T, D]; dropout on the mean while training.
    """

    def __init__(self, channels: int, dropout_rate: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self._dropout_rate = dropout_rate
        self.output_projection = Dense(channels, use_bias=False, name="output")

    def call(self, x, source=None, presence=None, training=False):
        return x + dropout(self._mean(source), self._dropout_rate, training)[:, None]

    def memory(self, source):
        return {"mean": self._mean(source)}

    def step(self, x, state, position, memory):
        mean = memory["mean"][:, None]  # [B, 1, D]
        y = ops.reshape(x, (ops.shape(mean)[0], -1, x.shape[-1])) + mean
        return ops.reshape(y, (-1, x.shape[-1])), state

    def _mean(self, source):  # → [B, D]
        presence = ops.cast(source.presence, source.x.dtype)[..., None]
        return self.output_projection(ops.sum(source.x * presence, axis=1) / ops.maximum(ops.sum(presence, axis=1), 1))


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

    def memory(self, source):
        return self.source_attention.memory(source)

    def initial_state(self, source, max_length):
        return {
            "mix1": self.mix1.initial_state(source.x, max_length),
            "mix2": self.mix2.initial_state(source.x, max_length),
            "self": self.self_attention.initial_state(source, max_length),
        }

    def step(self, x, state, position, memory):
        x = add_timing_at(x, position)
        h, mix1 = self.mix1.step(x, state["mix1"], position)
        h, mix2 = self.mix2.step(h, state["mix2"], position)
        x = x + h
        h, own = self.self_attention.step(self.norm1(x), state["self"], position, {})
        x = x + h
        h, _ = self.source_attention.step(self.norm2(x), {}, position, memory)
        return x + h, {"mix1": mix1, "mix2": mix2, "self": own}
