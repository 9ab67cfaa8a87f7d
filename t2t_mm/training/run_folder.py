"""The folder of a run: experiment.json and the vocabularies, written whole or not at all, read back, and compared."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from t2t_mm.errors import UserError

FILE_NAME = "experiment.json"
FORMAT_VERSION = 1
# What may differ when a run goes on in its output_dir.
FREE_TO_CHANGE = ("format_version", "hparams_set", "data_dir", "usr_dir", "versions", "trained_on",
                  "hparams.train_steps", "hparams.eval_interval")


def write(output_dir: str | os.PathLike, fields: Mapping[str, Any], encoders: Mapping[str, Any],
          defaults: Mapping[str, Any]) -> None:
    """Writes the vocabularies, then experiment.json; UserError as `check_same`."""
    from t2t_mm.data.atomic import atomic_file
    from t2t_mm.data.text_encoders import Bytes
    from t2t_mm.data.vocabulary_building import vocabulary_path

    check_same(output_dir, fields, defaults)
    for key, encoder in encoders.items():
        if key != Bytes.kind:
            with atomic_file(vocabulary_path(output_dir, key)) as partial:
                encoder.save(partial)
    fields = {"format_version": FORMAT_VERSION, **fields, "versions": versions()}
    with atomic_file(Path(output_dir, FILE_NAME)) as partial:  # last: where it is, the vocabularies are
        partial.write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(output_dir: str | os.PathLike) -> dict[str, Any]:
    """The fields of experiment.json; UserError if there is none, or it is damaged or of another format."""
    path = Path(output_dir, FILE_NAME)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        version = fields["format_version"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no run in {os.fspath(output_dir)!r}: it has no {FILE_NAME}. "
                        "Name the --output_dir of a t2t-trainer run.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(output_dir, error) from None
    if version != FORMAT_VERSION:
        raise UserError(f"{path} has format version {version}; this program reads version {FORMAT_VERSION}. "
                        "Use the version of t2t-mm that wrote it, or start another run in another --output_dir.")
    return fields


def has_checkpoint(output_dir: str | os.PathLike) -> bool:
    """Whether a run has a checkpoint that was written to its end; reads none."""
    return any(Path(output_dir).glob("*/step-*.index"))


def damaged(output_dir: str | os.PathLike, error: Exception) -> UserError:
    """The error for an experiment.json that cannot be understood."""
    return UserError(f"{Path(output_dir, FILE_NAME)} is damaged ({error!r}). Put it back, or start another run in "
                     "another --output_dir.")


def read_encoders(output_dir: str | os.PathLike, checksums: Mapping[str, str]) -> dict[str, Any]:
    """Vocabulary key → encoder; UserError if one is missing or is not the one with this checksum."""
    from t2t_mm.data.text_encoders import Bytes, load
    from t2t_mm.data.vocabulary_building import vocabulary_path

    encoders: dict[str, Any] = {}
    for key, checksum in checksums.items():
        if key == Bytes.kind:
            encoders[key] = Bytes()
            continue
        path = vocabulary_path(output_dir, key)
        if not path.is_file():
            raise UserError(f"{path}, the vocabulary {key!r} of this run, is missing. Put the file back: it is the one "
                            "of the data that the run was trained on.")
        encoders[key] = load(path)
        if encoders[key].checksum != checksum:
            raise UserError(f"{path} is not the vocabulary {key!r} that this run was trained with (its checksum "
                            "differs). Put the right file back: with another one the model would write garbage.")
    return encoders


@contextlib.contextmanager
def held(output_dir: str | os.PathLike) -> Iterator[None]:
    """Within this context no other process holds the folder, which is made; UserError if one does.

    Two trainings in one folder would each cut and replace what the other writes. The lock is on the folder itself, and
    ends with the process, however that ends.
    """
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    folder = os.open(output_dir, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise UserError(f"Another process is training in {os.fspath(output_dir)!r}. Wait until it has ended, or end it "
                        "(Ctrl-C; it saves), and the same command goes on; or use another --output_dir.") from None
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(folder)


def check_same(output_dir: str | os.PathLike, fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """UserError, listing what differs of `fields`, if the folder holds a run of another experiment; writes nothing.

    A key that the run has not, because it began before there was one, does not differ; `defaults` are those of the
    hparams.
    """
    path = Path(output_dir)
    if path.exists() and not path.is_dir():
        raise UserError(f"--output_dir={path} is a file. Name a folder; it is made if need be.")
    if "[" in str(path):
        raise UserError(f"--output_dir={path}: TensorFlow takes [ for the beginning of a pattern, and would not find "
                        "its checkpoints again. Use a path without it.")
    if not (path / FILE_NAME).is_file():
        return
    before = read(path)
    before = {key: before.get(key, value) for key, value in fields.items()}
    before["hparams"] = {**json.loads(json.dumps(defaults)), **(before["hparams"] or {})}
    changes = differences(before, json.loads(json.dumps(fields)))
    if changes:
        raise UserError(f"{str(path)!r} holds a run of another experiment. What differs:\n  " + "\n  ".join(changes)
                        + "\nUse another --output_dir for the new experiment, or the same flags as before to go on "
                        "with this one (only --train_steps, --eval_interval and the folders of data may change).")


def differences(old: Mapping[str, Any], new: Mapping[str, Any],
                sides: tuple[str, str] = ("before", "now")) -> list[str]:
    """Lines like "hparams.dropout: 0.1 (before), 0.2 (now)" for all keys that must not change within a run."""
    before, now = flattened(old), flattened(new)
    fixed = [key for key in dict.fromkeys([*before, *now])
             if not any(key == free or key.startswith(f"{free}.") for free in FREE_TO_CHANGE)]
    return [f"{key}: {shown(before.get(key))} ({sides[0]}), {shown(now.get(key))} ({sides[1]})"
            for key in fixed if before.get(key) != now.get(key)]


def flattened(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by dotted key, {"hparams": {"a": 1}} → {"hparams.a": 1}."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}.{inner}": item for inner, item in flattened(value).items()})
        else:
            flat[key] = value
    return flat


def shown(value: Any) -> str:
    """A value of experiment.json in words."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def versions() -> dict[str, str]:
    """Of Python and of the packages that count, where they are installed by these names."""
    found = {"python": platform.python_version()}
    for package in ("t2t-mm", "tensorflow", "keras", "sentencepiece"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
