"""Examples on disk: the wire format of tf.train.Example, shards of TFRecords, shuffled in bounded memory.

Wire format: protobuf encoding guide, https://protobuf.dev/programming-guides/encoding, of tensorflow/core/example/
example.proto; TFRecord files: tensorflow/core/lib/io/record_writer.h. Written by hand so that generating data need not
import TensorFlow.
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

import google_crc32c
import numpy as np

from t2t_mm.errors import UserError

BUCKET_BYTES = 64 << 20  # the most that is shuffled in memory at once
_MOST_BUCKETS = 64  # files open at once
_READ_AT_ONCE = 256  # reading one by one costs ten times as much
_LENGTH = struct.Struct("<Q")
_AROUND = _LENGTH.size + 2 * 4  # bytes of a frame beside the record: its length and two checksums


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
_FIELD_TAGS = [bytes((number << 3 | 2,)) for number in range(4)]  # of length-delimited content


def _field(number: int, content: bytes) -> bytes:
    """Field `number` with length-delimited content."""
    length = len(content)
    return _FIELD_TAGS[number] + (_SMALL_VARINTS[length] if length < 1 << 14 else _varint(length)) + content


def _int64_list(numbers: Sequence[int]) -> bytes:
    numbers = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
    if numbers and min(numbers) >= 0 and max(numbers) < 1 << 14:
        return b"".join(map(_SMALL_VARINTS.__getitem__, numbers))
    return b"".join(map(_varint, map(int, numbers)))


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


def frame(records: Sequence[bytes]) -> bytes:
    """The records as a TFRecord file holds them: each after its length, and both with their masked CRC-32C."""
    parts = []
    for record in records:
        length = _LENGTH.pack(len(record))
        parts += length, _masked_crc32c(length), record, _masked_crc32c(record)
    return b"".join(parts)


def _masked_crc32c(content: bytes) -> bytes:
    """The checksum (RFC 3720, appendix B.4) as TFRecord files store it: turned by 15 bits, plus a constant."""
    plain = google_crc32c.value(content)
    return struct.pack("<I", ((plain >> 15 | plain << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frames_in(content: bytes) -> list[bytes]:
    """The single frames of what `frame` returns."""
    frames, start = [], 0
    while start < len(content):
        end = start + _AROUND + _LENGTH.unpack_from(content, start)[0]
        frames.append(content[start:end])
        start = end
    return frames


def encoded_columns(frame: bytes) -> Iterator[bytes]:
    """The columns in a frame, in their order, as `serialise_example` wrote them: equal values are equal bytes."""
    _, place = _read_varint(frame, _LENGTH.size + 4 + 1)  # behind length, checksum and tag
    while place < len(frame) - 4:
        length, start = _read_varint(frame, place + 1)
        place = start + length
        yield frame[start:place]


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """(the number at a place, the place behind it)."""
    number = shift = 0
    while content[place] > 0x7F:
        number |= (content[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return number | content[place] << shift, place + 1


def _read_frames(path: Path) -> Iterator[bytes]:
    """The single frames of a file."""
    with open(path, "rb", buffering=1 << 20) as file:
        while head := file.read(_LENGTH.size):
            yield head + file.read(_LENGTH.unpack(head)[0] + _AROUND - _LENGTH.size)


def write_split(folder: str | os.PathLike, split: str, chunks: Iterable[bytes], shards: int,
                shuffle_seed: str | None = None, bucket_bytes: int = BUCKET_BYTES) -> tuple[Shard, ...]:
    """Writes `<split>-00000-of-0000n.tfrecord` ... into `folder`; the same bytes for the same input, on any machine.

    The chunks go to a temporary file in `folder` first, so memory does not grow with the corpus.

    Args:
        folder: exists.
        split: name of the split.
        chunks: frames of records, many in each.
        shards: how many files; fewer if there are fewer records. They differ by at most one record.
        shuffle_seed: any text: the records are shuffled over all shards; None: they keep their order.
        bucket_bytes: about how much is shuffled in memory at once.
    """
    spill, count = Path(folder, f".{split}.spill"), 0
    with open(spill, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
            count += len(frames_in(chunk))
    if shuffle_seed is None:
        frames = _read_frames(spill)
    else:
        frames = _shuffled(spill, random.Random(shuffle_seed), bucket_bytes)
    written = _write_shards(Path(folder), split, frames, count, max(1, min(shards, count)))
    spill.unlink(missing_ok=True)
    return written


def _shuffled(path: Path, rng: random.Random, bucket_bytes: int) -> Iterator[bytes]:
    """The frames of a file in random order, and removes the file.

    What is too big for memory is dealt to bucket files at random and each bucket is shuffled: any order is as likely
    as any other.
    """
    size = path.stat().st_size
    if size <= bucket_bytes:
        frames = frames_in(path.read_bytes())
        path.unlink()
        rng.shuffle(frames)
        yield from frames
        return
    if sum(1 for _ in itertools.islice(_read_frames(path), 2)) < 2:  # one record alone: nothing to deal
        yield from _read_frames(path)
        path.unlink()
        return
    buckets = _deal(path, rng, min(_MOST_BUCKETS, 1 + -(-size // bucket_bytes)))
    path.unlink()
    for bucket in buckets:
        yield from _shuffled(bucket, rng, bucket_bytes)


def _deal(path: Path, rng: random.Random, number: int) -> list[Path]:
    """Deals the frames of a file to `number` new ones at random."""
    paths = [path.with_name(f"{path.name}.{bucket}") for bucket in range(number)]
    files = [open(bucket, "wb", buffering=1 << 17) for bucket in paths]
    try:
        for each in _read_frames(path):
            files[rng.randrange(number)].write(each)
    finally:
        for file in files:
            file.close()
    return paths


def _write_shards(folder: Path, split: str, frames: Iterator[bytes], count: int, shards: int) -> tuple[Shard, ...]:
    written = []
    for index in range(shards):
        path = folder / f"{split}-{index:05d}-of-{shards:05d}.tfrecord"
        share = count * (index + 1) // shards - count * index // shards
        with open(path, "wb", buffering=1 << 20) as file:
            file.writelines(itertools.islice(frames, share))
        with open(path, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        written.append(Shard(path.name, share, path.stat().st_size, checksum))
    if next(frames, None) is not None:  # also lets a shuffle remove its last file
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
            raise UserError(f"{path} cannot be read ({error.message.rpartition('}} ')[2].strip()}). "
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
