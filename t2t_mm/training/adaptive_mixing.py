"""Adaptive mixing: shares that follow where training lowers the dev loss most, learned at every evaluation.

After the learning progress of Graves et al. 2017 (arXiv:1704.03003: the gain in loss, divided by what it cost, decides
what is trained) and the teacher of Matiisen et al. 2017 (arXiv:1707.00183, section 3: smoothed progress of each task,
with a floor for all). Other than there the gain is of the dev split, not of a training batch, and shares are kept
exactly instead of drawn.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from t2t_mm.errors import UserError
from t2t_mm.training.mixing import Mixing, Stage
from t2t_mm.training.quotas import whole_steps

CHANGE = 0.5  # how far shares move, at an evaluation, from what they are to what the progress since the last asks for


class AdaptiveMixing(Mixing):
    """Shares ∝ the dev log-perplexity that a step of each problem took away since the last evaluation.

    The shares s_k of K problems are equal until the second evaluation. From then on, where problem k had n_k steps
    since the evaluation before and its dev log-perplexity went from b_k to a_k:

        gain_k = max(0, b_k - a_k) / n_k
        s_k   ← (1 - CHANGE) s_k + CHANGE (floor / K + (1 - floor) gain_k / Σ gain)

    So the steps go where one lowered most the figure by which the best weights of a run are chosen, the mean dev
    log-perplexity; no share falls below floor / K, or below half of what it was. A loss that rises counts as no gain:
    that may be forgetting, for which the floor is there, or overfitting, which more steps would make worse. If no loss
    fell, the shares stay.

    Args:
        names, seed, per_step: as of Mixing.
        floor: the share that all problems have in equal parts, in (0, 1]; 1 is uniform mixing.

    Attributes:
        state: all that the shares depend on (JSON): the step since which they hold, they, and the dev log-perplexities
            of that step. It is in every checkpoint.
    """

    def __init__(self, names: Sequence[str], floor: float, seed: int = 0, per_step: int = 1):
        super().__init__(names, [], seed, per_step)
        self._floor = floor
        self.restore({"since": 0, "shares": [1 / len(names)] * len(names), "losses": {}})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state`."""
        self.state = dict(state)
        self._stages = [Stage(state["since"], whole_steps(state["shares"]))]

    def adapt(self, step: int, losses: Mapping[str, float]) -> None:
        """New shares from `step` on, at which the dev log-perplexities are `losses`."""
        before, shares = self.state["losses"], self.state["shares"]
        if before:
            steps = self.counts_between(self.state["since"], step)
            gains = [_gain(before[name], losses[name], steps[name]) for name in self.names]
            shares = self._moved(shares, gains)
        self.restore({"since": step, "shares": shares, "losses": {name: losses[name] for name in self.names}})

    def check(self, has_dev: Mapping[str, bool], eval_interval: int) -> None:
        """UserError if some problem cannot be evaluated, or the floor gives it no step from one evaluation to the next.

        Args:
            has_dev: problem → whether there are dev examples.
            eval_interval: steps between evaluations.
        """
        without = [name for name, there in has_dev.items() if not there]
        if without:
            raise UserError(f"mixing=adaptive follows the dev loss, and {', '.join(without)} has no dev split. Use "
                            "another mixing, or give the problem dev examples.")
        least = math.ceil(len(self.names) / self._floor / self.per_step)
        if eval_interval < least:
            raise UserError(f"mixing=adaptive with mixing_floor={self._floor:g} and {len(self.names)} problems needs "
                            f"{least} steps or more from one evaluation to the next, so that each is trained "
                            f"meanwhile; --eval_interval is {eval_interval}. Raise it, or mixing_floor.")

    def _when(self, stage: Stage) -> str:
        return super()._when(stage) if stage.start else " until the second evaluation"

    def _moved(self, shares, gains):
        total = sum(gains)
        if not total:
            return shares
        equal = self._floor / len(gains)
        return [(1 - CHANGE) * share + CHANGE * (equal + (1 - self._floor) * gain / total)
                for share, gain in zip(shares, gains)]


def _gain(before: float, now: float, steps: int) -> float:
    """What a step took away of a loss; 0 where it rose or one of the two is no number."""
    fallen = before - now
    return fallen / steps if math.isfinite(fallen) and fallen > 0 and steps else 0.0
