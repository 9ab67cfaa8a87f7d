"""The log of a run: what it measures goes to metrics.jsonl (training/metrics_file.py) and to TensorBoard."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_mm.data.atomic import atomic_file
from t2t_mm.training.metrics_file import FILE_NAME, read_lines, shortest

TENSORBOARD = "tensorboard"
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


def _cut(path: Path, step: int) -> None:
    if not path.is_file():
        return
    kept = [line for line in read_lines(path.parent) if line["step"] <= step]
    with atomic_file(path) as partial:
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
