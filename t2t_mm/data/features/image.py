"""Pictures of one fixed size."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from t2t_mm.data import images
from t2t_mm.data.features.feature import Feature, Stored, existing_file
from t2t_mm.data.files.skipped import skip
from t2t_mm.errors import UserError

NO_PICTURE = "not a picture that can be read"


@dataclasses.dataclass(frozen=True)
class Image(Feature):
    """A picture as float32 [height, width, channels] in [-1, 1]; channels 1 (grey), 3 (RGB) or 4 (RGBA).

    Values are uint8 arrays of exactly this shape, or image files of any size (their bytes, or a pathlib.Path), which
    are resized and cropped centrally when they are stored. When many are encoded, those paths that are no images are
    left out, and `skip` is told (data/files/skipped.py).
    """

    height: int
    width: int
    channels: int
    modality: str = "image"

    def __post_init__(self):
        if self.height < 1 or self.width < 1 or self.channels not in images.MODES:
            raise UserError(f"Image needs a height and width of at least 1 and 1, 3 or 4 channels; got {self}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)"""
        return self.height, self.width, self.channels

    def encode(self, value: np.ndarray | bytes | PurePath, encoder: Any = None) -> Stored:
        if isinstance(value, bytes | PurePath):
            return {"": images.fit_file(file_bytes(value), self.shape)}
        array = np.asarray(value)
        if array.dtype != np.uint8 or array.shape != self.shape:
            raise UserError("An Image value must be a path or the bytes of an image file, or a uint8 array of shape "
                            f"{self.shape}; got {array.dtype} of shape {array.shape}.")
        return {"": images.encode_png(array)}

    def encode_many(self, values: Sequence[Any], encoder: Any = None) -> list[Stored | None]:
        """`encode` of many values; one object several times in a row is encoded once, and in memory once."""
        encoded: list[Stored | None] = []
        for number, value in enumerate(values):
            if number and value is values[number - 1]:
                encoded.append(encoded[-1])
                continue
            try:
                encoded.append(self.encode(value, encoder))
            except (UserError, OSError) as error:
                if not isinstance(value, PurePath):
                    raise
                skip(NO_PICTURE, value, detail=str(error.__cause__ or error))
                encoded.append(None)
        return encoded

    def parse(self, name: str, columns: dict) -> dict:
        return {name: images.parse(columns[name], self.shape)}  # [H, W, C]

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: self.shape}

    def describe(self, value: Any = None) -> str:
        return f"image {self.height}×{self.width}×{self.channels}"

    def read(self, argument: str) -> bytes:
        return existing_file(argument).read_bytes()


def file_bytes(value: bytes | PurePath) -> bytes:
    """The content of an image file."""
    if isinstance(value, bytes):
        return value
    with open(value, "rb") as file:
        return file.read()
