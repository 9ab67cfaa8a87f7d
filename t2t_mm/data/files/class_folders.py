"""Pictures in folders that are called like their classes, e.g. `train/cat/1.jpg`; with folders of splits or without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from t2t_mm.data.files.picture_files import is_picture, picture_files
from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.splits import NAMES
from t2t_mm.data.files.text_lines import is_unicode
from t2t_mm.errors import UserError, did_you_mean

NO_CLASS = "a folder that is called like no class of the problem"
NO_PICTURES = "a folder without pictures"
LOOSE = "a picture outside of the folders of classes"


class LabelledPicture(NamedTuple):
    """A picture (its file, or the content of one), the name or number of its class, and its own name."""

    picture: Path | bytes
    label: str | int
    name: str


@dataclasses.dataclass(frozen=True)
class ClassFolders:
    """`splits`: split → the folder that has a folder for each class; `classes`: their names in alphabetical order."""

    splits: dict[str, Path]
    classes: tuple[str, ...]

    def pictures(self, split: str) -> Iterator[LabelledPicture]:
        """The pictures of a split, class by class; their files are not opened."""
        for folder in _folders(self.splits[split]):
            if folder.name not in self.classes:
                skip(NO_CLASS if _has_pictures(folder) else NO_PICTURES, folder)
                continue
            for path in picture_files(folder):
                yield LabelledPicture(path, folder.name, path.name)


def find_class_folders(folder: Path, classes: Sequence[str] = ()) -> ClassFolders:
    """The splits and classes of `folder`.

    Where it has a folder "train" (or training) with folders in it, that is the training split, and dev (val, valid,
    validation) and test lie beside it; otherwise its folders are classes, and all is training data. Classes are the
    names of all folders that have pictures; those of `classes`, if given. Of pictures outside of such folders `skip` is
    told.

    Raises UserError if there are no pictures, fewer than two classes, none for one of `classes`, or, without
    `classes`, none for training of a class that another split has.
    """
    splits = _splits(folder)
    _tell_loose(dict.fromkeys([folder, *splits.values()]))
    having = {split: [inner.name for inner in _folders(part) if _has_pictures(inner)] for split, part in splits.items()}
    names = sorted(set().union(*having.values()))
    if not names:
        raise UserError(f"{folder} has no pictures in folders of classes. Lay them out as {layout(folder)}.")
    unwritable = [name for name in names if not is_unicode(name)]
    if unwritable:
        raise UserError(f"{folder} has a folder of which the name is not UTF-8, {unwritable[0]!r}. Rename it.")
    missing = [name for name in classes if name not in names]
    if missing:
        raise UserError(f"{folder} has no pictures of {_listed(missing)}; its folders are {_listed(names)}."
                        f"{did_you_mean(missing[0], names)}")
    if not classes:
        _check_trained(splits, having)
    if len(names) < 2:
        raise UserError(f"{folder} has one folder of pictures only, {names[0]}, and so one class. If the folders of "
                        f"the classes are below it, move them up: {layout(folder)}.")
    return ClassFolders(splits, tuple(classes) or tuple(names))


def _check_trained(splits: dict[str, Path], having: dict[str, list[str]]) -> None:
    """UserError if a split has pictures of a class that the training data have none of; `having`: split → classes."""
    for split, names in having.items():
        new = [name for name in names if name not in having["train"]]
        if new:
            near = did_you_mean(new[0], having["train"])
            raise UserError(f"{splits[split]} has pictures of {_listed(new)}, of which {splits['train']} has none; it "
                            f"has {_listed(having['train']) or 'no pictures'}.{near} Give the folder the name that the "
                            "class has in training, add pictures for training, or take the folder away.")


def _tell_loose(places: Iterable[Path]) -> None:
    """Tells `skip` of the pictures that lie in `places` themselves."""
    for place in places:
        for path in sorted(place.iterdir()):
            if is_picture(path) and not path.name.startswith(".") and path.is_file():
                skip(LOOSE, path)


def _has_pictures(folder: Path) -> bool:
    return next(picture_files(folder), None) is not None


def layout(folder: Path) -> str:
    """How pictures should lie, in words."""
    return (f"{folder}/train/<class>/*.jpg (also dev or val, and test, beside train), or {folder}/<class>/*.jpg "
            "without splits")


def _splits(folder: Path) -> dict[str, Path]:
    named = {inner.name.lower(): inner for inner in _folders(folder)}
    found = {split: next((named[name] for name in names if name in named and _folders(named[name])), None)
             for split, names in NAMES.items()}
    splits = {split: inner for split, inner in found.items() if inner is not None}
    if "train" not in splits:
        return {"train": folder}
    others = [inner.name for inner in named.values() if inner not in splits.values()]
    if others:
        note(f"{folder}: read are {', '.join(inner.name for inner in splits.values())}, not {', '.join(others)}")
    return splits


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _listed(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
