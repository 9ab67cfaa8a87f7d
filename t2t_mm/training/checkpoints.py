"""Checkpoints: the whole state of a run, the last few of them, and the best weights; a kill at any moment is survived.

A checkpoint is written under its final name by tf.train.Checkpoint, which puts the index file in place last; only what
has an index counts. All tensors have checksums, so that a damaged checkpoint is noticed, and the one before it is used.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.training.batches import Batches
from t2t_mm.training.optimizers import raw_variable

LATEST, BEST = "checkpoints", "best"
_DAMAGE = (tf.errors.OpError, IndexError, ValueError, AssertionError, KeyError, RuntimeError)
_PASSING = (tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError, tf.errors.UnavailableError,
            tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)  # say nothing of a file
_NO_PLACE = ("No space left on device", "Read-only file system", "Disk quota exceeded", "Permission denied")
_ADVICE = "Start again in another --output_dir, or with the flags and the program version that wrote it."


class Checkpoints:
    """The checkpoints of one run, in `output_dir/checkpoints` (the last `keep`) and `output_dir/best` (weights only).

    Args:
        output_dir: of the run.
        model: built; all its variables are saved by number and name.
        optimizer: a tf.Module or other trackable with all its variables made.
        batches: of training; their iterators are saved too.
        keep: how many full checkpoints stay.
        writes: False in a worker other than the chief: it restores what the chief wrote, saves and removes nothing.

    `state` is a dict of plain values (JSON) that is saved and restored with the rest: the loop's own counters.
    """

    def __init__(self, output_dir: str | os.PathLike, model: Any, optimizer: Any, batches: Batches, keep: int = 3,
                 writes: bool = True):
        self.state: dict[str, Any] = {}
        self._folder, self._best, self._keep = Path(output_dir, LATEST), Path(output_dir, BEST), max(1, keep)
        self._values = _JsonState()
        self._model, self._batches, self._writes = model, batches, writes
        self._known_best: int | None = None  # the best that the last checkpoint knows
        parts = {"weights": _named(model.variables), "optimizer": optimizer, "values": self._values}
        self._movable = tf.train.Checkpoint(**parts)
        self._whole = tf.train.Checkpoint(**parts, iterators=batches.iterators)

    def save(self, step: int) -> str | None:
        """Writes everything as of `step` updates, then removes all but the last `keep`; returns the prefix."""
        if not self._writes:
            return None
        self._values.content = {"step": step, "state": self.state, "batches": self._batches.state}
        prefix = _write(self._whole, self._folder, step)
        for old in _steps(self._folder)[:-self._keep]:
            _remove(self._folder, old)
        _sweep(self._folder)
        *older, self._known_best = _steps(self._best) or [None]
        for old in older:
            _remove(self._best, old)
        return prefix

    def restore_latest(self) -> int | None:
        """Restores the newest checkpoint that is whole, and returns its step; None if this run has none yet.

        Warns of damaged ones, which it removes. Raises UserError if all of them are damaged or belong to another model,
        and for other training data; errors that may pass, such as of a full memory, as they are.
        """
        steps = _steps(self._folder)
        problems = []
        for step in reversed(steps):
            prefix = _prefix(self._folder, step)
            try:
                restored = self._read(prefix)
            except _PASSING:
                raise
            except _DAMAGE as error:
                problems.append((step, f"{prefix}: {_first_line(error)}"))
                continue
            for bad, text in problems:
                warnings.warn(f"The checkpoint {text}. It is left out and removed; training goes on from step {step}.",
                              stacklevel=2)
                if self._writes:
                    _remove(self._folder, bad)
            self.state = self._values.content["state"]
            self._batches.go_on(self._values.content["batches"], restored)
            self._forget_best_after(step)
            return step
        if problems:
            raise UserError("No checkpoint of this run can be restored:\n  " + "\n  ".join(text for _, text in problems)
                            + f"\n{_ADVICE}")
        return None

    def _forget_best_after(self, step: int) -> None:
        """Removes the best weights of later steps, which come again, unless there are no others."""
        earlier = [best for best in _steps(self._best) if best <= step]
        for later in _steps(self._best)[len(earlier):] if earlier and self._writes else ():
            _remove(self._best, later)
        self._known_best = earlier[-1] if earlier else None

    def _read(self, prefix: str) -> bool:
        """Restores a checkpoint, the iterators if they fit; whether they did."""
        tf.train.Checkpoint(values=self._values).read(prefix).expect_partial()
        fit = self._batches.check(self._values.content["batches"])
        status = (self._whole if fit else self._movable).read(prefix)
        if fit:
            status.assert_consumed()
        else:
            status.assert_existing_objects_matched()
            status.expect_partial()
        return fit

    def save_best(self, step: int, value: float) -> None:
        """Keeps the weights of `step`, whose dev log-perplexity is `value`, as the best.

        The one before is removed, but for the best that the last checkpoint knows: until the next one a killed run goes
        on from there.
        """
        if not self._writes:
            return
        values = _JsonState({"step": step, "value": value})
        _write(tf.train.Checkpoint(weights=_named(self._model.variables), values=values), self._best, step)
        for old in _steps(self._best):
            if old not in (step, self._known_best):
                _remove(self._best, old)
        _sweep(self._best)


def load_weights(model: Any, output_dir: str | os.PathLike, which: str = "best") -> tuple[int, str]:
    """Loads weights of a run into a built model: of the "best" or the "latest" checkpoint; returns step and which.

    "best" takes the latest, with a warning, where the best is damaged, and where a run has not been evaluated yet.
    Raises UserError if there is no checkpoint, or if it is damaged or of another model.
    """
    if which not in ("best", "latest"):
        raise UserError(f"There is no checkpoint {which!r}. Name best or latest.")
    folders = [Path(output_dir, BEST), Path(output_dir, LATEST)] if which == "best" else [Path(output_dir, LATEST)]
    for folder in folders:
        try:
            step = _load(model, folder)
        except UserError as error:
            if folder is folders[-1] or not _steps(folders[-1]):
                raise
            warnings.warn(f"{error} The latest checkpoint is used instead.", stacklevel=2)
            continue
        if step is not None:
            return step, "best" if folder.name == BEST else "latest"
    raise UserError(f"There is no checkpoint in {os.fspath(output_dir)!r}. Train first: t2t-trainer with this "
                    "--output_dir.")


def _load(model: Any, folder: Path) -> int | None:
    """Weights of the newest whole checkpoint of a folder into the model; its step."""
    problems = []
    for step in reversed(_steps(folder)):
        checkpoint = tf.train.Checkpoint(weights=_named(model.variables))
        try:
            status = checkpoint.read(_prefix(folder, step))
            status.assert_existing_objects_matched()
            status.expect_partial()
        except _PASSING:
            raise
        except _DAMAGE as error:
            problems.append(f"{_prefix(folder, step)}: {_first_line(error)}")
            continue
        for text in problems:
            warnings.warn(f"The checkpoint {text}. The weights of step {step} are used instead.", stacklevel=3)
        return step
    if problems:
        raise UserError(f"No checkpoint in {folder} can be loaded:\n  " + "\n  ".join(problems) + "\nIf the model's "
                        "code has changed since, use the version that trained it; else train again.")
    return None


class _JsonState(tf.train.experimental.PythonState):
    """Plain values inside a checkpoint."""

    def __init__(self, content: dict[str, Any] | None = None):
        self.content = content or {}

    def serialize(self) -> str:
        return json.dumps(self.content)

    def deserialize(self, string_value: str | bytes) -> None:
        self.content = json.loads(string_value)


def _named(variables: Sequence[Any]) -> dict[str, tf.Variable]:
    """Variables by number and path, without the counters Keras adds to names, which differ between processes.

    Named here because Keras hides layers that are held in lists and dicts from tf.train.Checkpoint.
    """
    return {f"{i:05d} {variable_name(variable)}": raw_variable(variable) for i, variable in enumerate(variables)}


def variable_name(variable: Any) -> str:
    """The path of a variable without those counters; other variables may have the same."""
    return re.sub(r"_\d+(?=/|$)", "", getattr(variable, "path", variable.name))


# Files: <folder>/step-00000100.index beside <folder>/step-00000100.data-00000-of-00001.

def _prefix(folder: Path, step: int) -> str:
    return str(folder / f"step-{step:08d}")


def _steps(folder: Path) -> list[int]:
    """Steps of the complete checkpoints of a folder, rising."""
    matches = (re.fullmatch(r"step-(\d+)\.index", path.name) for path in folder.glob("step-*.index"))
    return sorted(int(match[1]) for match in matches if match)


def _write(checkpoint: tf.train.Checkpoint, folder: Path, step: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    if step in _steps(folder):
        _remove(folder, step)  # so that never an old index stands beside new data
    try:
        return checkpoint.write(_prefix(folder, step))
    except tf.errors.OpError as error:
        _sweep(folder)
        reason = next((text for text in _NO_PLACE if text in error.message), None)
        if reason is None:
            raise
        raise UserError(f"The checkpoint of step {step:,} cannot be written: {reason}: {folder}. Make room for it; "
                        "then the same command goes on from the checkpoint before.") from None


def _remove(folder: Path, step: int) -> None:
    """The index goes first: without it the rest does not count."""
    prefix = Path(_prefix(folder, step))
    prefix.with_name(f"{prefix.name}.index").unlink(missing_ok=True)
    for path in folder.glob(f"{prefix.name}.data-*"):
        path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what killed processes left: files of checkpoints without an index, and folders of half-written ones."""
    whole = {f"step-{step:08d}" for step in _steps(folder)}
    for path in folder.glob("step-*"):
        if path.is_file() and path.name.split(".")[0] not in whole:
            path.unlink(missing_ok=True)
        elif path.is_dir() and re.fullmatch(r"step-\d+_temp", path.name):  # TensorFlow's, until it has all shards
            shutil.rmtree(path, ignore_errors=True)


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", None) or error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
