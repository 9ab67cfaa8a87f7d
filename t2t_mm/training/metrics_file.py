"""metrics.jsonl: what a run measured, a line for each step, split and problem.

A line is {"step": int, "split": "train" | "dev", "problem": name, "metrics": {name: number}}. It holds nothing that
depends on the clock, so that a run that was stopped and went on has the same lines as one that was not.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FILE_NAME = "metrics.jsonl"
TOTALS = ("steps", "examples", "tokens")  # metrics of a train line that are sums since the line before


def read_lines(output_dir: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """The whole lines of metrics.jsonl in order; nothing if there is no such file."""
    path = Path(output_dir, FILE_NAME)
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut short by a kill


def numbers(line: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a line, null as NaN."""
    return {name: math.nan if value is None else value for name, value in line["metrics"].items()}


def last_metrics(output_dir: str | os.PathLike, split: str = "dev") -> dict[str, dict[str, float]]:
    """Problem → the metrics of its last line of a split."""
    return {line["problem"]: line["metrics"] for line in read_lines(output_dir) if line["split"] == split}


def train_totals(lines: Iterable[Mapping[str, Any]],
                 to_come: Mapping[str, Mapping[str, float]] | None = None) -> dict[str, dict[str, float]]:
    """Problem → its steps, examples and target tokens, summed over train lines; in order of names.

    Where a step trains several problems, it counts for each of them. `to_come`: problem → sums since its last line.
    """
    totals: dict[str, dict[str, float]] = {}
    pairs = [(line["problem"], line["metrics"]) for line in lines if line["split"] == "train"]
    for problem, metrics in [*pairs, *(to_come or {}).items()]:
        sums = totals.setdefault(problem, dict.fromkeys(TOTALS, 0.0))
        for name in TOTALS:
            sums[name] += metrics.get(name) or 0.0
    return dict(sorted(totals.items()))


def describe_totals(totals: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line for each problem: its steps, their share, examples and target tokens."""
    steps = sum(sums["steps"] for sums in totals.values())
    return [f"  {name}: {sums['steps']:,.0f} steps ({sums['steps'] / max(steps, 1):.1%}), {sums['examples']:,.0f} "
            f"examples, {sums['tokens']:,.0f} target tokens" for name, sums in totals.items()]


def shortest(value: float) -> float | None:
    """The float with the fewest digits that is the same float32; None (JSON's null) for NaN and infinity."""
    number = float(str(np.float32(value)))
    return number if math.isfinite(number) else None
