"""Examples on disk: the wire format of tf.train.Example, shards of TFRecords, shuffled in bounded memory.

Wire format: protobuf encoding guide, https://protobuf.dev/programming-guides/encoding, of tensorflow/core/example/
example.proto; written by hand so that encoding processes need not import TensorFlow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2t_mm.errors import UserError

BUCKET_BYTES = 64 << 20  # the most that is shuffled in memory at once
_MOST_BUCKETS = 64  # files open at once
_READ_AT_ONCE = 256  # reading one by one costs ten times as much
_LENGTH = struct.Struct("<I")


@dataclasses.dataclass(frozen=True)
class Shard:
    """A TFRecord file: its name in the problem's folder, number of records, bytes and hex sha256."""

    name: str
    count: int
    bytes: int
    sha256: str


def _varint(number: int) -> bytes:
    """`number` in groups of 7 bits, lowest first; negative numbers as their two's complement in 64 bits."""
    number &= 0xFFFFFFFFFFFFFFFF
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


_SMALL_VARINTS = [_varint(number) for number in range(1 << 14)]


def _field(tag: int, content: bytes) -> bytes:
    """Field number `tag` with length-delimited content."""
    return bytes((tag << 3 | 2,)) + _varint(len(content)) + content


def _int64_list(numbers: Sequence[int]) -> bytes:
    small = len(_SMALL_VARINTS)
    return b"".join([_SMALL_VARINTS[n] if 0 <= n < small else _varint(n) for n in map(int, numbers)])


def _feature(kind: str, value: Any) -> bytes:
    """tf.train.Feature: bytes_list = 1, float_list = 2, int64_list = 3, each with `repeated value = 1`."""
    if kind == "bytes":
        return _field(1, _field(1, value))
    if kind == "float32":
        return _field(2, _field(1, np.asarray(value, "<f4").tobytes()))
    if kind == "int64":
        return _field(3, _field(1, _int64_list(value)))
    raise ValueError(f"A record column is int64, float32 or bytes, not {kind!r}.")


def serialise_example(record: dict[str, Any], columns: dict[str, str]) -> bytes:
    """A tf.train.Example.

    Args:
        record: column → list of int, list of float, or bytes.
        columns: column → "int64", "float32" or "bytes"; fixes the order.
    """
    entries = [_field(1, _field(1, name.encode()) + _field(2, _feature(kind, record[name])))
               for name, kind in columns.items()]
    return _field(1, b"".join(entries))


def frame(record: bytes) -> bytes:
    """A record with its length before it: how records travel between processes and lie in temporary files."""
    return _LENGTH.pack(len(record)) + record


def unframe(content: bytes) -> list[bytes]:
    """The records in a string of framed ones."""
    records, start = [], 0
    while start < len(content):
        end = start + _LENGTH.size + _LENGTH.unpack_from(content, start)[0]
        records.append(content[start + _LENGTH.size:end])
        start = end
    return records


def _read_framed(path: Path) -> Iterator[bytes]:
    with open(path, "rb", buffering=1 << 20) as file:
        while head := file.read(_LENGTH.size):
            yield file.read(_LENGTH.unpack(head)[0])


def write_split(folder: str | os.PathLike, split: str, chunks: Iterable[bytes], shards: int,
                shuffle_seed: str | None = None, bucket_bytes: int = BUCKET_BYTES) -> tuple[Shard, ...]:
    """Writes `<split>-00000-of-0000n.tfrecord` ... into `folder`; the same bytes for the same input, on any machine.

    The chunks go to a temporary file in `folder` first, so memory does not grow with the corpus.

    Args:
        folder: exists.
        split: name of the split.
        chunks: framed records, many in each.
        shards: how many files; fewer if there are fewer records. They differ by at most one record.
        shuffle_seed: any text: the records are shuffled over all shards; None: they keep their order.
        bucket_bytes: about how much is shuffled in memory at once.
    """
    spill = Path(folder, f".{split}.spill")
    with open(spill, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
    count = sum(1 for _ in _read_framed(spill))
    if shuffle_seed is None:
        records = _read_framed(spill)
    else:
        records = _shuffled(spill, random.Random(shuffle_seed), bucket_bytes)
    written = _write_shards(Path(folder), split, records, count, max(1, min(shards, count)))
    spill.unlink(missing_ok=True)
    return written


def _shuffled(path: Path, rng: random.Random, bucket_bytes: int) -> Iterator[bytes]:
    """The records of a framed file in random order, and removes the file.

    What is too big for memory is dealt to bucket files at random and each bucket is shuffled: any order is as likely
    as any other.
    """
    size = path.stat().st_size
    if size <= bucket_bytes:
        records = unframe(path.read_bytes())
        path.unlink()
        rng.shuffle(records)
        yield from records
        return
    if sum(1 for _ in itertools.islice(_read_framed(path), 2)) < 2:  # one record alone: nothing to deal
        yield from _read_framed(path)
        path.unlink()
        return
    buckets = _deal(path, rng, min(_MOST_BUCKETS, 1 + -(-size // bucket_bytes)))
    path.unlink()
    for bucket in buckets:
        yield from _shuffled(bucket, rng, bucket_bytes)


def _deal(path: Path, rng: random.Random, number: int) -> list[Path]:
    """Deals the records of a framed file to `number` new ones at random."""
    paths = [path.with_name(f"{path.name}.{bucket}") for bucket in range(number)]
    files = [open(bucket, "wb", buffering=1 << 17) for bucket in paths]
    try:
        for record in _read_framed(path):
            files[rng.randrange(number)].write(frame(record))
    finally:
        for file in files:
            file.close()
    return paths


def _write_shards(folder: Path, split: str, records: Iterator[bytes], count: int, shards: int) -> tuple[Shard, ...]:
    import tensorflow as tf

    written = []
    for index in range(shards):
        path = folder / f"{split}-{index:05d}-of-{shards:05d}.tfrecord"
        share = count * (index + 1) // shards - count * index // shards
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(share):
                writer.write(next(records))
        with open(path, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        written.append(Shard(path.name, share, path.stat().st_size, checksum))
    if next(records, None) is not None:  # also lets a shuffle remove its last file
        raise AssertionError("more records than were counted")
    return tuple(written)


def read_stored(paths: Iterable[str | os.PathLike]) -> Iterator[dict[str, np.ndarray | bytes]]:
    """The records in TFRecord files, in order: column → int64 array [n], float32 array [n], or bytes.

    UserError that names the file if one is missing, cut or damaged.
    """
    import tensorflow as tf

    for path in map(os.fspath, paths):
        try:
            for batch in tf.data.TFRecordDataset(path).batch(_READ_AT_ONCE).as_numpy_iterator():
                for record in batch:
                    yield _columns(tf.train.Example.FromString(record))
        except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:
            raise UserError(f"{path} cannot be read ({error.message.strip()}). "
                            "Generate the problem again with t2t-datagen --overwrite.") from None


def _columns(example) -> dict[str, np.ndarray | bytes]:
    """Column → value of a tf.train.Example."""
    columns = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        if kind == "bytes_list":
            columns[name] = feature.bytes_list.value[0]
        elif kind == "float_list":
            columns[name] = np.array(feature.float_list.value, np.float32)
        else:
            columns[name] = np.array(feature.int64_list.value, np.int64)
    return columns
