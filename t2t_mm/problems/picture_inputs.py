"""What problems of photographs share: how large they are stored, which part of them a model sees."""

from __future__ import annotations

from typing import Any

from t2t_mm.data import images
from t2t_mm.data.features import Photograph
from t2t_mm.problems.problem import Problem

_STORED = 8 / 7  # of the side that is seen: 256 for 224
_SMALL = 64  # pixels, up to which the door for small pictures is taken


class PictureInputs(Problem):
    """The input is a picture of `side` × `side` pixels: in training a random part, else the middle.

    Pictures are stored 8/7 as large, their shorter side, so that parts differ. `flip` also mirrors half of the
    training pictures: right for things that have no left and right, wrong for letters and for what is told in words.
    """

    side = 64  # pixels
    channels = 3  # 1: grey
    flip = False

    def picture(self) -> Photograph:
        """The feature of the input."""
        modality = "image_small" if self.side <= _SMALL else "image"
        return Photograph(self.side, self.side, self.channels, modality, round(_STORED * self.side))

    def preprocess(self, tensors: dict[str, Any], training: bool, seed: Any) -> dict[str, Any]:
        """The part [side, side, C] of the picture [H, W, C] that is seen."""
        picture = tensors["inputs"]
        part = self.augment(picture, seed) if training else images.central_crop(picture, self.side, self.side)
        return {**tensors, "inputs": part}

    def augment(self, picture: Any, seed: Any) -> Any:
        """A training picture [H, W, C] → what is seen of it [side, side, C]; `seed` int32 [2]."""
        seeds = images.split_seed(seed, 2)
        part = images.random_crop(picture, self.side, self.side, seeds[0])
        return images.random_flip(part, seeds[1]) if self.flip else part
