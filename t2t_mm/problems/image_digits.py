"""Classification of small pictures of handwritten digits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from t2t_mm import registry
from t2t_mm.data.features import Feature, Image, Label
from t2t_mm.data.splitting import split_of
from t2t_mm.problems.problem import Problem, Sample

_SIDE = 32  # pixels; the originals have 8 × 8
_SHIFT = 2  # pixels, up to which a training picture is moved each way


@registry.register_problem("image_digits")
class ImageDigits(Problem):
    """Picture of a handwritten digit → its class: 1,797 pictures that come with scikit-learn.

    Source: `sklearn.datasets.load_digits`, the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and
    Kaynak 1998, UCI; CC BY 4.0), 8 × 8 pixels of 17 greys, enlarged to 32 × 32.
    1,614 train, 90 dev, 93 test pictures. Training pictures are moved at random by up to 2 pixels each way.
    """

    command = "to-class-digits"
    needs = ("sklearn",)
    extra = "demo"
    metrics = ("accuracy",)

    def define_features(self) -> dict[str, Feature]:
        return {
            "inputs": Image(_SIDE, _SIDE, 1, modality="image_small"),
            "targets": Label(tuple("0123456789")),
        }

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        from sklearn.datasets import load_digits
        digits = load_digits()
        for picture, label in zip(digits.images, digits.target, strict=True):
            grey = np.round(picture * (255 / 16)).astype(np.uint8)  # [8, 8], 0..16 → 0..255
            if split_of(grey.tobytes().hex()) == split:
                yield {"inputs": _enlarge(grey), "targets": int(label)}

    def preprocess(self, tensors: dict[str, Any], training: bool, seed: Any) -> dict[str, Any]:
        """Moves a training picture by up to 2 pixels each way; what appears at the border is black."""
        if not training:
            return tensors
        import tensorflow as tf
        row, column = tf.unstack(tf.random.stateless_uniform([2], seed, 0, 2 * _SHIFT + 1, tf.int32))
        border = [[_SHIFT, _SHIFT], [_SHIFT, _SHIFT], [0, 0]]
        wide = tf.pad(tensors["inputs"], border, constant_values=-1.0)  # [H + 4, W + 4, 1]
        moved = tf.slice(wide, [row, column, 0], [_SIDE, _SIDE, 1])  # [H, W, 1]
        return {**tensors, "inputs": tf.ensure_shape(moved, [_SIDE, _SIDE, 1])}


def _enlarge(grey: np.ndarray) -> np.ndarray:
    """[8, 8] → [32, 32, 1], bilinearly."""
    from PIL import Image as PillowImage
    picture = PillowImage.fromarray(grey).resize((_SIDE, _SIDE), PillowImage.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8)[:, :, None]
