"""What hparams say about mixing: kinds of shares, the schedule's grammar, and the weights of losses, all checked."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from t2t_mm.errors import UserError, did_you_mean
from t2t_mm.training.adaptive_mixing import AdaptiveMixing
from t2t_mm.training.mixing import Mixing, Stage
from t2t_mm.training.quotas import whole_steps

BY_SIZE = ("uniform", "proportional", "temperature")
_EXAMPLE = "Write it like mixing=schedule,mixing_schedule=0:uniform/2000:{weights}"


def make_mixing(hparams: Any, sizes: Mapping[str, int], seed: int = 0) -> Mixing:
    """The mixing that hparams ask for.

    Args:
        hparams: `mixing` and its kin, `problems_per_step`.
        sizes: problem → training examples; the order is that of weights.
        seed: of the run.

    Raises UserError for settings that give no shares.
    """
    names = tuple(sizes)
    for kind, key in (("schedule", "mixing_schedule"), ("weights", "mixing_weights")):
        if getattr(hparams, key) and hparams.mixing != kind:
            raise UserError(f"{key} is given, but mixing={hparams.mixing}. Add mixing={kind}, or leave it out.")
    if hparams.mixing == "weights":
        _check_count(hparams.mixing_weights, names, "mixing=weights,mixing_weights")
    if hparams.mixing == "adaptive":
        return AdaptiveMixing(names, hparams.mixing_floor, seed, hparams.problems_per_step)
    if hparams.mixing == "schedule":
        stages = _stages(hparams.mixing_schedule, sizes, hparams.mixing_temperature)
    elif hparams.mixing == "weights":
        weights = _positive(hparams.mixing_weights, names, "mixing_weights")
        stages = [Stage(0, whole_steps(weights))]
    else:
        stages = [Stage(0, whole_steps(_amounts(hparams.mixing, sizes, hparams.mixing_temperature)))]
    return Mixing(names, stages, seed, hparams.problems_per_step)


def loss_weights(hparams: Any, names: Sequence[str]) -> dict[str, float]:
    """Problem → factor of its cross-entropy; UserError unless there is one above 0 for each, or none at all."""
    if not hparams.loss_weights:
        return dict.fromkeys(names, 1.0)
    _check_count(hparams.loss_weights, names, "loss_weights")
    return dict(zip(names, _positive(hparams.loss_weights, names, "loss_weights")))


# The schedule: points step:shares, joined by "/" (the shares stay until the next) or "~" (they move to the next).

def _stages(text: str, sizes: Mapping[str, int], temperature: float) -> list[Stage]:
    """`"0:uniform~2000:1:3/5000:proportional"` → stages; UserError that says which point is wrong and why."""
    parts = re.split(r"([/~])", text)
    points = [_point(point.strip(), text, sizes, temperature) for point in parts[::2]]
    starts = [start for start, _ in points]
    if starts[0] != 0:
        raise _wrong(text, sizes, f"it begins at step {starts[0]}, and not at 0")
    for one, next_one in itertools.pairwise(starts):
        if next_one <= one:
            raise _wrong(text, sizes, f"step {next_one} comes after step {one}; steps must rise")
    moves = [joint == "~" for joint in parts[1::2]] + [False]
    return [Stage(start, counts, glides) for (start, counts), glides in zip(points, moves)]


def _point(point: str, text: str, sizes: Mapping[str, int], temperature: float) -> tuple[int, tuple[int, ...]]:
    """`"2000:1:3"` or `"2000:uniform"` → (2000, counts)."""
    step, _, shares = point.partition(":")
    if not re.fullmatch(r"\d+", step) or not shares:
        raise _wrong(text, sizes, f"{point!r} is not a step, a colon and shares")
    if re.match(r"[a-z]", shares):
        if shares not in BY_SIZE:
            raise _wrong(text, sizes, f"{shares!r} is neither {', '.join(BY_SIZE)} nor weights parted by colons."
                                      f"{did_you_mean(shares, BY_SIZE)}")
        return int(step), whole_steps(_amounts(shares, sizes, temperature))
    try:
        weights = [float(weight) for weight in shares.split(":")]
    except ValueError:
        raise _wrong(text, sizes, f"{shares!r} are no numbers parted by colons") from None
    if len(weights) != len(sizes):
        raise _wrong(text, sizes, f"{point!r} has {len(weights)} weights for {len(sizes)} problems")
    if not all(0 <= weight < math.inf for weight in weights) or not 0 < sum(weights) < math.inf:
        raise _wrong(text, sizes, f"the weights of {point!r} must be at least 0, and one of them more")
    return int(step), whole_steps(weights)


def _wrong(text: str, names: Sequence[str], why: str) -> UserError:
    example = _EXAMPLE.format(weights=":".join(["1"] * len(names)))
    return UserError(f"mixing_schedule={text}: {why.rstrip('.')}. {example} (weights in the order of the problems: "
                     f"{', '.join(names)}; / holds the shares until the next step, ~ moves them to it).")


# Shares.

def _amounts(kind: str, sizes: Mapping[str, int], temperature: float) -> list[float]:
    """Positive numbers to which the shares of a kind of BY_SIZE are proportional."""
    if kind == "uniform":
        return [1.0] * len(sizes)
    for name, size in sizes.items():
        if size <= 0:
            raise UserError(f"mixing={kind} needs the number of training examples of every problem, and {name} has "
                            f"{size}. Generate its data again, or use mixing=uniform.")
    power = 1.0 if kind == "proportional" else 1 / temperature
    largest = max(sizes.values())
    return [(size / largest) ** power for size in sizes.values()]


def _check_count(numbers: Sequence[float], names: Sequence[str], key: str) -> None:
    if len(numbers) != len(names):
        raise UserError(f"{key.split(',')[-1]} has {len(numbers)} weights for {len(names)} problems "
                        f"({', '.join(names)}). Give one for each, in this order: {key}={':'.join('1' * len(names))}.")


def _positive(numbers: Sequence[float], names: Sequence[str], key: str) -> Sequence[float]:
    for name, number in zip(names, numbers):
        if not 0 < number < math.inf:
            raise UserError(f"{key}: the weight of {name} is {number:g}; it must be above 0. To leave a problem out, "
                            "do not name it.")
    if sum(numbers) == math.inf:
        raise UserError(f"{key}: the sum of the weights is no number. Give smaller ones: only their ratios count.")
    return numbers
