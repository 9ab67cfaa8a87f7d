"""Pictures of one fixed size."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from t2t_mm.data import images
from t2t_mm.data.features.feature import Feature, Stored, existing_file
from t2t_mm.errors import UserError


@dataclasses.dataclass(frozen=True)
class Image(Feature):
    """A picture as float32 [height, width, channels] in [-1, 1]; channels 1 (grey), 3 (RGB) or 4 (RGBA).

    Values are uint8 arrays of exactly this shape, or the bytes of an image file of any size, which is resized
    and cropped centrally when it is stored.
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

    def encode(self, value: np.ndarray | bytes, encoder: Any = None) -> Stored:
        if isinstance(value, bytes):
            return {"": images.fit_file(value, self.shape)}
        array = np.asarray(value)
        if array.dtype != np.uint8 or array.shape != self.shape:
            raise UserError(f"An Image value must be bytes of an image file or a uint8 array of shape {self.shape}; "
                            f"got {array.dtype} of shape {array.shape}.")
        return {"": images.encode_png(array)}

    def parse(self, name: str, columns: dict) -> dict:
        return {name: images.parse(columns[name], self.shape)}  # [H, W, C]

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: self.shape}

    def describe(self, value: Any = None) -> str:
        return f"image {self.height}×{self.width}×{self.channels}"

    def read(self, argument: str) -> bytes:
        return existing_file(argument).read_bytes()
