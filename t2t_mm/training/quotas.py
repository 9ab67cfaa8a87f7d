"""Quotas: whole steps for shares, and an order in which every problem has had its share at every moment."""

import heapq
import math
import random
from collections.abc import Sequence

import numpy as np

ROUND = 50400   # steps of constant shares after which the order repeats; divisible by 1 to 10: simple shares are exact
_NEAR = 1e-6    # steps by which rounding may move a target


def whole_steps(amounts: Sequence[float]) -> tuple[int, ...]:
    """Steps of a round, together ROUND, nearest to the amounts (largest remainder): ≥ 1 where the amount is not 0."""
    used = [amount > 0 for amount in amounts]
    free = ROUND - sum(used)                        # one step each is given beforehand
    wished = [max(0.0, ROUND * amount / sum(amounts) - 1) for amount in amounts]
    exact = [free * wish / sum(wished) for wish in wished]
    counts = [one + math.floor(x + _NEAR) for one, x in zip(used, exact)]
    by_remainder = sorted(range(len(exact)), key=lambda k: (not used[k], counts[k] - exact[k]))
    for k in by_remainder[:ROUND - sum(counts)]:
        counts[k] += 1
    return tuple(counts)


def order(targets: np.ndarray, seed: int) -> np.ndarray:
    """Which problem has each step, so that every count is at every moment less than 1 away from its target.

    Problem k's i-th step may come no earlier than where its target leaves i and no later than where it reaches i + 1;
    of the problems whose step may come, the one that must come first does (earliest deadline first, as the quota method
    of Balinski and Young 1975). There always is such an order, also where shares change: the targets themselves are one
    in fractions of steps, and a flow of fractions through such windows can be made whole.

    Args:
      targets: float64 [steps + 1, problems], how many of the first 0, 1, 2, ... steps each problem should have; no
        column falls, and the rows sum to 0, 1, 2, ...
      seed: decides between equal deadlines.

    Returns:
      int32 [steps], numbers of problems.
    """
    ties = random.Random(seed)
    windows = [_windows(column) for column in targets.T]
    future = [(first[0], ties.random(), k, 0) for k, (first, _) in enumerate(windows) if first]
    heapq.heapify(future)                                             # (first possible step, tie, problem, i)
    due = []                                                          # (deadline, tie, problem, i)
    chosen = np.empty(len(targets) - 1, np.int32)
    for step in range(len(chosen)):
        while future and future[0][0] <= step:
            _, tie, k, i = heapq.heappop(future)
            heapq.heappush(due, (windows[k][1][i], tie, k, i))
        _, _, k, i = heapq.heappop(due)
        chosen[step] = k
        if i + 1 < len(windows[k][0]):
            heapq.heappush(future, (windows[k][0][i + 1], ties.random(), k, i + 1))
    return chosen


def _windows(target: np.ndarray) -> tuple[list[int], list[int]]:
    """Of each step of one problem: where it may come at the earliest, and before where it must have come."""
    numbers = np.arange(math.ceil(target[-1] - _NEAR))
    first = np.searchsorted(target, numbers + _NEAR, side="right") - 1
    deadline = np.searchsorted(target, numbers + 1 - _NEAR, side="left")
    return first.tolist(), deadline.tolist()
