"""What a report says, as plain data: gathered from a finished run (gathering.py), drawn as a page and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from t2t_mm.metrics.accuracy import accuracy


@dataclass(frozen=True)
class Row:
    """One problem's line in the table of results. Accuracies are shares, 0 to 1."""

    problem: str
    task: str                           # e.g. "image → class"
    examples: int                       # in the split
    metrics: Mapping[str, float]        # teacher-forced, as training/evaluation.py names them
    measures: Mapping[str, Any]         # of decoded text, as metrics/corpus.py names them
    decoded: int                        # examples behind `measures`
    baseline: float
    baseline_kind: str

    @property
    def accuracy(self) -> float:
        """Share of right target tokens, or of right classes."""
        return accuracy(self.metrics)

    @property
    def beats_baseline(self) -> bool:
        return self.accuracy > self.baseline


@dataclass(frozen=True)
class Curve:
    """Dev figures of one problem over training: equally long tuples."""

    problem: str
    steps: tuple[int, ...]
    accuracy: tuple[float, ...]
    log_perplexity: tuple[float, ...]


@dataclass(frozen=True)
class Trained:
    """What training took of one problem, in all; and its share of the steps before each moment that was logged."""

    problem: str
    steps: int
    examples: int
    tokens: int                         # of targets
    moments: tuple[int, ...]            # in steps of the run; none where the mixing does not change
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Piece:
    """One input of a sample: kind "text" (str), "picture" (encoded bytes) or "sound" (int16 [samples])."""

    kind: str
    name: str
    value: Any
    sample_rate: int = 0

    def __str__(self) -> str:
        if self.kind == "sound":
            return f"[sound of {len(self.value) / self.sample_rate:.1f} s]"
        return "[picture]" if self.kind == "picture" else str(self.value)


@dataclass(frozen=True)
class Sample:
    """One example with what the model made of it: n best (text, score), best first."""

    problem: str
    inputs: tuple[Piece, ...]
    reference: str
    outputs: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Experts:
    """Of one mixture-of-experts layer: the share of each problem's tokens that each expert receives."""

    name: str
    problems: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Contents:
    title: str
    split: str
    facts: Mapping[str, str]
    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    samples: tuple[Sample, ...]
    experts: tuple[Experts, ...]
    trained: tuple[Trained, ...] = ()


def measure_text(measures: Mapping[str, Any]) -> str:
    """Decoded measures as one short line, e.g. "bleu 21.2, chrf 48.0"; signatures and counts of examples left out."""
    return ", ".join(f"{name} {value}" for name, value in measure_values(measures).items())


def measure_values(measures: Mapping[str, Any]) -> dict[str, str]:
    """Decoded measures as they are shown: name → three figures, or a whole count."""
    return {name: f"{value:,}" if isinstance(value, int) else f"{value:.3g}" for name, value in measures.items()
            if isinstance(value, int | float) and not name.startswith("decoded_")}
