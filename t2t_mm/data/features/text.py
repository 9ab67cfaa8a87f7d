"""Text as subword, token or byte ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

from t2t_mm.data.features.feature import Feature, Stored
from t2t_mm.data.text_encoders import EOS
from t2t_mm.errors import UserError


@dataclasses.dataclass(frozen=True)
class Text(Feature):
    """Text as int32 ids [L], closed by EOS. `vocabulary` is "subwords:<name>", "tokens:<name>" or "bytes"."""

    vocabulary: str
    modality: ClassVar[str] = "language"
    is_text: ClassVar[bool] = True
    column_type: ClassVar[str] = "int64"

    def __post_init__(self):
        kind, _, name = self.vocabulary.partition(":")
        if not (self.vocabulary == "bytes" or (kind in ("subwords", "tokens") and name)):
            raise UserError(f"Text has no vocabulary {self.vocabulary!r}. "
                            'Write "subwords:<name>", "tokens:<name>" or "bytes".')

    def encode(self, value: str, encoder: Any = None) -> Stored:
        return self.encode_many([value], encoder)[0]

    def encode_many(self, values: Sequence[str], encoder: Any = None) -> list[Stored]:
        for value in values:
            if not isinstance(value, str):
                raise UserError(f"A Text value must be a str; got {type(value).__name__}: {value!r:.80}.")
        return [{"": [*ids, EOS]} for ids in encoder.encode_many(list(values))]

    def parse(self, name: str, columns: dict) -> dict:
        import tensorflow as tf
        return {name: tf.cast(columns[name], tf.int32)}  # [L]

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: (None,)}

    def length(self, tensors: dict, name: str):
        import tensorflow as tf
        return tf.shape(tensors[name])[0]

    def decode(self, ids: Sequence[int], encoder: Any = None) -> str:
        return encoder.decode([int(i) for i in ids])

    def describe(self, value: str) -> str:
        return value

    def describe_stored(self, stored: Sequence[int], encoder: Any = None) -> str:
        return self.decode(stored, encoder)
