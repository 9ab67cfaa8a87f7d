"""Features: what a value of a problem is (text, label, image, audio), how it is stored, parsed, padded and shown.

A value takes one path: `encode` on the host (no TensorFlow), a record on disk, `parse` inside tf.data. Every
feature named `x` is stored in one record column `x`; `encode` returns `{"": stored}`, a column suffix each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2t_mm.data.features.audio import Audio
from t2t_mm.data.features.feature import Feature, Stored
from t2t_mm.data.features.image import Image
from t2t_mm.data.features.label import Label
from t2t_mm.data.features.photograph import Photograph
from t2t_mm.data.features.text import Text
from t2t_mm.data.features.waveform import Waveform
from t2t_mm.errors import UserError

__all__ = ["Audio", "Feature", "Image", "Label", "Photograph", "Stored", "Text", "Waveform", "columns_of",
           "encode_samples"]


def columns_of(features: dict[str, Feature]) -> dict[str, str]:
    """All record columns of the named features and their types."""
    return {column: kind for name, feature in features.items() for column, kind in feature.columns(name).items()}


def encode_samples(features: dict[str, Feature], encoders: dict[str, Any],
                   samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raw samples (feature name → value) as stored records (column → list or bytes), in the same order.

    Those with a value that a feature leaves out (`Feature.encode_many`) are not among them. Raises UserError naming the
    feature for a missing or wrong value.
    """
    records: list[dict[str, Any] | None] = [{} for _ in samples]
    for name, feature in features.items():
        missing = next((sample for sample in samples if name not in sample), None)
        if missing is not None:
            raise UserError(f"A sample lacks the feature {name!r}; it has {sorted(missing)}. "
                            f"Give all of: {', '.join(features)}.")
        try:
            stored = feature.encode_many([sample[name] for sample in samples], encoders.get(feature.vocabulary))
        except UserError as error:
            raise UserError(f"Feature {name!r}: {error}") from error
        for number, columns in enumerate(stored):
            if columns is None:
                records[number] = None
            elif records[number] is not None:
                records[number].update({name + suffix: value for suffix, value in columns.items()})
    return [record for record in records if record is not None]
