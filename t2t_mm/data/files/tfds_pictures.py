"""Pictures of TensorFlow Datasets: with classes as the files that they are stored as, with captions as pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from t2t_mm.data.files.class_folders import LabelledPicture
from t2t_mm.data.files.coco_captions import NO_CAPTION, CaptionedPicture
from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.text_lines import fault_of
from t2t_mm.data.files.tfds_reader import class_names, tfds_examples


@dataclasses.dataclass(frozen=True)
class LabelledDataset:
    """A dataset with the features `image` and `label`, as TFDS has them; `splits`: our split → TFDS's."""

    name: str
    splits: Mapping[str, str]
    tmp_dir: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""
        return class_names(self.name, "label", self.tmp_dir)

    def pictures(self, split: str) -> Iterator[LabelledPicture]:
        """The pictures of a split, always in the same order."""
        note(f"read from TFDS: {self.name}")
        for example in tfds_examples(self.name, self.splits[split], self.tmp_dir, undecoded=("image",)):
            yield LabelledPicture(example["image"], int(example["label"]), example.get("file_name", b"").decode())


@dataclasses.dataclass(frozen=True)
class CaptionedDataset:
    """A dataset with the features `image`, `image/filename` and `captions`, as COCO's in TFDS; `splits` as above.

    TFDS's fakes cannot give lists of texts beside files that are not decoded, so here TensorFlow decodes the pictures.
    """

    name: str
    splits: Mapping[str, str]
    tmp_dir: str

    def pictures(self, split: str, most_characters: int) -> Iterator[CaptionedPicture]:
        """The pictures of a split and their captions, always in the same order; unusable captions are left out."""
        note(f"read from TFDS: {self.name}")
        where = f"{self.name} {self.splits[split]}"
        for number, example in enumerate(self._examples(split, "image", "image/filename"), start=1):
            texts, name = _usable(example, most_characters), example["image/filename"].decode("utf-8", "replace")
            if texts:
                yield CaptionedPicture(example["image"], name, texts, number)
            else:
                skip(NO_CAPTION, where, number, name)

    def captions(self, split: str, most_characters: int) -> Iterator[str]:
        """The captions of these pictures, of which none is decoded."""
        for example in self._examples(split):
            yield from _usable(example, most_characters)

    def _examples(self, split: str, *names: str) -> Iterator[dict[str, Any]]:
        only = {**dict.fromkeys(names, True), "captions": {"text": True}}
        return tfds_examples(self.name, self.splits[split], self.tmp_dir, only=only)


def _usable(example: dict[str, Any], most_characters: int) -> list[str]:
    texts = (" ".join(text.decode("utf-8", "replace").split()) for text in example["captions"]["text"])
    return [text for text in texts if not fault_of(text, most_characters)]
