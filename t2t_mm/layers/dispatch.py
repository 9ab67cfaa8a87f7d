"""Tokens on their way to the experts that they chose, and the results on their way back."""

import copy

from keras import ops


class Groups:
    """The N·k choices of N tokens, expert by expert: each expert works on rows of its own, as many as chose it.

    Nothing is dropped and nothing is computed for no one. But the shapes depend on the choices, so not for XLA.

    Args:
        chosen: int32 [N, k], values 0…E; E: none.
        experts: E.

    Attributes:
        flat: int32 [N·k], the experts in the order of the tokens.
        order: int32 [N·k], the choices (token·k + its number), expert by expert, in the order of the tokens, last those
            of none.
        rank: int32 [N·k], the place of a choice in that order.
        starts: int32 [E + 1], the first place of each expert, and of none.
        sizes: int32 [E], the choices of each expert.
        choices: k.
    """

    def __init__(self, chosen, experts: int):
        self.flat, self.choices = ops.reshape(chosen, (-1,)), chosen.shape[1]
        self.order = ops.cast(ops.argsort(self.flat), "int32")  # stable
        self.rank = ops.cast(ops.argsort(self.order), "int32")  # the inverse permutation
        sizes = ops.segment_sum(ops.ones_like(self.flat), self.flat, experts + 1)  # XLA compiles no bincount here
        self.starts, self.sizes = ops.cumsum(sizes) - sizes, sizes[:experts]

    def dispatch(self, x):
        """Tokens [N, D] → for each expert its rows [n_i, D]."""
        rows = ops.take(x, self.order // self.choices, axis=0)  # [N·k, D]
        starts, sizes = (ops.unstack(places, num=self.sizes.shape[0]) for places in (self.starts[:-1], self.sizes))
        return [ops.slice(rows, (start, 0), (size, x.shape[-1])) for start, size in zip(starts, sizes, strict=True)]

    def collect(self, results, weights):
        """For each expert the results of its rows [n_i, D] → Σ_k weights·(those of a token) [N, D]; weights [N, k]."""
        table = ops.concatenate([*results, ops.zeros((1, results[0].shape[-1]), results[0].dtype)], axis=0)
        place = ops.minimum(self.rank, self.starts[-1])  # those of none: the zeros at the end
        return weighted_sum(table, ops.reshape(place, (-1, self.choices)), weights)[0]


class Slots:
    """Experts with C slots each, filled in the order of the tokens; for training, and for XLA, whose shapes are fixed.

    Tokens go to slots and results come back by gathers, and so do their gradients: either way transposes the other, so
    nothing is scattered and no table is copied to be padded. An empty slot holds any token; no one asks for its result.
    What finds no slot may be dropped, or have one in the next `round`.

    Args:
        capacity: C.

    Attributes:
        choice: int [E·C], the choice in a slot (token·k + its number); any, where the slot is empty.
        filled: float [E·C], 1 where a slot is not empty.
        slot: int [N, k], the slot of a choice; any, where it found none (padding, or the expert was full).
        kept: float [N, k], 1 where a choice found a slot.
    """

    def __init__(self, groups: Groups, capacity):
        experts = groups.sizes.shape[0]
        capacity = ops.maximum(ops.cast(capacity, "int32"), 1)
        place = groups.rank - ops.take(groups.starts, groups.flat, axis=0)  # of a choice in its expert's row
        self.rounds = -(-ops.max(groups.sizes) // capacity)  # until every choice had a slot
        self._groups, self._experts, self._capacity, self._place = groups, experts, capacity, place
        self._fill(0)

    def _fill(self, skipped):
        """Gives the slots to the choices that have places from `skipped` on in the rows of their experts."""
        groups, capacity, place = self._groups, self._capacity, self._place - skipped
        fits = ops.logical_and(ops.logical_and(place >= 0, place < capacity), groups.flat < self._experts)
        self.slot = ops.reshape(ops.where(fits, groups.flat * capacity + place, 0), (-1, groups.choices))
        self.kept = ops.reshape(ops.cast(fits, "float32"), (-1, groups.choices))
        columns = ops.arange(capacity, dtype="int32")[None, :]  # [1, C]
        filled = columns < ops.minimum(groups.sizes[:, None] - skipped, capacity)  # [E, C]
        self.filled = ops.reshape(ops.cast(filled, "float32"), (-1,))
        rows = ops.minimum(groups.starts[:-1, None] + skipped + columns, ops.shape(groups.flat)[0] - 1)
        self.choice = ops.reshape(ops.take(groups.order, rows, axis=0), (-1,))

    def round(self, number):
        """The slots when they are filled again, by the choices that found none in the `number` rounds before."""
        later = copy.copy(self)
        later._fill(number * self._capacity)
        return later

    def dispatch(self, x):
        """Tokens [N, D] → slots [E, C, D]."""

        @ops.custom_gradient
        def gather(x):
            def grad(*upstream):
                table = ops.reshape(upstream[0], (-1, x.shape[-1]))
                return weighted_sum(table, self.slot, ops.cast(self.kept, x.dtype))[0]

            return ops.reshape(self._tokens(x), (self._experts, -1, x.shape[-1])), grad

        return gather(x)

    def collect(self, y, weights):
        """Slots [E, C, D] → Σ_k weights·(the results of a token's choices) [N, D]; weights [N, k]."""

        @ops.custom_gradient
        def gather(y, weights):
            kept = weights * ops.cast(self.kept, weights.dtype)
            total, results = weighted_sum(ops.reshape(y, (-1, y.shape[-1])), self.slot, kept)

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
        return ops.take(x, self.choice // self._groups.choices, axis=0)


def weighted_sum(table, places, weights):
    """Table [T, D], places and weights [N, k] → Σ_k weights·rows [N, D], and the rows [N, k, D]."""
    rows = ops.take(table, places, axis=0)
    return ops.matmul(weights[:, None], rows)[:, 0], rows
