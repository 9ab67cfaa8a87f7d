"""Problems of fixed shapes and random batches of them: speed without data."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm import registry
from t2t_mm.data.features import Audio, Image, Label, Text
from t2t_mm.experiment import Experiment
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.problems.problem import Problem

VOCABULARY = 8192
SAMPLE_RATE, MEL_BINS = 16_000, 80


class _Vocabulary:
    """Stands for a trained vocabulary where only its size matters."""

    size, checksum = VOCABULARY, ""


class SyntheticText(Problem):
    """Sentences to sentences."""

    registered_name, command = "synthetic_text", "to-text"

    def define_features(self):
        return {"inputs": Text("subwords:synthetic"), "targets": Text("subwords:synthetic")}


class SyntheticImage(Problem):
    """Pictures of `side` pixels to one of a hundred classes."""

    command = "to-class"

    def __init__(self, side: int):
        self.registered_name, self.side = f"synthetic_image_{side}", side
        super().__init__()

    def define_features(self):
        door = "image_small" if self.side <= 64 else "image"
        return {"inputs": Image(self.side, self.side, 3, modality=door), "targets": Label(range(100))}


class SyntheticAudio(Problem):
    """Log-mel frames to sentences."""

    registered_name, command = "synthetic_audio", "to-transcript"

    def define_features(self):
        return {"inputs": Audio(SAMPLE_RATE, MEL_BINS), "targets": Text("subwords:synthetic")}


def experiment(problems: list[Problem], model: str, hparams_set: str, **changes: Any) -> Experiment:
    """A model over synthetic problems; `changes` are hparams."""
    hparams: Hparams = registry.hparams(hparams_set).replace(**changes)
    return Experiment(tuple(problems), model, hparams_set, hparams, encoders={"subwords:synthetic": _Vocabulary()})


def batch(problem: Problem, examples: int, length: int = 32, frames: int = 320) -> dict[str, tf.Tensor]:
    """A full batch: texts of `length` tokens, sounds of `frames` frames, nothing padded."""
    rng, tensors = np.random.default_rng(0), {}
    for name, feature in problem.features.items():
        if feature.is_text:
            tensors[name] = rng.integers(2, VOCABULARY, (examples, length), np.int32)
        elif isinstance(feature, Image):
            tensors[name] = rng.uniform(-1, 1, (examples, *feature.shape)).astype("float32")
        elif isinstance(feature, Audio):
            tensors[name] = rng.standard_normal((examples, frames, MEL_BINS), np.float32)
            tensors[f"{name}_length"] = np.full((examples,), frames, np.int32)
        else:
            tensors[name] = rng.integers(0, feature.size, (examples,), np.int32)
    return {name: tf.constant(value) for name, value in tensors.items()}
