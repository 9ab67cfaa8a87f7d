"""Which problem trains next: stages of shares, kept exactly, as a pure function of (seed, step)."""

import functools
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from t2t_mm.training.quotas import ROUND, order


class Stage(NamedTuple):
    """Shares from a step on, until the next stage.

    Attributes:
        start: its first step.
        counts: steps of each problem in ROUND steps; together ROUND. A problem with 0 pauses.
        glides: whether the shares move in a straight line to those of the next stage; else they stay.
    """

    start: int
    counts: tuple[int, ...]
    glides: bool = False


class Mixing:
    """The order in which problems train.

    In each stage the steps of a problem are at every moment less than 1 away from the sum of its shares since the
    stage began; in a window of a stage with constant shares they are less than 2 away from its share of that window.

    A step trains `per_step` problems at once; each counts as one. The order of a stage is made when it is first asked
    for, which takes 2 µs for each of its steps (of eight problems), at most ROUND where shares are constant: from there
    it repeats.

    Args:
        names: the problems, each once.
        stages: the first starts at step 0; starts rise.
        seed: decides between problems that could come as well.
        per_step: problems that a step trains.
    """

    def __init__(self, names: Sequence[str], stages: Sequence[Stage], seed: int = 0, per_step: int = 1):
        self.names, self.per_step = tuple(names), per_step
        self._stages, self._seed = list(stages), seed

    def problems_at(self, step: int) -> list[str]:
        """The problems that a step (from 0) trains, `per_step` of them; one may be there more than once."""
        return [self.names[self._chosen(place)] for place in range(step * self.per_step, (step + 1) * self.per_step)]

    def shares_at(self, step: int) -> dict[str, float]:
        """The share of each problem at a step."""
        stage, end = self._stage(step * self.per_step)
        shares = np.asarray(stage.counts) / ROUND
        if stage.glides:
            passed = (step - stage.start) / (end.start - stage.start)
            shares = shares + passed * (np.asarray(end.counts) / ROUND - shares)
        return dict(zip(self.names, shares.tolist()))

    def counts_between(self, start: int, stop: int) -> Counter:
        """How often the steps start, ..., stop - 1 train each problem: name → count, also where it is 0."""
        counts = self._before(stop * self.per_step) - self._before(start * self.per_step)
        return Counter(dict(zip(self.names, counts.tolist())))

    def describe(self, sizes: Mapping[str, int] | None = None) -> list[str]:
        """A line for each stage: where it begins, and the shares there; the first with the numbers of examples."""
        lines = []
        for stage in self._stages:
            examples = {name: f" ({size:,} examples)" for name, size in (sizes or {}).items() if not stage.start}
            shares = self.shares_at(stage.start).items()
            text = ", ".join(f"{name} {share:.1%}{examples.get(name, '')}" for name, share in shares)
            moving = "; they move to the next in a straight line" if stage.glides else ""
            lines.append(f"Share of the steps{self._when(stage)}: {text}{moving}.")
        return lines

    def _when(self, stage: Stage) -> str:
        return f" from step {stage.start:,} on" if stage.start or len(self._stages) > 1 else ""

    def warning(self, train_steps: int) -> str | None:
        """What to tell somebody who starts a training run in which some problem never comes; None if all come."""
        counts = self.counts_between(0, train_steps)
        unseen = [name for name in self.names if not counts[name]]
        if not unseen:
            return None
        return (f"In {train_steps} training steps these problems never come: {', '.join(unseen)}. "
                "Train for more steps, or raise their share with mixing=uniform, a higher mixing_temperature, or "
                "mixing=weights and mixing_weights.")

    # Places: all that steps train, one after another, `per_step` of them a step.

    def _stage(self, place: int) -> tuple[Stage, Stage | None]:
        """The stage of a place, and the next one."""
        number = bisect_right(self._stages, place, key=lambda stage: stage.start * self.per_step) - 1
        return self._stages[number], self._stages[number + 1] if number + 1 < len(self._stages) else None

    def _chosen(self, place: int) -> int:
        """The number of the problem at a place."""
        stage, end = self._stage(place)
        found = self._order(stage, end)
        return found[(place - stage.start * self.per_step) % len(found)]

    def _before(self, place: int) -> np.ndarray:
        """How many places before one each problem has: int64 [problems]."""
        counts = np.zeros(len(self.names), np.int64)
        for stage, end in zip(self._stages, [*self._stages[1:], None]):
            stop = place if end is None else min(place, end.start * self.per_step)
            length = max(0, stop - stage.start * self.per_step)
            rounds, rest = (0, length) if stage.glides else divmod(length, ROUND)
            counts += rounds * np.asarray(stage.counts)
            if rest:
                counts += np.bincount(self._order(stage, end)[:rest], minlength=len(counts))
        return counts

    def _order(self, stage: Stage, end: Stage | None) -> np.ndarray:
        if stage.glides:
            return _order_of_glide(stage.counts, end.counts, end.start - stage.start, self.per_step, self._seed)
        return _order_of_round(stage.counts, self._seed)


@functools.lru_cache(maxsize=64)
def _order_of_round(counts: tuple[int, ...], seed: int) -> np.ndarray:
    """The problems of one round of constant shares: int32 [ROUND]."""
    moments = np.arange(ROUND + 1, dtype=np.float64)[:, None]
    return order(moments * (np.asarray(counts) / ROUND), seed)


@functools.lru_cache(maxsize=64)
def _order_of_glide(counts: tuple[int, ...], to: tuple[int, ...], steps: int, per_step: int, seed: int) -> np.ndarray:
    """The problems of so many steps in which the shares move in a straight line: int32 [steps · per_step]."""
    first, last = np.asarray(counts) / ROUND, np.asarray(to) / ROUND
    passed = np.repeat(np.arange(steps) / steps, per_step)[:, None]
    shares = first + passed * (last - first)                          # [places, problems]
    return order(np.concatenate([np.zeros((1, len(first))), np.cumsum(shares, axis=0)]), seed)
