"""Sparsely-gated mixture of experts (Shazeer et al. 2017, 1701.06538); more experts do not cost more time."""

import copy
import math

import keras
from keras import ops

from t2t_mm.layers.compiling import is_compiling
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.randomness import normal
from t2t_mm.layers.side_outputs import report
from t2t_mm.layers.stepping import matrix

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


class Slots:
    """Where each choice of each token is worked on: experts have C slots each, filled in the order of the tokens.

    Tokens go to slots and results come back by gathers, and so do their gradients: either way transposes the other, so
    nothing is scattered and no table is copied to be padded. An empty slot holds any token; no one asks for its result.
    What finds no slot may be dropped, or have one in the next `round`.

    Args:
        chosen: int32 [N, k], values 0…E; E: none.
        capacity: C.
        trimmed: whether C is less where the fullest expert needs less.

    Attributes:
        choice: int [E·C], the choice in a slot (token·k + its number); any, where the slot is empty.
        filled: float [E·C], 1 where a slot is not empty.
        slot: int [N, k], the slot of a choice; any, where it found none (padding, or the expert was full).
        kept: float [N, k], 1 where a choice found a slot.
        sizes: int [E], the choices of an expert.
    """

    def __init__(self, chosen, experts: int, capacity, trimmed: bool = False):
        count, k = ops.shape(chosen)[0], chosen.shape[1]
        flat = ops.reshape(chosen, (-1,))  # [N·k], values 0…E
        order = ops.cast(ops.argsort(flat), "int32")  # choices by expert; ties stay in the order of the tokens
        rank = ops.cast(ops.argsort(order), "int32")  # the inverse permutation
        sizes = ops.segment_sum(ops.ones_like(flat), flat, experts + 1)  # int32 [E + 1]; XLA compiles no bincount here
        starts = ops.cumsum(sizes) - sizes
        fullest = ops.max(sizes[:experts])
        capacity = ops.cast(capacity, "int32")
        capacity = ops.maximum(ops.minimum(capacity, fullest) if trimmed else capacity, 1)
        place = rank - ops.take(starts, flat, axis=0)  # the place of a choice in its expert's row
        self.sizes, self._choices, self._experts = sizes[:experts], k, experts
        self.rounds = -(-fullest // capacity)  # until every choice had a slot
        self._sorted = order, starts[:experts, None], flat, place, capacity, count * k
        self._fill(0)

    def _fill(self, skipped):
        """Gives the slots to the choices that have places from `skipped` on in the rows of their experts."""
        order, starts, flat, place, capacity, last = self._sorted
        place = place - skipped
        fits = ops.logical_and(ops.logical_and(place >= 0, place < capacity), flat < self._experts)
        self.slot = ops.reshape(ops.where(fits, flat * capacity + place, 0), (-1, self._choices))
        self.kept = ops.reshape(ops.cast(fits, "float32"), (-1, self._choices))
        columns = ops.arange(capacity, dtype="int32")[None, :]  # [1, C]
        filled = columns < ops.minimum(self.sizes[:, None] - skipped, capacity)  # [E, C]
        self.filled = ops.reshape(ops.cast(filled, "float32"), (-1,))
        rows = ops.minimum(starts + skipped + columns, last - 1)
        self.choice = ops.reshape(ops.take(order, rows, axis=0), (-1,))

    def round(self, number):
        """The slots when they are filled again, by the choices that found none in the `number` rounds before."""
        later = copy.copy(self)
        later._fill(number * self._sorted[4])
        return later

    def dispatch(self, x):
        """Tokens [N, D] → slots [E, C, D]."""

        @ops.custom_gradient
        def gather(x):
            def grad(*upstream):
                return self._add_up(ops.reshape(upstream[0], (-1, x.shape[-1])), ops.cast(self.kept, x.dtype))[0]

            return ops.reshape(self._tokens(x), (self._experts, -1, x.shape[-1])), grad

        return gather(x)

    def collect(self, y, weights):
        """Slots [E, C, D] → Σ_k weights·(the results of a token's choices) [N, D]; weights [N, k]."""

        @ops.custom_gradient
        def gather(y, weights):
            kept = weights * ops.cast(self.kept, weights.dtype)
            total, results = self._add_up(ops.reshape(y, (-1, y.shape[-1])), kept)

            def grad(*upstream):
                dy = upstream[0]
                share = ops.take(ops.reshape(weights, (-1,)), self.choice, axis=0) * ops.cast(self.filled, dy.dtype)
                agreement = ops.matmul(results, dy[..., None])[..., 0]  # [N, k]
                slots = ops.reshape(self._tokens(dy) * share[:, None], ops.shape(y))
                return slots, agreement * ops.cast(self.kept, dy.dtype)

            return total, grad

        return gather(y, weights)

    def _tokens(self, x):
        """[N, D] → [E·C, D]: the token in each slot."""
        return ops.take(x, self.choice // self._choices, axis=0)

    def _add_up(self, table, weights):
        """Table [E·C, D], weights [N, k] → Σ_k weights·rows [N, D], and the rows [N, k, D]."""
        rows = ops.take(table, self.slot, axis=0)
        return ops.matmul(weights[:, None], rows)[:, 0], rows


class MixtureOfExperts(Layer):
    """y = Σ_i G_i(x)·E_i(x), E_i = Dense(filters) → ReLU → Dense(D): [B, L, D] → [B, L, D] (1701.06538, section 2).

    An expert has C = capacity_factor·N·k/E slots. While training it drops what does not fit. Otherwise nothing is
    dropped: the slots are filled again, round after round, until every choice had one. So memory is bounded however
    uneven the choices are. C is then at least FEWEST_SLOTS and three deviations of random choices above its mean, where
    XLA compiles, which wants a C that does not depend on the choices; elsewhere as many as the fullest expert needs, up
    to twice that. So mostly there is one round.

    Padding takes no slot. Reports CV²(importance) + CV²(load), times `loss_coefficient`, and per expert load and the
    share of choices dropped.
    """

    def __init__(self, channels, filters, experts, chosen, loss_coefficient=0.01, capacity_factor=1.25, **kwargs):
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
        trimmed = not training and not is_compiling()
        slots = Slots(gates.chosen, self._experts, self._capacity(tokens, training, trimmed), trimmed)
        if training:
            y = self._work(slots, tokens, gates)
        else:
            zeros = ops.zeros_like(tokens)
            y = ops.while_loop(lambda number, y: number < slots.rounds, lambda number, y: (
                number + 1, y + self._work(slots.round(number), tokens, gates)), (0, zeros))[1]
        self._report(gates, slots, real, dropped=training)
        return ops.reshape(y, ops.shape(x))

    def _work(self, slots, tokens, gates):
        """The results of the choices that have slots, added up for each token: [N, D]."""
        rise, fall = matrix(self.rise, tokens.dtype), matrix(self.fall, tokens.dtype)
        hidden = ops.relu(ops.matmul(slots.dispatch(tokens), rise))  # [E, C, F]
        return slots.collect(ops.matmul(hidden, fall), ops.cast(gates.weights, tokens.dtype))

    def _capacity(self, tokens, training, trimmed):
        count = ops.shape(tokens)[0]
        mean = ops.cast(count, "float32") * (min(self._chosen, self._experts) / self._experts)  # of an expert's choices
        wanted = ops.cast(ops.ceil(mean * self._capacity_factor), "int32")
        if training:
            return wanted
        likely = ops.cast(ops.ceil(mean + 3 * ops.sqrt(mean)), "int32")  # three deviations of even, random choices
        slots = ops.maximum(ops.maximum(wanted, likely), FEWEST_SLOTS)
        return ops.minimum(2 * slots if trimmed else slots, count)

    def _report(self, gates, slots, real, dropped):
        loss = squared_variation(gates.importance) + squared_variation(gates.load)
        choices = ops.maximum(ops.sum(real) * gates.weights.shape[1], 1.0)
        report(
            self.name,
            {"balance": self._loss_coefficient * loss},
            {
                "expert_load": ops.cast(slots.sizes, "float32") / choices,
                "expert_importance": gates.importance / ops.maximum(ops.sum(real), 1.0),
                "dropped": ops.sum((1 - slots.kept) * real[:, None]) / choices if dropped else ops.zeros(()),
            },
        )

    def initial_state(self, source, max_length):
        return {}

    def step(self, x, state, position):
        return self(x[:, None])[:, 0], state
