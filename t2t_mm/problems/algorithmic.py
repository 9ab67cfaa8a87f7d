"""Small problems with exact answers, for tests and first steps: identity, reverse, shift, sort, add, parity.

After T2T's `algorithmic` problems: random digits, generated in a moment, and nothing to download.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from t2t_mm import registry
from t2t_mm.data.features import Feature, Label, Text
from t2t_mm.data.splitting import split_of
from t2t_mm.problems.problem import Problem, Sample

_COUNTS = {"train": 2000, "dev": 200, "test": 200}


class Algorithmic(Problem):
    """A string of 3 to 8 digits, e.g. "3 1 4", and what `answer` makes of it; 2,000 train, 200 dev, 200 test.

    No string of digits is in two splits, or twice in one.
    """

    lengths: ClassVar[tuple[int, ...]] = (3, 4, 5, 6, 7, 8)  # digits of an input, each as likely
    shards = {"train": 2, "dev": 1, "test": 1}

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Text("tokens:digits"), "targets": Text("tokens:digits")}

    def answer(self, digits: list[int]) -> list[int] | int:
        """The target of a string of digits: digits again, or the number of a class."""
        raise NotImplementedError

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        random = np.random.default_rng(list(_COUNTS).index(split))
        seen: set[str] = set()
        while len(seen) < _COUNTS[split]:
            digits = random.integers(10, size=random.choice(self.lengths)).tolist()
            source = _join(digits)
            if source not in seen and split_of(source) == split:
                seen.add(source)
                answer = self.answer(digits)
                yield {"inputs": source, "targets": answer if isinstance(answer, int) else _join(answer)}


@registry.register_problem("algorithmic_identity")
class AlgorithmicIdentity(Algorithmic):
    """The same digits again: "3 1 4" → "3 1 4"."""

    command = "to-same"

    def answer(self, digits: list[int]) -> list[int]:
        return digits


@registry.register_problem("algorithmic_reverse")
class AlgorithmicReverse(Algorithmic):
    """The digits from the last to the first: "3 1 4" → "4 1 3"."""

    command = "to-reversed"

    def answer(self, digits: list[int]) -> list[int]:
        return digits[::-1]


@registry.register_problem("algorithmic_shift")
class AlgorithmicShift(Algorithmic):
    """Every digit one higher, 9 becomes 0: "3 1 9" → "4 2 0"."""

    command = "to-shifted"

    def answer(self, digits: list[int]) -> list[int]:
        return [(digit + 1) % 10 for digit in digits]


@registry.register_problem("algorithmic_sort")
class AlgorithmicSort(Algorithmic):
    """The digits in rising order: "3 1 4" → "1 3 4"."""

    command = "to-sorted"

    def answer(self, digits: list[int]) -> list[int]:
        return sorted(digits)


@registry.register_problem("algorithmic_parity_label")
class AlgorithmicParityLabel(Algorithmic):
    """Whether the number of odd digits is even or odd, as a class: "3 1 4" → even."""

    command = "to-class-parity"
    metrics = ("accuracy",)

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Text("tokens:digits"), "targets": Label(("even", "odd"))}

    def answer(self, digits: list[int]) -> int:
        return sum(digits) % 2


@registry.register_problem("algorithmic_addition")
class AlgorithmicAddition(Algorithmic):
    """The sum of two numbers of equal length, given as two inputs: "3 1" and "7 4" → "1 0 5".

    Numbers of 1 to 3 digits; 2,000 train, 200 dev, 200 test pairs, none in two splits. The one with two inputs.
    """

    command = "to-sum"
    reversible = False
    lengths = (2, 4, 6)  # both numbers together

    def define_features(self) -> dict[str, Feature]:
        return {name: Text("tokens:digits") for name in ("inputs", "addend", "targets")}

    def answer(self, digits: list[int]) -> list[int]:
        half = len(digits) // 2
        numbers = (int("".join(map(str, part))) for part in (digits[:half], digits[half:]))
        return [int(digit) for digit in str(sum(numbers))]

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        for sample in super().samples(split, tmp_dir):
            digits = sample["inputs"].split()
            half = len(digits) // 2
            yield {"inputs": " ".join(digits[:half]), "addend": " ".join(digits[half:]), "targets": sample["targets"]}


def _join(digits: list[int]) -> str:
    return " ".join(map(str, digits))
