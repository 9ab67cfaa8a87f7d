"""What every feature is: how a value is stored, parsed, padded, decoded and shown."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any, ClassVar

from t2t_mm.errors import UserError, did_you_mean

Stored = dict[str, Any]  # column suffix → list[int] | list[float] | bytes


@dataclasses.dataclass(frozen=True)
class Feature:
    """One input or the target of a problem; subclasses are frozen, so features compare and hash by value."""

    is_text: ClassVar[bool] = False
    vocabulary: ClassVar[str | None] = None  # vocabulary key of a Text
    column_type: ClassVar[str] = "bytes"  # int64 and float32 columns are lists, bytes columns single strings

    def columns(self, name: str) -> dict[str, str]:
        """The record columns of the feature `name` and their types: "int64", "float32" or "bytes"."""
        return {name: self.column_type}

    def encode(self, value: Any, encoder: Any = None) -> Stored:
        """A raw value as it is stored; raises UserError for a value that the feature cannot hold."""
        raise NotImplementedError

    def encode_many(self, values: Sequence[Any], encoder: Any = None) -> list[Stored | None]:
        """`encode` of many values at once (texts: in one call of the encoder); None: left out, and `skip` is told."""
        return [self.encode(value, encoder) for value in values]

    def parse(self, name: str, columns: dict) -> dict:
        """The tensors of ONE example from its record columns, inside tf.data."""
        raise NotImplementedError

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        """The tensors of `parse` and their shapes for one example; None is padded with zeros at the end."""
        raise NotImplementedError

    def length(self, tensors: dict, name: str):
        """The scalar int32 length that sets the bucket: tokens with EOS, 0.32 s of sound, else 1."""
        return 1

    def decode(self, ids: Sequence[int], encoder: Any = None) -> str:
        """Output ids of a model as a human reads them; raises UserError for a feature no model can write."""
        raise UserError(f"{type(self).__name__} cannot be decoded from ids. Use Text or Label as the target.")

    def describe(self, value: Any) -> str:
        """A raw value in a few words, for tables."""
        raise NotImplementedError

    def describe_stored(self, stored: Any, encoder: Any = None) -> str:
        """The value of the stored column in a few words: texts and labels in full."""
        return self.describe(stored)

    def read(self, argument: str) -> Any:
        """A command-line argument as a raw value: the text or label itself; the file's name for images and audio."""
        return argument


def existing_file(argument: str) -> pathlib.Path:
    """The file that an argument names; UserError with what is near if there is none."""
    path = pathlib.Path(argument).expanduser()
    if path.is_dir():
        raise UserError(f"{argument!r} is a folder. Name a file.")
    if not path.is_file():
        near = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        raise UserError(f"There is no file {argument!r}.{did_you_mean(path.name, near)}")
    return path
