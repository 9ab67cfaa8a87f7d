"""metrics.jsonl and TensorBoard: what a run measured, a line for each step, split and problem.

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
import tensorflow as tf

from t2t_mm.data.atomic import atomic_file

FILE_NAME = "metrics.jsonl"
TENSORBOARD = "tensorboard"
TOTALS = ("steps", "examples", "tokens")  # metrics of a train line that are sums since the line before
_SCALAR = tf.compat.v1.SummaryMetadata(  # what tf.summary.scalar writes, which needs the tensorboard package
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR")


class EventLog:
    """Appends to metrics.jsonl and to TensorBoard event files; lines after the restored step are cut first.

    Args:
        output_dir: of the run.
        step: the step training goes on from; lines of later steps, and a last line cut short, are removed.
    """

    def __init__(self, output_dir: str | os.PathLike, step: int = 0):
        self._path = Path(output_dir, FILE_NAME)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _cut(self._path, step)
        self._file = self._path.open("a", encoding="utf-8")
        self._folder = Path(output_dir, TENSORBOARD)
        self._writers: dict[str, Any] = {}

    def write(self, step: int, split: str, problem: str, metrics: Mapping[str, float]) -> None:
        """One line, and its numbers as curves "metric/problem" of TensorBoard's run `split`."""
        exact = {name: shortest(value) for name, value in metrics.items()}
        self._file.write(json.dumps({"step": step, "split": split, "problem": problem, "metrics": exact}) + "\n")
        self.write_curves(step, split, {f"{name}/{problem}": value for name, value in exact.items()})

    def write_curves(self, step: int, split: str, values: Mapping[str, float]) -> None:
        """Numbers for TensorBoard alone: speeds, which no two runs share."""
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(str(self._folder / split))
        with self._writers[split].as_default(step=step):
            for name, value in values.items():
                if value is not None and math.isfinite(value):
                    tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALAR)

    def flush(self) -> None:
        """Everything written is on the disk afterwards; called before a checkpoint that builds on it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Flushes and closes all files."""
        self.flush()
        self._file.close()
        for writer in self._writers.values():
            writer.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class NoLog:
    """The log of a worker that does not write: takes what an EventLog takes, and forgets it."""

    def write(self, step: int, split: str, problem: str, metrics: Mapping[str, float]) -> None:
        pass

    def write_curves(self, step: int, split: str, values: Mapping[str, float]) -> None:
        pass

    def flush(self) -> None:
        pass

    def __enter__(self) -> NoLog:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def read_lines(output_dir: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """The whole lines of metrics.jsonl in order; nothing if there is no such file."""
    path = Path(output_dir, FILE_NAME)
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut short by a kill


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


def _cut(path: Path, step: int) -> None:
    if not path.is_file():
        return
    kept = [line for line in read_lines(path.parent) if line["step"] <= step]
    with atomic_file(path) as partial:
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
