"""Which problem trains next: a schedule that is a pure function of (seed, step) and keeps every share exactly."""

import heapq
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from t2t_mm.errors import UserError, did_you_mean

KINDS = ("uniform", "proportional", "temperature", "weights")
ROUND = 50400   # steps in a round; divisible by 1 to 10, so that simple shares are exact


class Mixing:
    """The order in which problems train.

    Steps come in rounds of `ROUND`. In a round, problem k has n_k = round(share_k · ROUND) ≥ 1 steps; its i-th step
    may come no earlier than i · ROUND / n_k and no later than (i + 1) · ROUND / n_k, and among the problems whose step
    may come, the one that must come first does (earliest deadline first, as the quota method of Balinski and Young
    1975). So after any number n of steps every count is less than 1 away from share · n, and in any window less than
    2. The seed decides between problems whose deadlines are equal.

    Args:
      names: the problems, each once.
      sizes: training examples of each problem, read by the kinds "proportional" and "temperature" only.
      kind: "uniform" (equal shares), "proportional" (share ∝ size), "temperature" (share ∝ size^(1/temperature)) or
        "weights" (share ∝ weight).
      temperature: > 0; 1 is proportional, ∞ is uniform.
      weights: for the kind "weights", one number > 0 for each name, in the order of the names.

    Raises:
      UserError: for an unknown kind, a name given twice, or sizes, weights or temperature that give no share.
    """

    def __init__(self, names: Sequence[str], sizes: Mapping[str, int], kind: str = "uniform", temperature: float = 1.0,
                 weights: Sequence[float] = ()):
        self.names = tuple(names)
        _check_names(self.names)
        self._counts = _counts(_amounts(self.names, sizes, kind, temperature, weights))
        self.shares = {name: count / ROUND for name, count in zip(self.names, self._counts)}
        self._rounds: dict[int, np.ndarray] = {}   # seed → the order of a round, computed once

    @classmethod
    def from_hparams(cls, hparams, sizes: Mapping[str, int]) -> "Mixing":
        """The mixing that an hparams set asks for; `sizes` maps every problem, in order, to its training examples."""
        return cls(tuple(sizes), sizes, hparams.mixing, temperature=hparams.mixing_temperature,
                   weights=hparams.mixing_weights)

    def problem_at(self, seed: int, step: int) -> str:
        """The problem that trains at a step (from 0)."""
        return self.names[self._order(seed)[step % ROUND]]

    def steps_between(self, seed: int, start: int, stop: int) -> Counter:
        """How many of the steps start, ..., stop - 1 each problem has: name → count, also where it is 0."""
        counts = self._steps_before(seed, stop) - self._steps_before(seed, start)
        return Counter(dict(zip(self.names, counts.tolist())))

    def warning(self, seed: int, train_steps: int) -> str | None:
        """What to tell somebody who starts a training run in which some problem never comes; None if all come."""
        counts = self.steps_between(seed, 0, train_steps)
        unseen = [f"{name} (1 step in {1 / self.shares[name]:.0f})" for name in self.names if not counts[name]]
        if not unseen:
            return None
        return (f"In {train_steps} training steps these problems never come: {', '.join(unseen)}. "
                "Train for more steps, or raise their share with mixing=uniform, a higher mixing_temperature, or "
                "mixing=weights and mixing_weights.")

    def _steps_before(self, seed, step):
        """Steps of each problem before a step: int64 [problems]."""
        rounds, rest = divmod(step, ROUND)
        partial = np.bincount(self._order(seed)[:rest], minlength=len(self.names))
        return rounds * np.asarray(self._counts) + partial

    def _order(self, seed):
        if seed not in self._rounds:
            self._rounds[seed] = _order_of_round(self._counts, seed)
        return self._rounds[seed]


def _order_of_round(counts, seed):
    """Indices of the problems in the order of one round, earliest deadline first: int32 [ROUND]."""
    ties = random.Random(seed)
    future = [(0, ties.random(), k, 0) for k in range(len(counts))]   # (first possible step, tie, problem, i)
    heapq.heapify(future)
    due = []                                                          # (deadline, tie, problem, i)
    order = np.empty(ROUND, np.int32)
    for step in range(ROUND):
        while future and future[0][0] <= step:
            _, tie, k, i = heapq.heappop(future)
            heapq.heappush(due, (-(-(i + 1) * ROUND // counts[k]), tie, k, i))
        _, _, k, i = heapq.heappop(due)
        order[step] = k
        if i + 1 < counts[k]:
            heapq.heappush(future, ((i + 1) * ROUND // counts[k], ties.random(), k, i + 1))
    return order


def _counts(amounts):
    """Whole steps of a round, each ≥ 1 and together ROUND, nearest to the amounts (largest remainder)."""
    free = ROUND - len(amounts)                     # one step each is given beforehand
    wished = [max(0.0, ROUND * amount / sum(amounts) - 1) for amount in amounts]
    exact = [free * wish / sum(wished) for wish in wished]
    counts = [1 + math.floor(x + 1e-6) for x in exact]
    by_remainder = sorted(range(len(exact)), key=lambda k: counts[k] - exact[k])
    for k in by_remainder[:ROUND - sum(counts)]:
        counts[k] += 1
    return counts


def _amounts(names, sizes, kind, temperature, weights):
    """Positive numbers to which the shares are proportional."""
    if kind not in KINDS:
        raise UserError(f"mixing={kind} is not known.{did_you_mean(kind, KINDS)} Known: {', '.join(KINDS)}.")
    if kind == "uniform":
        return [1.0] * len(names)
    if kind == "weights":
        return _checked_weights(names, weights)
    _check_sizes(names, sizes, kind)
    if kind == "proportional":
        return [float(sizes[name]) for name in names]
    if not temperature > 0:
        raise UserError(f"mixing_temperature={temperature} must be above 0: 1 gives shares proportional to the sizes, "
                        "larger values bring them nearer to equal.")
    largest = max(sizes[name] for name in names)
    return [(sizes[name] / largest) ** (1 / temperature) for name in names]


def _check_names(names):
    if not names:
        raise UserError("No problem to train on: name at least one with --problem.")
    for name, count in Counter(names).items():
        if count > 1:
            raise UserError(f"The problem {name} is named {count} times. Name it once; to train on it more often, use "
                            "mixing=weights and mixing_weights.")


def _check_sizes(names, sizes, kind):
    for name in names:
        if sizes.get(name, 0) <= 0:
            raise UserError(f"mixing={kind} needs the number of training examples of every problem, and {name} has "
                            f"{sizes.get(name, 'no number')}. Generate its data again, or use mixing=uniform.")


def _checked_weights(names, weights):
    problems = ", ".join(names)
    if len(weights) != len(names):
        raise UserError(f"mixing=weights needs one weight for each of the {len(names)} problems ({problems}), but "
                        f"mixing_weights has {len(weights)}. Write for example mixing_weights="
                        f"{':'.join(['1'] * len(names))}.")
    for name, weight in zip(names, weights):
        if not 0 < weight < math.inf:
            raise UserError(f"The mixing weight of {name} is {weight}; weights are finite and above 0. To leave a "
                            "problem out, do not name it.")
    return [float(weight) for weight in weights]
