"""Seeded arrays and batches for tests."""

import numpy as np

from t2t_mm.data.features import Audio, Image, Label

EOS = 1


def random_ids(batch, length, vocabulary_size, seed):
    """int32 [batch, length]: random ids ≥ 2, closed by EOS, padded with 0; the first row is full."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(2, max(3, vocabulary_size), (batch, length)).astype(np.int32)
    for row, last in enumerate(rng.integers(0, length, batch)):
        last = length - 1 if row == 0 else last
        ids[row, last] = EOS
        ids[row, last + 1:] = 0
    return ids


def random_frames(batch, frames, mel_bins, seed):
    """(float32 [batch, frames, mel_bins] padded with 0, int32 [batch] lengths); the first row is full."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(batch, frames, mel_bins)).astype(np.float32)
    lengths = rng.integers(1, frames + 1, batch).astype(np.int32)
    lengths[0] = frames
    values *= (np.arange(frames) < lengths[:, None])[..., None]
    return values, lengths


def random_batch(problem, vocabulary_sizes, batch, length, seed, frames=64):
    """A batch as the pipeline makes it, with random values, for any problem.

    Texts have `length` positions, ids below their vocabulary's size; sounds have `frames` frames.
    """
    tensors = {}
    for number, (name, feature) in enumerate(problem.features.items()):
        rng = np.random.default_rng([seed, number])
        if feature.is_text:
            tensors[name] = random_ids(batch, length, vocabulary_sizes[feature.vocabulary], [seed, number])
        elif isinstance(feature, Label):
            tensors[name] = rng.integers(0, feature.size, batch).astype(np.int32)
        elif isinstance(feature, Image):
            tensors[name] = rng.uniform(-1, 1, (batch, *feature.shape)).astype(np.float32)
        elif isinstance(feature, Audio):
            tensors[name], tensors[f"{name}_length"] = random_frames(batch, frames, feature.mel_bins, [seed, number])
        else:
            raise TypeError(f"random_batch knows no {type(feature).__name__}")
    return tensors
