"""Sparsely-gated mixture of experts (Shazeer et al. 2017, 1701.06538); more experts do not cost more time."""

import math

import keras
from keras import ops

from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.randomness import next_seed
from t2t_mm.layers.side_outputs import report


def squared_variation(values):
    """CV²: the variance of values [E] over their squared mean (1701.06538, equation 7)."""
    return ops.var(values) / (ops.square(ops.mean(values)) + 1e-10)


class Gates:
    """What the router decided for N tokens: chosen experts [N, k] (padding: E), gates [N, k], importance, load [E]."""

    def __init__(self, chosen, weights, importance, load):
        self.chosen, self.weights, self.importance, self.load = chosen, weights, importance, load


class NoisyTopKGate(Layer):
    """H(x) = x·Wg + N(0, 1)·softplus(x·Wnoise); the softmax over its k largest (1701.06538, section 2.1). In float32.

    Without training there is no noise. The load is the smooth estimator of appendix A: the chance, over fresh noise,
    that an expert is among the k chosen.
    """

    def __init__(self, experts: int, chosen: int, **kwargs):
        super().__init__(**kwargs)
        self._experts, self._chosen = experts, min(chosen, experts)
        self.clean = Dense(experts, use_bias=False, initializer="zeros", name="clean", dtype="float32")
        self.spread = Dense(experts, use_bias=False, initializer="zeros", name="spread", dtype="float32")

    def call(self, x, presence, training=False):
        """x [N, D], presence [N] → Gates."""
        x = ops.cast(x, "float32")
        clean = self.clean(x)  # [N, E]
        deviation = ops.softplus(self.spread(x)) + 1e-2
        noisy = clean + keras.random.normal(ops.shape(clean), seed=next_seed()) * deviation if training else clean
        top, ranked = ops.top_k(noisy, min(self._chosen + 1, self._experts))  # [N, k + 1], the first that lost included
        chosen = ops.cast(ranked[:, : self._chosen], "int32")
        weights = ops.softmax(top[:, : self._chosen], axis=-1) * presence[:, None]
        hot = ops.one_hot(chosen, self._experts, dtype="float32")  # [N, k, E]
        importance = ops.sum(hot * weights[..., None], axis=(0, 1))
        load = ops.sum(self._load(clean, noisy, deviation, top, hot, training) * presence[:, None], axis=0)
        return Gates(ops.where(presence[:, None] > 0, chosen, self._experts), weights, importance, load)

    def _load(self, clean, noisy, deviation, top, hot, training):  # → [N, E]
        if not training or self._chosen == self._experts:
            return ops.sum(hot, axis=1)
        # The threshold an expert must beat: the k-th largest of the others.
        inside = noisy > top[:, self._chosen :]
        threshold = ops.where(inside, top[:, self._chosen :], top[:, self._chosen - 1 : self._chosen])
        return 0.5 * (1 + ops.erf((clean - threshold) / deviation / math.sqrt(2)))


