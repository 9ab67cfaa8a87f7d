"""One of a fixed list of classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from t2t_mm.data.features.feature import Feature, Stored
from t2t_mm.errors import UserError, did_you_mean

MOST_NAMED = 10  # classes, in an error


@dataclasses.dataclass(frozen=True)
class Label(Feature):
    """One of a fixed list of classes, by name or number, as an int32 scalar."""

    names: tuple[str, ...]
    modality: ClassVar[str] = "categorical"
    column_type: ClassVar[str] = "int64"

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        if not self.names or len(set(self.names)) < len(self.names):
            raise UserError(f"Label needs different class names, at least one; got {self.names}.")

    @property
    def size(self) -> int:
        """The number of classes."""
        return len(self.names)

    def encode(self, value: int | str, encoder: Any = None) -> Stored:
        if isinstance(value, str):
            if value not in self.names:
                raise UserError(f"There is no class {value!r} among {len(self.names)} classes "
                                f"({_shorten(self.names)}).{did_you_mean(value, self.names)}")
            return {"": [self.names.index(value)]}
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < self.size:
            raise UserError(f"A label must be a class name or a number from 0 to {self.size - 1}; got {value!r}.")
        return {"": [int(value)]}

    def parse(self, name: str, columns: dict) -> dict:
        import tensorflow as tf
        return {name: tf.cast(columns[name][0], tf.int32)}  # []

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: ()}

    def decode(self, ids: Sequence[int], encoder: Any = None) -> str:
        return self.names[int(np.ravel(ids)[0])]

    def describe(self, value: int | str) -> str:
        return self.names[self.encode(value)[""][0]]

    def describe_stored(self, stored: Sequence[int], encoder: Any = None) -> str:
        return self.decode(stored)


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
