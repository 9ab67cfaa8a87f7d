"""A few examples of a split as a human can see, hear and read them, each with what the model makes of it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from t2t_mm.data.features import Audio, Image
from t2t_mm.report.contents import Piece, Sample
from t2t_mm.report.results import stored


def samples(experiment: Any, decoder: Any, problem: Any, split: str, count: int) -> list[Sample]:
    """The first `count` examples of a split, decoded."""
    examples = list(islice(stored(experiment.data_dir, problem, split), count))
    if not examples:
        return []
    encoders = experiment.encoders
    pieces = [{name: piece(name, feature, example, encoders) for name, feature in problem.inputs.items()}
              for example in examples]
    decoded = decoder.decode_split(problem, split, count)
    return [Sample(problem.name, tuple(inputs.values()), reference, tuple(outputs))
            for inputs, (_, _, reference, outputs) in zip(pieces, decoded, strict=True)]


def piece(name: str, feature: Any, example: dict, encoders: dict) -> Piece:
    """A stored input as text, picture or sound."""
    value = example[name]
    if feature.is_text:
        return Piece("text", name, encoders[feature.vocabulary].decode([int(k) for k in value]))
    if isinstance(feature, Audio):
        return Piece("sound", name, np.frombuffer(value, "<i2"), feature.sample_rate)
    if isinstance(feature, Image):
        return Piece("picture", name, value)
    return Piece("text", name, feature.decode([int(k) for k in value], None))
