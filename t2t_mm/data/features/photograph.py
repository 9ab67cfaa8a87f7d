"""Pictures that are stored larger than a model sees them, so that it can see another part each time."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath
from typing import Any

import numpy as np

from t2t_mm.data import images
from t2t_mm.data.features.feature import Stored
from t2t_mm.data.features.image import Image, file_bytes
from t2t_mm.errors import UserError


@dataclasses.dataclass(frozen=True)
class Photograph(Image):
    """A picture that the model sees as float32 [height, width, channels] in [-1, 1]; `preprocess` crops it.

    Values are image files as of Image, or uint8 arrays [H, W, channels] of any size. They are stored in their own
    proportions as JPEG files whose shorter side has `stored` pixels (images.bound_file), and parsed to
    [H', W', channels]; the problem's `preprocess` takes the part of `shape` (problems/picture_inputs.py).
    """

    stored: int = 256

    def __post_init__(self):
        super().__post_init__()
        if self.stored < max(self.height, self.width) or self.channels not in (1, 3):
            raise UserError("Photograph needs 1 or 3 channels, and `stored` of at least its height and width; "
                            f"got {self}.")

    def encode(self, value: np.ndarray | bytes | PurePath, encoder: Any = None) -> Stored:
        if not isinstance(value, bytes | PurePath):
            array = np.asarray(value)
            if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] != self.channels:
                raise UserError("A Photograph value must be a path or the bytes of an image file, or a uint8 array "
                                f"[H, W, {self.channels}]; got {array.dtype} of shape {array.shape}.")
            return {"": images.bound_array(array, self.stored)}
        return {"": images.bound_file(file_bytes(value), self.stored, self.channels)}

    def parse(self, name: str, columns: dict) -> dict:
        return {name: images.parse(columns[name], (None, None, self.channels))}  # [H', W', C]
