"""Sparsely-gated mixture of experts (Shazeer et al. 2017, 1701.06538); more experts do not cost more time."""

import math

import keras
from keras import ops

from t2t_mm.layers.compiling import wants_few_operations
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.dispatch import Groups, Slots
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.randomness import normal
from t2t_mm.layers.side_outputs import report
from t2t_mm.layers.stepping import weight

FEWEST_SLOTS = 8  # of an expert outside of training


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
        noisy = clean + normal(ops.shape(clean)) * deviation if training else clean
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


class EachGlorotUniform(keras.initializers.GlorotUniform):
    """Glorot's start of E matrices [E, I, O]: with the fans of one, not of all."""

    def __call__(self, shape, dtype=None):
        limit = math.sqrt(6 / (shape[1] + shape[2]))
        return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)


class MixtureOfExperts(Layer):
    """y = Σ_i G_i(x)·E_i(x), E_i = Dense(filters) → ReLU → Dense(D): [B, L, D] → [B, L, D] (1701.06538, section 2).

    While training an expert has C = capacity_factor·N·k/E slots, and what does not fit is dropped. Otherwise nothing is
    dropped: each expert has a product of its own, of as many rows as chose it. With XLA, which wants a C that does not
    depend on the choices, and on GPUs slots are filled again, round after round, until every choice had one. C is then
    at least FEWEST_SLOTS and three deviations of random choices above its mean, so that mostly there is one round.

    Padding takes no slot. Reports CV²(importance) + CV²(load), times `loss_coefficient`, and per expert load and the
    share of choices dropped.
    """

    def __init__(self, channels, filters, experts, chosen, loss_coefficient=0.01, capacity_factor=1.25, **kwargs):
        super().__init__(**kwargs)
        self._channels, self._filters, self._experts = channels, filters, experts
        self._chosen, self._loss_coefficient, self._capacity_factor = chosen, loss_coefficient, capacity_factor
        self.gate = NoisyTopKGate(experts, chosen, name="gate", dtype="float32")

    def build(self, shape):
        into, out = (self._experts, self._channels, self._filters), (self._experts, self._filters, self._channels)
        self.rise = self.add_weight(shape=into, initializer=EachGlorotUniform(), name="rise")
        self.fall = self.add_weight(shape=out, initializer=EachGlorotUniform(), name="fall")

    def call(self, x, source=None, presence=None, training=False):
        tokens = ops.reshape(x, (-1, self._channels))  # [N, D]
        real = ops.ones_like(tokens[:, 0], "float32") if presence is None else ops.reshape(presence, (-1,))
        real = ops.cast(real, "float32")
        gates = self.gate(tokens, real, training=training)
        groups = Groups(gates.chosen, self._experts)
        matrices = weight(self.rise, x.dtype), weight(self.fall, x.dtype)
        weights, dropped = ops.cast(gates.weights, x.dtype), ops.zeros(())
        if training:
            slots = Slots(groups, self._capacity(tokens))
            y = _in_slots(slots, tokens, weights, *matrices)
            dropped = ops.sum((1 - slots.kept) * real[:, None])
        elif wants_few_operations():
            y = _in_rounds(Slots(groups, self._ample_capacity(tokens)), tokens, weights, *matrices)
        else:
            y = _in_groups(groups, tokens, weights, *matrices)
        self._report(gates, groups.sizes, dropped, real)
        return ops.reshape(y, ops.shape(x))

    def _choices(self, tokens):
        """Of an expert, on average: a float32 scalar."""
        return ops.cast(ops.shape(tokens)[0], "float32") * (min(self._chosen, self._experts) / self._experts)

    def _capacity(self, tokens):
        return ops.cast(ops.ceil(self._choices(tokens) * self._capacity_factor), "int32")

    def _ample_capacity(self, tokens):
        mean = self._choices(tokens)
        likely = ops.cast(ops.ceil(mean + 3 * ops.sqrt(mean)), "int32")  # three deviations of even, random choices
        return ops.minimum(ops.maximum(ops.maximum(self._capacity(tokens), likely), FEWEST_SLOTS), ops.shape(tokens)[0])

    def _report(self, gates, sizes, dropped, real):
        loss = squared_variation(gates.importance) + squared_variation(gates.load)
        choices = ops.maximum(ops.sum(real) * gates.weights.shape[1], 1.0)
        report(
            self.name,
            {"balance": self._loss_coefficient * loss},
            {
                "expert_load": ops.cast(sizes, "float32") / choices,
                "expert_importance": gates.importance / ops.maximum(ops.sum(real), 1.0),
                "dropped": dropped / choices,
            },
        )

    def step(self, x, state, position, memory):
        return self(x[:, None])[:, 0], state


def _in_slots(slots, tokens, weights, rise, fall):
    """The results of the choices that have slots, added up for each token: [N, D]."""
    return slots.collect(_experts(slots.dispatch(tokens), rise, fall), weights)


def _in_rounds(slots, tokens, weights, rise, fall):
    """The results of all choices, added up for each token: [N, D]."""
    return ops.while_loop(
        lambda number, y: number < slots.rounds,
        lambda number, y: (number + 1, y + _in_slots(slots.round(number), tokens, weights, rise, fall)),
        (0, ops.zeros_like(tokens)),
    )[1]


def _in_groups(groups, tokens, weights, rise, fall):
    """As `_in_rounds`."""
    rows = groups.dispatch(tokens)
    results = [_experts(*one) for one in zip(rows, ops.unstack(rise), ops.unstack(fall), strict=True)]
    return groups.collect(results, weights)


def _experts(x, rise, fall):
    """One expert: [N, D], [D, F] and [F, D] → [N, D]; or all of them, a leading axis E everywhere."""
    return ops.matmul(ops.relu(ops.matmul(x, rise)), fall)
