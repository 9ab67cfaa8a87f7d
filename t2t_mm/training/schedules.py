"""The learning rate at a step: constant, linear, rsqrt or cosine, each after a linear warm-up; pure functions."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from t2t_mm.errors import UserError, did_you_mean

FALLING_TO_ZERO = ("linear", "cosine")
KINDS = ("constant", "rsqrt", *FALLING_TO_ZERO)


def learning_rate(kind: str, step, peak: float, warmup_steps: int, train_steps: int = 0):
    """The learning rate of the update made at a step.

    With t = step + 1 and w = max(1, warmup_steps), the rate climbs as peak · t / w up to t = w, then it is
      constant: peak
      rsqrt:    peak · sqrt(w / t)                        (Vaswani et al. 2017, equation 3, with peak for (d w)^-1/2)
      linear:   peak · (1 - p)                            where p = (t - w) / (train_steps + 1 - w), at most 1
      cosine:   peak · (1 + cos(π p)) / 2                 (Loshchilov and Hutter 2017, without restarts)
    so that with linear and cosine the update after the last one would have rate 0.

    Args:
      kind: one of `KINDS`.
      step: number of updates made before this one: a Python number (a float comes back) or a tensor (a float32 tensor).
      peak: highest rate, reached at the end of the warm-up.
      warmup_steps: length of the warm-up, in updates.
      train_steps: updates in the whole training run; read by linear and cosine only.

    Raises:
      UserError: if the kind is not known, or it needs `train_steps` and they are not above `warmup_steps`.
    """
    check(kind, warmup_steps, train_steps)
    in_graph = tf.is_tensor(step)
    ops = tf if in_graph else np
    t = (tf.cast(step, tf.float32) if in_graph else float(step)) + 1.0
    w = float(max(1, warmup_steps))
    rate = peak * ops.minimum(t / w, _after_warmup(kind, ops, t, w, train_steps))
    return rate if in_graph else float(rate)


def _after_warmup(kind, ops, t, w, train_steps):
    """The factor on the peak; 1 during the warm-up."""
    later = ops.maximum(t, w)
    if kind == "constant":
        return later * 0.0 + 1.0
    if kind == "rsqrt":
        return ops.sqrt(w / later)
    progress = ops.minimum((later - w) / (train_steps + 1.0 - w), 1.0)
    if kind == "linear":
        return 1.0 - progress
    return 0.5 * (1.0 + ops.cos(np.pi * progress))


def check(kind: str, warmup_steps: int, train_steps: int) -> None:
    """Raises UserError if there is no such schedule for these lengths."""
    if kind not in KINDS:
        raise UserError(f"learning_rate_schedule={kind} is not known.{did_you_mean(kind, KINDS)} "
                        f"Known: {', '.join(KINDS)}.")
    if kind in FALLING_TO_ZERO and train_steps < max(1, warmup_steps):
        raise UserError(f"learning_rate_schedule={kind} falls to 0 at the end of the training run, so it needs "
                        f"train_steps not below warmup_steps={warmup_steps}; there are {train_steps}. Set "
                        "--train_steps, lower warmup_steps, or use constant or rsqrt.")


def schedule(hparams, train_steps: int | None = None) -> Callable:
    """step → learning rate for an hparams set; `train_steps` replaces the set's own where given."""
    length = hparams.train_steps if train_steps is None else train_steps
    check(hparams.learning_rate_schedule, hparams.warmup_steps, length)
    return lambda step: learning_rate(hparams.learning_rate_schedule, step, hparams.learning_rate,
                                      hparams.warmup_steps, length)
