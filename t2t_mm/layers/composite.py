"""Composites of causal layers: a residual branch, and a chain; both have the doors of their parts."""

from t2t_mm.layers.layer import Layer
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.randomness import dropout


class Residual(Layer):
    """x + dropout(inner(LN(x))): the inner layer as a residual branch behind a layer norm."""

    def __init__(self, inner: Layer, dropout_rate: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.norm, self.inner, self._dropout_rate = LayerNorm(name="norm"), inner, dropout_rate

    def call(self, x, source=None, presence=None, training=False):
        y = self.inner(self.norm(x), source=source, presence=presence, training=training)
        return x + dropout(y, self._dropout_rate, training)

    def memory(self, source):
        return self.inner.memory(source)

    def initial_state(self, source, max_length):
        return self.inner.initial_state(source, max_length)

    def step(self, x, state, position, memory):
        y, state = self.inner.step(self.norm(x), state, position, memory)
        return x + y, state


class Chain(Layer):
    """Layers one after another, closed by a layer norm: [B, L, D] → [B, L, D]."""

    def __init__(self, parts: list[Layer], **kwargs):
        super().__init__(**kwargs)
        self.parts, self.norm = parts, LayerNorm(name="norm")

    def call(self, x, source=None, presence=None, training=False):
        for part in self.parts:
            x = part(x, source=source, presence=presence, training=training)
        return self.norm(x)

    def memory(self, source):
        return {part.name: part.memory(source) for part in self.parts}

    def initial_state(self, source, max_length):
        return {part.name: part.initial_state(source, max_length) for part in self.parts}

    def step(self, x, state, position, memory):
        after = {}
        for part in self.parts:
            x, after[part.name] = part.step(x, state[part.name], position, memory[part.name])
        return self.norm(x), after
