"""The learning rate at a step: constant, linear, rsqrt or cosine, each after a linear warm-up; pure functions."""

import math
from collections.abc import Callable

from t2t_mm.errors import UserError

FALLING_TO_ZERO = ("linear", "cosine")


def learning_rate(kind: str, step: int, peak: float, warmup_steps: int, train_steps: int = 0) -> float:
    """The learning rate of the update made at a step.

    With t = step + 1 and w = max(1, warmup_steps), the rate climbs as peak · t / w up to t = w, then it is
      constant: peak
      rsqrt:    peak · sqrt(w / t)                        (Vaswani et al. 2017, equation 3, with peak for (d w)^-1/2)
      linear:   peak · (1 - p)                            where p = (t - w) / (train_steps + 1 - w), at most 1
      cosine:   peak · (1 + cos(π p)) / 2                 (Loshchilov and Hutter 2017, without restarts)
    so that with linear and cosine the update after the last one would have rate 0.

    Args:
      kind: as the hparam learning_rate_schedule; KeyError for any other.
      step: number of updates made before this one.
      peak: highest rate, reached at the end of the warm-up.
      warmup_steps: length of the warm-up, in updates.
      train_steps: updates in the whole training run; read by linear and cosine only.

    Raises:
      UserError: if the kind needs `train_steps` and they are below `warmup_steps`.
    """
    check(kind, warmup_steps, train_steps)
    t, w = step + 1.0, float(max(1, warmup_steps))
    return peak * min(t / w, _FALLS[kind](max(t, w), w, train_steps + 1.0))


def _progress(t: float, w: float, end: float) -> float:
    return min((t - w) / (end - w), 1.0)


# The factor on the peak at t, from the end w of the warm-up on.
_FALLS = {"constant": lambda t, w, end: 1.0,
          "rsqrt": lambda t, w, end: math.sqrt(w / t),
          "linear": lambda t, w, end: 1.0 - _progress(t, w, end),
          "cosine": lambda t, w, end: 0.5 * (1.0 + math.cos(math.pi * _progress(t, w, end)))}


def check(kind: str, warmup_steps: int, train_steps: int) -> None:
    """Raises UserError if a schedule of this kind cannot have these lengths."""
    if kind in FALLING_TO_ZERO and train_steps < max(1, warmup_steps):
        raise UserError(f"learning_rate_schedule={kind} falls to 0 at the end of the training run, so it needs "
                        f"train_steps not below warmup_steps={warmup_steps}; there are {train_steps}. Set "
                        "--train_steps, lower warmup_steps, or use constant or rsqrt.")


def schedule(hparams, train_steps: int | None = None) -> Callable[[int], float]:
    """step → learning rate for an hparams set; `train_steps` replaces the set's own where given."""
    length = hparams.train_steps if train_steps is None else train_steps
    check(hparams.learning_rate_schedule, hparams.warmup_steps, length)
    return lambda step: learning_rate(hparams.learning_rate_schedule, step, hparams.learning_rate,
                                      hparams.warmup_steps, length)
