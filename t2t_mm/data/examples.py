"""One example, from its record's columns to the tensors that a model reads; and a batch of a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.buckets import length_features
from t2t_mm.data.features import Audio, Feature, columns_of
from t2t_mm.errors import UserError

Tensors = dict[str, tf.Tensor]


def tensors_of(problem, features: dict[str, Feature], columns: Tensors, number, training: bool, seed: int) -> Tensors:
    """The tensors of `features` from the record columns of example `number`, whose seed is (seed, number)."""
    tensors = {}
    for name, feature in features.items():
        tensors |= feature.parse(name, columns)
    example_seed = tf.stack([tf.constant(seed % 2**31, tf.int32), tf.cast(number % 2**31, tf.int32)])
    try:
        tensors = problem.preprocess(tensors, training, example_seed)
    except KeyError as error:
        if error.args[0] not in problem.features or error.args[0] in features:
            raise
        raise UserError(f"preprocess() of {problem.name} reads {error.args[0]!r}, which is not there when a model "
                        "decodes. Let it change what it is given.") from error
    return {name: tensors[name] for name in shapes_of(features)}


def length_of(problem, tensors: Tensors) -> tf.Tensor:
    """The length that sets the example's bucket, int32 []."""
    lengths = [feature.length(tensors, name) for name, feature in length_features(problem).items()]
    return tf.reduce_max(tf.stack(lengths)) if lengths else tf.constant(1, tf.int32)


def shapes_of(features: dict[str, Feature]) -> dict[str, tuple[int | None, ...]]:
    """Tensor → its shape for one example; None is padded."""
    return {key: shape for name, feature in features.items() for key, shape in feature.padded_shapes(name).items()}


# A batch.


def collate(problem, records: Sequence[dict[str, Any]]) -> Tensors:
    """Stored records (column → list, array or bytes) as one batch of the input features, padded to the longest.

    Parsed and preprocessed on the CPU like generated data. A problem without inputs gives {"targets": zeros [N, 1]},
    which tell the model the number of sequences.
    """
    features = problem.inputs
    if not features:
        return {"targets": tf.zeros((len(records), 1), tf.int32)}
    types = {column: tf.as_dtype(kind.replace("bytes", "string")) for column, kind in columns_of(features).items()}
    with tf.device("/CPU:0"):
        examples = [tensors_of(problem, features, {c: tf.constant(record[c], types[c]) for c in types}, 0, False, 0)
                    for record in records]
        batch = {key: _pad_together([example[key] for example in examples]) for key in examples[0]}
        return finish_batch(batch, features)


def _pad_together(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """Tensors of one rank and different sizes as one batch, padded with zeros at the end to the largest."""
    most = np.max([array.shape for array in arrays], axis=0)
    return tf.stack([tf.pad(array, [(0, n - m) for n, m in zip(most, array.shape, strict=True)]) if array.shape.rank
                     else array for array in arrays])


def fill_up(batch: Tensors, features: dict[str, Feature], rows: int) -> Tensors:
    """The batch with so many rows, its last one repeated, and its open axes padded to powers of two: few shapes."""
    missing = rows - next(iter(batch.values())).shape[0]

    def filled(tensor: tf.Tensor, shape: tuple[int | None, ...]) -> tf.Tensor:
        open_axes = [(1 << (size - 1).bit_length()) - size if axis is None else 0
                     for axis, size in zip(shape, tensor.shape[1:], strict=True)]
        tensor = tf.concat([tensor, tf.repeat(tensor[-1:], missing, axis=0)], axis=0)
        return tf.pad(tensor, [(0, 0), *((0, more) for more in open_axes)])

    shapes = shapes_of(features)
    return {key: filled(tensor, shapes.get(key, tensor.shape[1:])) for key, tensor in batch.items()}


def finish_batch(batch: Tensors, features: dict[str, Feature]) -> Tensors:
    """Rounds sounds up to whole tokens (0.32 s), to bound the number of shapes, and sets the static shapes."""
    shapes = shapes_of(features)
    for name, feature in features.items():
        if isinstance(feature, Audio):
            missing = -tf.shape(batch[name])[1] % feature.frames_per_token
            batch[name] = tf.pad(batch[name], [[0, 0], [0, missing], [0, 0]])  # [B, T, M]
    return {key: tf.ensure_shape(tensor, (None, *shapes[key])) for key, tensor in batch.items()}
