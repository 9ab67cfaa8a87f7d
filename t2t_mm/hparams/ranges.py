"""Ranges: what to draw hparams from in a search, and draws that depend on the seed alone."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Self

from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams, check_key

Number = int | float  # here, because Ranges has methods of these names
_SCALES = ("linear", "log")


class Ranges:
    """A range for each hparam of a search, checked against the hparams set that it will change.

    `Ranges(base).float("learning_rate", 1e-4, 1e-2, scale="log").categorical("mixing", ["uniform", "proportional"])`.
    Every method raises UserError for a key that `base` lacks or a bound that it refuses. log draws are uniform in the
    logarithm. Both bounds can be drawn.
    """

    def __init__(self, base: Hparams) -> None:
        self.base = base
        self._draws: dict[str, tuple[str, Callable[[random.Random], str]]] = {}  # key → in words, and drawn

    def float(self, key: str, low: float, high: float, scale: str = "linear") -> Self:
        """Numbers from `low` to `high`, to six digits."""
        between = _between(key, low, high, scale)

        def draw(rng: random.Random) -> str:
            return _text(min(high, max(low, float(f"{between(rng.random()):.6g}"))))

        return self._add(key, f"{_text(low)} to {_text(high)}, {scale}", draw, low, high)

    def int(self, key: str, low: int, high: int, scale: str = "linear") -> Self:
        """Whole numbers from `low` to `high`."""
        between = _between(key, low, high + 1, scale)

        def draw(rng: random.Random) -> str:
            return _text(min(high, math.floor(between(rng.random()))))

        return self._add(key, f"whole numbers, {low} to {high}, {scale}", draw, low, high)

    def discrete(self, key: str, values: Sequence[Number]) -> Self:
        """One of a few numbers."""
        return self._add_choice(key, values)

    def categorical(self, key: str, values: Sequence[str | bool | tuple]) -> Self:
        """One of a few words, true or false, or tuples."""
        return self._add_choice(key, values)

    def sample(self, seed: int, count: int) -> list[str]:
        """`count` draws, each a text for `--hparams`: "key=value,...", keys in the order of their definition.

        They depend on the seed and the key alone: a larger count only adds draws, one more key changes no other.
        """
        streams = {key: random.Random(f"{seed}/{key}") for key in self._draws}
        return [",".join(f"{key}={draw(streams[key])}" for key, (_, draw) in self._draws.items()) for _ in range(count)]

    def trial(self, number: int) -> str:
        """Draw `number`, from 1 on: a text for `--hparams` that is the same on every machine and in every order."""
        return self.sample(0, number)[-1]

    def describe(self) -> str:
        """A line for each key: what is drawn."""
        width = max(map(len, self._draws), default=0)
        return "\n".join(f"{key:<{width}}  {about}" for key, (about, _) in self._draws.items())

    def _add_choice(self, key: str, values: Sequence) -> Self:
        values = list(values)
        if not values:
            raise UserError(f"The range of {key!r} is empty. Give it one value at least.")
        return self._add(key, f"one of {', '.join(map(_text, values))}",
                         lambda rng: _text(values[rng.randrange(len(values))]), *values)

    def _add(self, key: str, about: str, draw: Callable[[random.Random], str], *values) -> Self:
        check_key(type(self.base), key)
        if key in self._draws:
            raise UserError(f"The range of {key!r} is given twice. Keep one of them.")
        for value in values:
            self.base.override(f"{key}={_text(value)}")
        self._draws[key] = about, draw
        return self


def _between(key: str, low: float, high: float, scale: str) -> Callable[[float], float]:
    """The function from [0, 1) to [low, high) of a scale."""
    if scale not in _SCALES:
        raise UserError(f"The range of {key!r}: there is no scale {scale!r}, only {' and '.join(_SCALES)}.")
    if low > high or (scale == "log" and low <= 0):
        wants = "0 < low <= high" if scale == "log" else "low <= high"
        raise UserError(f"The range of {key!r} must have {wants}, not low {low} and high {high}.")
    if scale == "log":
        return lambda share: low * (high / low) ** share
    return lambda share: low + (high - low) * share


def _text(value) -> str:
    """The value as `--hparams` reads it."""
    if isinstance(value, tuple | list):
        return ":".join(_text(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
