"""Captions in the format of COCO (Chen et al. 2015, arXiv:1504.00325): JSON files, and the pictures beside them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.splits import NAMES
from t2t_mm.data.files.text_lines import MOST_CHARACTERS, fault_of
from t2t_mm.errors import UserError

NO_FILE = "the picture's file is missing"
NO_CAPTION = "a picture without a caption"
NO_PICTURE = "a caption of a picture that is not listed"
_OTHERS = {"instances", "person", "keypoints", "panoptic", "stuff", "info", "unlabeled"}  # COCO's other annotations
_LOOKED_FOR = 100  # pictures of a file that are looked for before any work


class CaptionedPicture(NamedTuple):
    """A picture (its file, or uint8 [H, W, 3]), its name, and what is said about it; its number in its source."""

    picture: Path | np.ndarray
    name: str
    captions: list[str]
    number: int


@dataclasses.dataclass(frozen=True)
class CocoCaptions:
    """A folder with captions; `splits`: split → its JSON file."""

    folder: Path
    splits: dict[str, Path]

    def pictures(self, split: str, most_characters: int = MOST_CHARACTERS) -> Iterator[CaptionedPicture]:
        """The pictures of a split with their captions, in the order of the file; their files are not opened.

        Pictures without a file or a caption, and captions that are blank, broken or longer than `most_characters`, are
        left out, and `skip` is told.
        """
        path = self.splits[split]
        content, finder = read_json(path), _Finder(self.folder, path)
        captions = _captions(content, path, most_characters)
        for number, image in enumerate(content["images"], start=1):
            texts, file = captions.get(image["id"]), finder.find(image["file_name"])
            if file is None or not texts:
                skip(NO_CAPTION if file else NO_FILE, path, number, image["file_name"])
            else:
                yield CaptionedPicture(file, image["file_name"], texts, number)


    def check(self) -> None:
        """UserError if a JSON file cannot be read, or its pictures are not there."""
        for path in self.splits.values():
            content, finder = read_json(path), _Finder(self.folder, path)
            names = [image["file_name"] for image in itertools.islice(content["images"], _LOOKED_FOR)]
            if not any(finder.find(name) for name in names):
                first = f"such as {names[0]}, " if names else ""
                raise UserError(f"Of the pictures that {path} lists, {first}none of the first {len(names)} is in a "
                                f"folder of {self.folder}. Put the pictures there: {layout(self.folder)}.")


def find_coco(folder: Path) -> CocoCaptions:
    """The JSON files of captions in `folder`, in its annotations/ or one folder further down.

    A split is known by a word of the file's name, else of its folder's: captions_train2014.json, captions_val.json,
    train/_annotations.coco.json. What names none is training data. Of files for several years the earliest are taken.
    UserError if there are none.
    """
    paths = [path for pattern in ("*.json", "*/*.json", "*/*/*.json") for path in sorted(folder.glob(pattern))
             if not _OTHERS.intersection(_words(path.stem))]
    paths = [path for path in paths if "caption" in path.stem.lower()] or paths
    years: dict[str, dict[str, Path]] = {}
    for path in paths:
        year = "".join(re.findall(r"\d{4}$", path.stem))
        years.setdefault(year, {}).setdefault(_split_of(path, folder), path)
    complete = sorted(year for year, splits in years.items() if "train" in splits)
    if not complete:
        has = f"has {', '.join(path.name for path in paths[:5])}" if paths else "has no such file"
        raise UserError(f"{folder} {'' if folder.is_dir() else 'does not exist; it '}{has}: it must have COCO's JSON "
                        f"file of the captions for training. Lay it out as {layout(folder)}.")
    splits = years[complete[0]]
    if len(years) > 1:
        note(f"{folder}: read are {', '.join(path.name for path in splits.values())}, not files of other years")
    return CocoCaptions(folder, splits)


def layout(folder: Path) -> str:
    """How captions and pictures should lie, in words."""
    return (f"{folder}/annotations/captions_train.json, captions_val.json and captions_test.json (or with a year: "
            "captions_train2014.json), the pictures in folders beside annotations/, such as train/ or images/")


def read_json(path: Path) -> dict[str, Any]:
    """The content of a COCO JSON file; UserError if it is not of this format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        for key, needed in (("images", ("id", "file_name")), ("annotations", ("image_id", "caption"))):
            for item in content[key]:
                if any(name not in item for name in needed):
                    raise KeyError(f"an item of {key} has {', '.join(item)}, not {' and '.join(needed)}")
        return content
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as COCO captions ({type(error).__name__}: {error}). It must hold "
                        '{"images": [{"id": 1, "file_name": "a.jpg"}, ...], "annotations": [{"image_id": 1, "caption": '
                        '"..."}, ...]}.') from None


def _captions(content: dict[str, Any], path: Path, most_characters: int) -> dict[Any, list[str]]:
    """Number of a picture → its usable captions, in their order."""
    captions: dict[Any, list[str]] = {image["id"]: [] for image in content["images"]}
    for number, item in enumerate(content["annotations"], start=1):
        text = " ".join(str(item["caption"]).split())
        fault = fault_of(text, most_characters) if item["image_id"] in captions else NO_PICTURE
        if fault:
            skip(fault if text else "blank caption", f"{path} annotations", number)
        else:
            captions[item["image_id"]].append(text)
    return captions


class _Finder:
    """Finds the pictures of a JSON file: in its folder's neighbours, those that are called like its split first."""

    def __init__(self, folder: Path, path: Path):
        named = re.sub(r"(?i)_?(captions?|annotations)_?", "", path.stem).strip("_")
        split = _split_of(path, folder)
        likely = [home / name for home in (folder, folder / "images") for name in (named, split, *NAMES[split])]
        others = [inner for home in (folder, folder / "images") if home.is_dir()
                  for inner in sorted(home.iterdir()) if inner.is_dir()]
        foreign = [place for place in others if place not in likely and _names_split(place.name)]
        self._places = list(dict.fromkeys([*likely, path.parent, folder, folder / "images",
                                           *(place for place in others if place not in foreign)]))
        self._foreign = foreign

    def find(self, name: str) -> Path | None:
        """The file, or None; where the last one was is looked first.

        Other splits may have other pictures of the same name, so their folders count only for names that say so:
        val2014/COCO_val2014_000000000042.jpg.
        """
        for place in [*self._places, *(place for place in self._foreign if place.name in name)]:
            file = place / name
            if file.is_file():
                if place in self._places[1:]:
                    self._places.remove(place)
                    self._places.insert(0, place)
                return file
        return None


def _split_of(path: Path, folder: Path) -> str:
    parts = reversed(path.relative_to(folder).with_suffix("").parts)
    return next(filter(None, map(_names_split, parts)), "train")


def _names_split(text: str) -> str:
    """The split that a word of a name tells, or ""."""
    return next((split for split, names in NAMES.items() if _words(text).intersection(names)), "")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
