"""Examples of TensorFlow Datasets (TFDS): prepared before, or downloaded; TFDS is imported when they are read."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.errors import UserError

FOLDER = "tensorflow_datasets"
_BATCH = 1024  # examples of scalars that leave TensorFlow at once


def prepared_folder(name: str, tmp_dir: str) -> Path | None:
    """The newest version of a dataset ("wmt14_translate/de-en") that is prepared on this machine, or None.

    Sought in `<tmp_dir>/tensorflow_datasets`, `<tmp_dir>`, `$TFDS_DATA_DIR` and `~/tensorflow_datasets`.
    """
    for home in _homes(tmp_dir):
        versions = [path.parent for path in (home / name).glob("*/dataset_info.json")]
        if versions:
            return max(versions, key=_version)
    return None


def is_prepared(folder: Path) -> bool:
    """Whether a folder is a dataset that TFDS has prepared: it has a folder for each version, or configuration."""
    return any(next(folder.glob(f"{inside}/dataset_info.json"), None) is not None for inside in ("*", "*/*"))


def check_available(name: str, tmp_dir: str, host: str, asker: str, instead: str) -> None:
    """UserError, before anything is imported, if a dataset is neither prepared nor to be had from `host`.

    `asker` is the name of the problem, `instead` says which files would do as well.
    """
    if prepared_folder(name, tmp_dir) is None and not _reachable(host):
        places = ", ".join(dict.fromkeys(str(home) for home in _homes(tmp_dir)))
        raise UserError(f"{asker} finds no TFDS dataset {name} prepared in any of {places}, and {host} cannot be "
                        f"reached to download it. {instead} Or copy {name} into the first of these folders from a "
                        f"machine on which tfds.load({name!r}) has run.")


def tfds_examples(name: str, split: str, tmp_dir: str, scalars: bool = False,
                  undecoded: Sequence[str] = (), only: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """The examples of a split as numpy values, always in the same order; downloads the dataset if it must.

    Args:
        name: dataset and configuration, "wmt14_translate/de-en".
        split: as TFDS calls it: "train", "validation", "test".
        tmp_dir: gets downloads and the prepared dataset, in `tensorflow_datasets`.
        scalars: whether every feature is a scalar; then they are read many at once.
        undecoded: features that are wanted as they are stored, e.g. pictures as the bytes of their files.
        only: the features that are wanted, name → True or the parts of it (tfds.decode.PartialDecoding); None: all.
    Raises:
        UserError: TFDS is not installed, does not know the split, or could not prepare the dataset.
    """
    dataset = _opened(name, split, tmp_dir, undecoded, only)
    if not scalars:
        yield from dataset.as_numpy_iterator()
        return
    for batch in dataset.batch(_BATCH).as_numpy_iterator():
        for values in zip(*batch.values(), strict=True):
            yield dict(zip(batch, values, strict=True))


def class_names(name: str, feature: str, tmp_dir: str) -> tuple[str, ...]:
    """The names of the classes of a feature, in the order of their numbers; downloads nothing."""
    with _opening(f"the classes of {name}") as tfds:
        return tuple(_builder(tfds, name, tmp_dir).info.features[feature].names)


def _opened(name: str, split: str, tmp_dir: str, undecoded: Sequence[str], only: dict[str, Any] | None):
    with _opening(f"the split {split!r} of {name}") as tfds:
        builder = _builder(tfds, name, tmp_dir)
        if prepared_folder(name, tmp_dir) is None:
            builder.download_and_prepare()
        decoders = {feature: tfds.decode.SkipDecoding() for feature in undecoded} or None
        if only is not None:
            decoders = tfds.decode.PartialDecoding(only, decoders=decoders)
        return builder.as_dataset(split=split, shuffle_files=False, decoders=decoders)


def _builder(tfds, name: str, tmp_dir: str):
    folder = prepared_folder(name, tmp_dir)
    if folder is not None:
        return tfds.builder_from_directory(folder)
    return tfds.builder(name, data_dir=os.path.join(tmp_dir, FOLDER))


@contextlib.contextmanager
def _opening(what: str) -> Iterator[Any]:
    """The module tensorflow_datasets; what goes wrong with it inside is a UserError."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(f"TFDS should give {what}, but tensorflow_datasets is not installed ({error}). "
                        "Install with: pip install tensorflow-datasets") from None
    try:
        yield tfds
    except Exception as error:  # TFDS raises many kinds; its own words say what was wrong
        raise UserError(f"TFDS could not give {what}: {type(error).__name__}: {error}") from error


def _homes(tmp_dir: str) -> list[Path]:
    named = os.environ.get("TFDS_DATA_DIR")
    return [Path(tmp_dir, FOLDER), Path(tmp_dir), *([Path(named)] if named else []), Path("~", FOLDER).expanduser()]


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in folder.name.split("."))


def _reachable(host: str) -> bool:
    """Whether the host has an address; TFDS itself would try for many minutes. Behind a proxy that is not known."""
    if any(os.environ.get(name) for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")):
        return True
    try:
        socket.getaddrinfo(host, 443)
        return True
    except OSError:
        return False