class Slots:
    """Where each choice of each token is worked on: experts have C slots each, filled in the order of the tokens.

    Both ways, tokens → slots and slots → tokens, are gathers, and so are their gradients: each transposes the other.

    Attributes:
        token: int [E·C], the token in a slot, N where the slot is empty.
        slot: int [N, k], the slot of a choice, E·C where it found none (padding, or the expert was full).
    """

    def __init__(self, chosen, experts: int, capacity):
        count, k = ops.shape(chosen)[0], chosen.shape[1]
        flat = ops.reshape(chosen, (-1,))  # [N·k], values 0…E
        order = ops.cast(ops.argsort(flat), "int32")  # choices by expert; ties stay in the order of the tokens
        rank = ops.cast(ops.argsort(order), "int32")  # the inverse permutation
        sizes = ops.segment_sum(ops.ones_like(flat), flat, experts + 1)  # int32 [E + 1]; XLA compiles no bincount here
        starts = ops.cumsum(sizes) - sizes
        capacity = ops.cast(ops.max(sizes[:experts]) if capacity is None else capacity, "int32")
        capacity = ops.maximum(capacity, 1)
        place = rank - ops.take(starts, flat, axis=0)  # the place of a choice in its expert's row
        fits = ops.logical_and(place < capacity, flat < experts)
        self.slot = ops.reshape(ops.where(fits, flat * capacity + place, experts * capacity), (-1, k))
        columns = ops.arange(capacity, dtype="int32")[None, :]  # [1, C]
        filled = columns < ops.minimum(sizes[:experts, None], capacity)  # [E, C]
        rows = ops.minimum(starts[:experts, None] + columns, count * k - 1)
        self.token = ops.reshape(ops.where(filled, ops.take(order, rows, axis=0) // k, count), (-1,))
        self.kept = ops.reshape(ops.cast(fits, "float32"), (-1, k))
        self.sizes, self.shape = sizes[:experts], (experts, -1)

    @staticmethod
    def _rows(table, rows):
        """Rows of `table` [R, D], with a row of zeros at R."""
        return ops.take(ops.pad(table, [[0, 1], [0, 0]]), rows, axis=0)

    def dispatch(self, x):
        """Tokens [N, D] → slots [E, C, D]."""

        @ops.custom_gradient
        def gather(x):
            def grad(*upstream):
                return ops.sum(self._rows(ops.reshape(upstream[0], (-1, x.shape[-1])), self.slot), axis=1)

            return ops.reshape(self._rows(x, self.token), (*self.shape, x.shape[-1])), grad

        return gather(x)

    def collect(self, y):
        """Slots [E, C, D] → the results of each token's choices [N, k, D]; zeros for those that found no slot."""
        choices = self.slot.shape[1]

        @ops.custom_gradient
        def gather(y):
            flat = ops.reshape(y, (-1, y.shape[-1]))

            def grad(*upstream):
                # A slot belongs to one choice; find it by (token, the choice of that token that has this slot).
                here = ops.arange(ops.shape(self.token)[0], dtype="int32")[:, None]  # [E·C, 1]
                of_token = ops.take(ops.pad(self.slot, [[0, 1], [0, 0]], constant_values=-1), self.token, axis=0)
                which = ops.argmax(ops.cast(of_token == here, "int32"), axis=1)  # [E·C]
                index = self.token * choices + ops.cast(which, "int32")
                rows = self._rows(ops.reshape(upstream[0], (-1, y.shape[-1])), index)
                return ops.reshape(rows, ops.shape(y))

            return self._rows(flat, self.slot), grad

        return gather(y)


class MixtureOfExperts(Layer):
    """y = Σ_i G_i(x)·E_i(x), E_i = Dense(filters) → ReLU → Dense(D): [B, L, D] → [B, L, D] (1701.06538, section 2).

    While training, an expert has capacity_factor·N·k/E slots and drops what does not fit; otherwise as many as its
    fullest one needs, and nothing is dropped. Padding takes no slot. Reports CV²(importance) + CV²(load), times
    `loss_coefficient`, and per expert load and the share of choices dropped.
    """

    def __init__(self, channels, filters, experts, chosen, loss_coefficient=0.01, capacity_factor=1.5, **kwargs):
        super().__init__(**kwargs)
        self._channels, self._filters, self._experts = channels, filters, experts
        self._chosen, self._loss_coefficient, self._capacity_factor = chosen, loss_coefficient, capacity_factor
        self.gate = NoisyTopKGate(experts, chosen, name="gate", dtype="float32")

    def build(self, shape):
        start = keras.initializers.VarianceScaling(1.0, "fan_avg", "uniform")

        def each_expert(shape, dtype=None):  # fans of one expert, not of all
            limit = (6.0 / (shape[1] + shape[2])) ** 0.5
            return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=start.seed)

        self.rise = self.add_weight(
            shape=(self._experts, self._channels, self._filters), initializer=each_expert, name="rise"
        )
        self.fall = self.add_weight(
            shape=(self._experts, self._filters, self._channels), initializer=each_expert, name="fall"
        )

    def call(self, x, source=None, presence=None, training=False):
        tokens = ops.reshape(x, (-1, self._channels))  # [N, D]
        real = ops.ones_like(tokens[:, 0], "float32") if presence is None else ops.reshape(presence, (-1,))
        real = ops.cast(real, "float32")
        gates = self.gate(tokens, real, training=training)
        slots = Slots(gates.chosen, self._experts, self._capacity(tokens) if training else None)
        hidden = ops.relu(ops.matmul(slots.dispatch(tokens), self.rise))  # [E, C, F]
        results = slots.collect(ops.matmul(hidden, self.fall))  # [N, k, D]
        y = ops.sum(results * ops.cast(gates.weights, x.dtype)[..., None], axis=1)
        self._report(gates, slots, real)
        return ops.reshape(y, ops.shape(x))

    def _capacity(self, tokens):
        share = self._capacity_factor * min(self._chosen, self._experts) / self._experts
        wanted = ops.ceil(ops.cast(ops.shape(tokens)[0], "float32") * share)
        return ops.cast(wanted, "int32")

    def _report(self, gates, slots, real):
        loss = squared_variation(gates.importance) + squared_variation(gates.load)
        choices = ops.maximum(ops.sum(real) * gates.weights.shape[1], 1.0)
        report(
            self.name,
            {"balance": self._loss_coefficient * loss},
            {
                "expert_load": ops.cast(slots.sizes, "float32") / choices,
                "expert_importance": gates.importance / ops.maximum(ops.sum(real), 1.0),
                "dropped": ops.sum((1 - slots.kept) * real[:, None]) / choices,
            },
        )

    def initial_state(self, source, max_length):
        return {}

    def step(self, x, state, position):
        return self(x[:, None])[:, 0], state
