"""The pipeline: from the shards of a problem to batches (shuffle, parse, preprocess, drop too long, bucket, pad).

All randomness is a function of (seed, epoch) or (seed, number of the example), no operation keeps hidden state, and
so an iterator can be saved in a tf.train.Checkpoint and goes on with exactly the batches it would have given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.buckets import Buckets, Plan, length_features, plan_in_order
from t2t_mm.data.examples import finish_batch, length_of, tensors_of
from t2t_mm.data.features import Audio, Feature, columns_of
from t2t_mm.data.manifest import Manifest, check_files, checked_manifest, read_manifest
from t2t_mm.errors import UserError

SHUFFLE_BYTES = 32 << 20  # records are permuted in blocks of about this size; a checkpoint holds one block
PARSE_BYTES = 1 << 20  # records are parsed in groups of about this size,
PARSE_MOST = 256  # and of so many at most
THREADS = 2  # per problem: training needs the other cores


@tf.autograph.experimental.do_not_convert  # nothing to convert, and trying takes seconds
def train_batches(problem, data_dir: str, encoders: dict[str, Any] | None, buckets: Buckets, seed: int,
                  few_shapes: bool = False) -> tf.data.Dataset:
    """Endless training batches; each epoch is another permutation and holds every example that fits exactly once.

    Texts are padded to their bucket's boundary, sounds to a multiple of 0.32 s. Batches mix the end of an epoch with
    the start of the next, so none is partial. The dataset's iterator can be checkpointed.

    Args:
        problem: whose "train" split is read.
        data_dir: where it was generated.
        encoders: vocabulary key → encoder, compared with the data's vocabularies; None: not compared.
        buckets: from `make_buckets`.
        seed: any int; the same seed gives the same batches.
        few_shapes: whether sounds are padded to their bucket's boundary too, for what compiles each shape.

    Raises UserError if the data are missing, damaged, made with another vocabulary, or all too long.
    """
    manifest = _checked_manifest(problem, data_dir, "train", encoders)
    _check_some_fit(problem, manifest, "train", buckets)
    examples = _parse(_shuffled_records(manifest, seed), problem.features, _parse_group(manifest, "train"))
    examples = _preprocess(examples, problem, training=True, seed=seed)
    examples = examples.filter(lambda tensors: length_of(problem, tensors) <= buckets.max_length)
    sizes = tf.constant(buckets.batch_sizes, tf.int64)
    boundaries = tf.constant(buckets.boundaries, tf.int64)
    batches = examples.group_by_window(
        key_func=lambda tensors: _bucket_index(length_of(problem, tensors), boundaries),
        reduce_func=lambda key, window: _pad(window, problem.features, sizes[key], boundaries[key], few_shapes),
        window_size_func=lambda key: sizes[key])
    return _finish(batches, problem.features)


@tf.autograph.experimental.do_not_convert
def eval_batches(problem, data_dir: str, split: str, buckets: Buckets,
                 max_batches: int | None = None) -> EvalBatches:
    """The examples of a split once and in order, without those that are too long.

    Consecutive examples share a batch within the token budget, padded to the boundary of the longest one's bucket.
    Raises UserError if the data are missing or damaged, or if every example is too long.
    """
    manifest = _checked_manifest(problem, data_dir, split)
    plan = plan_in_order(_lengths(problem, manifest, split), buckets)
    if not plan.sizes:
        raise UserError(all_too_long(problem, split, buckets))
    examples = _parse(tf.data.TFRecordDataset(manifest.paths(split)), problem.features, _parse_group(manifest, split))
    examples = _preprocess(examples, problem, training=False, seed=0)
    batches = _planned_batches(examples, problem.features, plan)
    batches = _finish(batches if max_batches is None else batches.take(max_batches), problem.features)
    return EvalBatches(batches, plan.batch_of.count(-1), data_dir, problem.name)


class EvalBatches:
    """Batches of a split, as often as they are asked for; UserError that names the shard, if one is damaged.

    Attributes:
        dataset: of tensors by their names.
        too_long: how many examples of the split are in no batch.
    """

    def __init__(self, dataset: tf.data.Dataset, too_long: int, data_dir: str, problem: str):
        self.dataset, self.too_long, self._data_dir, self._problem = dataset, too_long, data_dir, problem

    def __iter__(self) -> Iterator[dict[str, tf.Tensor]]:
        return read_whole(self.dataset, self._data_dir, self._problem)


def read_whole(batches: Iterable[Any], data_dir: str, problem: str) -> Iterator[Any]:
    """The batches of a problem, in their order; UserError that names the shard, if one is damaged."""
    try:
        yield from batches
    except tf.errors.DataLossError as error:
        check_files(read_manifest(data_dir, problem), verify=True)
        raise UserError(f"The examples of {problem} in {data_dir!r} cannot be read ({error.message}).") from None


@tf.autograph.experimental.do_not_convert
def count_dropped(problem, data_dir: str, split: str, buckets: Buckets) -> int:
    """How many examples of a split are longer than max_length, and so in no batch; reads the whole split."""
    lengths = _lengths(problem, _checked_manifest(problem, data_dir, split), split)
    return int(np.sum(lengths > buckets.max_length))


def describe_drops(problem, split: str, dropped: int, total: int) -> str:
    """What `count_dropped` found, in a sentence."""
    if not dropped:
        return f"{problem.name} {split}: all {total} examples fit."
    return (f"{problem.name} {split}: {dropped} of {total} examples ({dropped / total:.1%}) are longer than "
            "max_length and left out; raise max_length to keep them.")


# Reading.


def _checked_manifest(problem, data_dir: str, split: str, encoders: dict[str, Any] | None = None) -> Manifest:
    checksums = None if encoders is None else {key: encoder.checksum for key, encoder in encoders.items()}
    manifest = checked_manifest(data_dir, problem, checksums)
    if not manifest.count(split):
        raise UserError(f"The split {split!r} of {problem.name} in {data_dir!r} has no examples; other splits: "
                        f"{', '.join(f'{name} {part.count}' for name, part in manifest.splits.items())}.")
    return manifest


def _shuffled_records(manifest: Manifest, seed: int) -> tf.data.Dataset:
    """Serialised training examples, epoch after epoch; the order of an epoch is a function of (seed, epoch).

    The shards are shuffled and take turns; the stream is cut into blocks of SHUFFLE_BYTES and each is permuted. (This
    and not Dataset.shuffle, whose order would also depend on the program's global seed.)
    """
    split, paths = manifest.split("train"), [os.path.abspath(path) for path in manifest.paths("train")]
    block_size = min(split.count, max(1, SHUFFLE_BYTES * split.count // split.bytes))
    shuffle = tf.random.experimental.stateless_shuffle

    def records_of(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.stack([tf.constant(seed % 2**31, tf.int64), epoch])
        records = tf.data.Dataset.from_tensor_slices(shuffle(paths, epoch_seed)).interleave(
            tf.data.TFRecordDataset, cycle_length=len(paths), block_length=16)
        blocks = records.batch(block_size).enumerate()
        return blocks.map(lambda number, block: shuffle(block, tf.random.fold_in(epoch_seed, number + 1))).unbatch()

    return tf.data.Dataset.counter().flat_map(records_of)


def _parse_group(manifest: Manifest, split: str) -> int:
    """How many records are parsed together."""
    part = manifest.split(split)
    return max(1, min(PARSE_MOST, PARSE_BYTES * part.count // part.bytes))


def _parse(records: tf.data.Dataset, features: dict[str, Feature], group: int) -> tf.data.Dataset:
    """Serialised examples → record columns of single examples: lists of numbers [n], byte strings []."""
    kinds = {"int64": tf.io.RaggedFeature(tf.int64), "float32": tf.io.RaggedFeature(tf.float32),
             "bytes": tf.io.FixedLenFeature([], tf.string)}
    spec = {column: kinds[kind] for column, kind in columns_of(features).items()}
    return records.batch(group).map(lambda batch: tf.io.parse_example(batch, spec)).unbatch()


# Examples.


def _preprocess(examples: tf.data.Dataset, problem, training: bool, seed: int) -> tf.data.Dataset:
    """Record columns → the tensors of the features; example number i is augmented with the seed (seed, i)."""
    return examples.enumerate().map(
        lambda number, columns: tensors_of(problem, problem.features, columns, number, training, seed),
        num_parallel_calls=THREADS, deterministic=True)


def _lengths(problem, manifest: Manifest, split: str) -> np.ndarray:
    """The lengths of all examples of a split, in order, int32 [examples]."""
    if not length_features(problem):
        return np.ones(manifest.count(split), np.int32)
    batches = _with_options(_length_dataset(problem, manifest, split).batch(1024))
    return np.concatenate(list(read_whole(batches.as_numpy_iterator(), manifest.data_dir, problem.name)))


def _length_dataset(problem, manifest: Manifest, split: str) -> tf.data.Dataset:
    """In one map, so that TensorFlow leaves out what lengths do not need: pictures and spectra are not computed."""
    features = problem.features
    examples = _parse(tf.data.TFRecordDataset(manifest.paths(split)), features, _parse_group(manifest, split))
    return examples.enumerate().map(
        lambda number, columns: length_of(problem, tensors_of(problem, features, columns, number, False, 0)))


def _check_some_fit(problem, manifest: Manifest, split: str, buckets: Buckets) -> None:
    """Without this, an endless dataset would look for an example that fits for ever."""
    if length_features(problem):
        fitting = _length_dataset(problem, manifest, split).filter(lambda length: length <= buckets.max_length)
        if next(read_whole(_with_options(fitting), manifest.data_dir, problem.name), None) is None:
            raise UserError(all_too_long(problem, split, buckets))


def all_too_long(problem, split: str, buckets: Buckets) -> str:
    """What is wrong where no example of a split fits."""
    return (f"Every example of {problem.name} {split} is longer than max_length={buckets.max_length}. "
            "Raise the hparam max_length.")


# Batches.


def _bucket_index(length: tf.Tensor, boundaries: tf.Tensor) -> tf.Tensor:
    """The first bucket whose boundary is not less than the length, int64 []."""
    return tf.reduce_sum(tf.cast(boundaries < tf.cast(length, tf.int64), tf.int64))


def _pad(window: tf.data.Dataset, features: dict[str, Feature], size, boundary, sounds=False) -> tf.data.Dataset:
    """Batches of `size` with texts padded to `boundary` (-1: to the longest), and `sounds` too, else to the longest."""
    def shape_of(feature: Feature, shape: tuple[int | None, ...]):
        free = boundary if feature.is_text else -1
        if sounds and isinstance(feature, Audio):
            free = boundary * feature.frames_per_token
        return tf.stack([tf.cast(free if n is None else n, tf.int64) for n in shape]) if shape else ()

    shapes = {key: shape_of(feature, shape) for name, feature in features.items()
              for key, shape in feature.padded_shapes(name).items()}
    return window.padded_batch(size, padded_shapes=shapes)


def _planned_batches(examples: tf.data.Dataset, features: dict[str, Feature], plan: Plan) -> tf.data.Dataset:
    """The batches of a plan. A batch's examples are neighbours, so its group is full before the next one starts."""
    batch_of = tf.data.Dataset.from_tensor_slices(np.array(plan.batch_of, np.int64))
    sizes, boundaries = tf.constant(plan.sizes, tf.int64), tf.constant(plan.boundaries, tf.int64)
    kept = tf.data.Dataset.zip((batch_of, examples)).filter(lambda batch, _: batch >= 0)
    return kept.group_by_window(
        key_func=lambda batch, _: batch,
        reduce_func=lambda key, window: _pad(window.map(lambda _, tensors: tensors), features, sizes[key],
                                             boundaries[key]),
        window_size_func=lambda key: sizes[key])


def _finish(batches: tf.data.Dataset, features: dict[str, Feature]) -> tf.data.Dataset:
    return _with_options(batches.map(lambda batch: finish_batch(dict(batch), features)).prefetch(2))


def _with_options(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = THREADS
    return dataset.with_options(options)
