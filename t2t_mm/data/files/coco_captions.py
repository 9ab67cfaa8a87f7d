"""Captions in the format of COCO (Chen et al. 2015, arXiv:1504.00325): JSON files, and the pictures beside them."""

from __future__ import annotations

import dataclasses
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
NO_TEXT = "a caption that is no text"
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
        content = read_json(path)
        finder, captions = _Finder(self.folder, path, content), _captions(content, path, most_characters)
        for number, image in enumerate(content["images"], start=1):
            texts, file = captions.get(image["id"]), finder.find(image["file_name"])
            if file is None or not texts:
                skip(NO_CAPTION if file else NO_FILE, path, number, image["file_name"])
            else:
                yield CaptionedPicture(file, image["file_name"], texts, number)

    def check(self) -> None:
        """UserError if a JSON file cannot be read, or its pictures are not there."""
        for path in self.splits.values():
            content = read_json(path)
            names = _first_names(content)
            if not any(map(_Finder(self.folder, path, content).find, names)):
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
    unread = [path.name for path in paths if path not in splits.values()]
    if unread:
        note(f"{folder}: read are {', '.join(path.name for path in splits.values())}, not {', '.join(unread)}")
    return CocoCaptions(folder, splits)


def layout(folder: Path) -> str:
    """How captions and pictures should lie, in words."""
    return (f"{folder}/annotations/captions_train.json, captions_val.json and captions_test.json (or with a year: "
            "captions_train2014.json), the pictures in folders beside annotations/, such as train/ or images/")


def read_json(path: Path) -> dict[str, Any]:
    """The content of a COCO JSON file, each picture once; UserError if it is not of this format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        for key, needed in (("images", ("id", "file_name")), ("annotations", ("image_id", "caption"))):
            for item in content[key]:
                if any(name not in item for name in needed):
                    raise KeyError(f"an item of {key} has {', '.join(item)}, not {' and '.join(needed)}")
        return content | {"images": _each_once(content["images"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as COCO captions ({type(error).__name__}: {error}). It must hold "
                        '{"images": [{"id": 1, "file_name": "a.jpg"}, ...], "annotations": [{"image_id": 1, "caption": '
                        '"..."}, ...]}.') from None


def _each_once(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pictures without repetitions, as merged files have them; ValueError where two have the same number."""
    pictures: dict[Any, dict[str, Any]] = {}
    for image in images:
        if not isinstance(image["file_name"], str):
            raise ValueError(f"picture {image['id']!r} has the file_name {image['file_name']!r}")
        other = pictures.setdefault(image["id"], image)["file_name"]
        if other != image["file_name"]:
            raise ValueError(f"two pictures, {other} and {image['file_name']}, have the same id, {image['id']!r}")
    return list(pictures.values())


def _first_names(content: dict[str, Any]) -> list[str]:
    return [image["file_name"] for image in content["images"][:_LOOKED_FOR]]


def _captions(content: dict[str, Any], path: Path, most_characters: int) -> dict[Any, list[str]]:
    """Number of a picture → its usable captions, in their order."""
    captions: dict[Any, list[str]] = {image["id"]: [] for image in content["images"]}
    for number, item in enumerate(content["annotations"], start=1):
        if not isinstance(item["caption"], str):
            skip(NO_TEXT, f"{path} annotations", number, repr(item["caption"]))
            continue
        text = " ".join(item["caption"].split())
        fault = fault_of(text, most_characters) if item["image_id"] in captions else NO_PICTURE
        if fault:
            skip(fault if text else "blank caption", f"{path} annotations", number)
        else:
            captions[item["image_id"]].append(text)
    return captions


class _Finder:
    """Finds the pictures of a JSON file: in folders that are called like its split, beside it, in `folder` or images/.

    Any other folder counts only if none of the first pictures is in these: it may hold masks, or thumbnails. Other
    splits may have other pictures of the same name, so their folders count only for names that say so:
    val2014/COCO_val2014_000000000042.jpg.
    """

    def __init__(self, folder: Path, path: Path, content: dict[str, Any]):
        named = re.sub(r"(?i)_?(captions?|annotations)_?", "", path.stem).strip("_")
        split = _split_of(path, folder)
        likely = [home / name for home in (folder, folder / "images") for name in (named, split, *NAMES[split])]
        others = [inner for home in (folder, folder / "images") if home.is_dir()
                  for inner in sorted(home.iterdir()) if inner.is_dir()]
        self._foreign = [place for place in others if place not in likely and _names_split(place.name)]
        known = dict.fromkeys([*likely, path.parent, folder, folder / "images"])
        self._places = [place for place in known if place.is_dir()]
        if not any(map(self.find, _first_names(content))):
            self._places += [place for place in others if place not in known and place not in self._foreign]

    def find(self, name: str) -> Path | None:
        """The file, or None."""
        files = (place / name for place in [*self._places, *(p for p in self._foreign if p.name in name)])
        return next((file for file in files if file.is_file()), None)


def _split_of(path: Path, folder: Path) -> str:
    parts = reversed(path.relative_to(folder).with_suffix("").parts)
    return next(filter(None, map(_names_split, parts)), "train")


def _names_split(text: str) -> str:
    """The split that a word of a name tells, or ""."""
    return next((split for split, names in NAMES.items() if _words(text).intersection(names)), "")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
