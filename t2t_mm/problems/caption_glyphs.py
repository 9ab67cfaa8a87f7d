"""Captioning of small pictures: letters and signs of all scripts, and their Unicode names."""

from __future__ import annotations

import functools
import importlib.util
import pathlib
import unicodedata
from collections.abc import Iterator

import numpy as np

from t2t_mm import registry
from t2t_mm.data.features import Feature, Image, Text
from t2t_mm.data.splitting import split_of
from t2t_mm.problems.problem import Problem, Sample

_SIDE = 32  # pixels
_FONT_SIZE = 24  # pixels an em; signs too big for the picture are drawn smaller
_BASELINE = 24  # the row that letters stand on
_PLAIN_FACE = "DejaVuSans"
_TRAINING_FACES = ("DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono")


@registry.register_problem("caption_glyphs")
class CaptionGlyphs(Problem):
    """Picture of a sign → its Unicode name, e.g. "latin small letter e with acute": the signs of DejaVu Sans.

    Source: the DejaVu fonts inside matplotlib (Bitstream Vera licence, free) and Python's `unicodedata` (Unicode-3.0).
    20,559 train (of 5,200 names), 267 dev, 280 test pictures. Training pictures also show the sign in those of the
    faces Bold, Oblique, Serif and Mono that have it. Signs that look exactly alike (A of three scripts) are always in
    the same split.
    """

    command = "to-caption"
    needs = ("matplotlib",)
    extra = "demo"
    metrics = ("bleu", "exact_match")

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Image(_SIDE, _SIDE, 1, modality="image_small"), "targets": Text("subwords:demo")}

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        chosen = {character for character, its_split in _splits().items() if its_split == split}
        for face in (_PLAIN_FACE, *(_TRAINING_FACES if split == "train" else ())):
            for character, picture in _drawings(face).items():
                if character in chosen:
                    yield {"inputs": picture, "targets": unicodedata.name(character).lower()}

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        """The names of the training split, each once."""
        self.check_needs()
        return (unicodedata.name(character).lower() for character, split in _splits().items() if split == "train")


@functools.lru_cache(maxsize=1)
def _splits() -> dict[str, str]:
    """Character → split, by the name of the first character that is drawn in exactly the same way."""
    first_name: dict[bytes, str] = {}
    splits = {}
    for character, picture in _drawings(_PLAIN_FACE).items():
        name = first_name.setdefault(picture.tobytes(), unicodedata.name(character))
        splits[character] = split_of(name)
    return splits


@functools.lru_cache(maxsize=None)
def _drawings(face: str) -> dict[str, np.ndarray]:
    """Character → picture uint8 [32, 32, 1], white on black, of every named, visible sign of a face."""
    path = _font_file(face)
    drawings = {}
    for code in sorted(_code_points(path)):
        character = chr(code)
        if unicodedata.name(character, "") and unicodedata.category(character)[0] not in "ZC":
            picture = _draw(character, path)
            if picture.any():
                drawings[character] = picture
    return drawings


def _draw(character: str, path: pathlib.Path) -> np.ndarray:
    """One sign in the middle of its picture, standing on the base line where there is room."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw
    size = _FONT_SIZE
    while True:
        font = _font(path, size)
        left, top, right, bottom = font.getbbox(character, anchor="ls")  # relative to the base line
        if max(right - left, bottom - top) <= _SIDE or size <= 8:
            break
        size -= 2
    x = (_SIDE - (right - left)) // 2 - left
    y = min(max(_BASELINE, -top), _SIDE - bottom)
    picture = PillowImage.new("L", (_SIDE, _SIDE))
    ImageDraw.Draw(picture).text((x, y), character, fill=255, font=font, anchor="ls")
    return np.asarray(picture, np.uint8)[:, :, None]


@functools.lru_cache(maxsize=None)
def _font(path: pathlib.Path, size: int):
    from PIL import ImageFont
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _code_points(path: pathlib.Path) -> set[int]:
    from matplotlib.ft2font import FT2Font
    return set(FT2Font(str(path)).get_charmap())


def _font_file(face: str) -> pathlib.Path:
    package = importlib.util.find_spec("matplotlib").submodule_search_locations[0]
    return pathlib.Path(package, "mpl-data", "fonts", "ttf", f"{face}.ttf")
