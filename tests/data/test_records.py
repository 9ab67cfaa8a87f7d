"""Laws of records: TensorFlow reads what we write, nothing is lost, order and bytes depend on the seed alone."""

import collections
import os
import random

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data import records
from t2t_mm.data.records import frame, frames_in, read_stored, serialise_example, write_split
from t2t_mm.errors import UserError

COLUMNS = {"ids": "int64", "wave": "float32", "image": "bytes"}


def record_of(number):
    rng = random.Random(number)
    ids = [rng.choice([0, 1, 127, 128, 300, 16383, 16384, 2**31, 2**63 - 1, -1, -(2**63)])
           for _ in range(rng.randint(0, 40))]
    return {"ids": ids, "wave": [rng.uniform(-1, 1) for _ in range(rng.randint(0, 9))],
            "image": rng.randbytes(rng.choice([0, 1, 127, 128, 20_000]))}


def numbered(count):
    """Frames of records that tell their number, a few in each chunk."""
    examples = [serialise_example({"n": [number]}, {"n": "int64"}) for number in range(count)]
    return [frame(examples[start:start + 7]) for start in range(0, count, 7)]


def numbers(folder, shards):
    return [int(stored["n"][0]) for stored in read_stored(folder / shard.name for shard in shards)]


def test_examples_parse_to_what_was_serialised():
    for number in range(60):
        record = record_of(number)
        feature = tf.train.Example.FromString(serialise_example(record, COLUMNS)).features.feature
        assert sorted(feature) == sorted(COLUMNS)
        assert list(feature["ids"].int64_list.value) == record["ids"]
        np.testing.assert_array_equal(np.float32(feature["wave"].float_list.value), np.float32(record["wave"]))
        assert list(feature["image"].bytes_list.value) == [record["image"]]


def test_numpy_values_serialise_like_lists():
    record = record_of(5)
    arrays = {**record, "ids": np.array(record["ids"], np.int64), "wave": np.array(record["wave"], np.float64)}
    assert serialise_example(arrays, COLUMNS) == serialise_example(record, COLUMNS)


def test_an_unknown_column_type_is_refused():
    with pytest.raises(ValueError, match="float64"):
        serialise_example({"x": [1.0]}, {"x": "float64"})


CONTENTS = [b"", b"a", bytes(70_000), b"b" * 255, b"", bytes(range(256)) * 3]


def test_frames_come_apart_again():
    assert frames_in(frame(CONTENTS)) == [frame([content]) for content in CONTENTS]
    assert frames_in(frame([])) == []


def test_frames_are_what_tensorflow_writes(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "file")) as writer:
        for content in CONTENTS:
            writer.write(content)
    assert (tmp_path / "file").read_bytes() == frame(CONTENTS)


def test_what_is_written_is_read_back(tmp_path):
    samples = [record_of(number) for number in range(10)]
    shards = write_split(tmp_path, "dev", [frame([serialise_example(each, COLUMNS) for each in samples])], 2)
    stored = list(read_stored(tmp_path / shard.name for shard in shards))
    for record, columns in zip(samples, stored, strict=True):
        assert columns["ids"].dtype == np.int64 and columns["ids"].tolist() == record["ids"]
        assert columns["wave"].dtype == np.float32
        np.testing.assert_array_equal(columns["wave"], np.float32(record["wave"]))
        assert columns["image"] == record["image"]


@pytest.mark.parametrize(("count", "shards"), [(0, 1), (1, 4), (3, 4), (40, 1), (101, 4)])
@pytest.mark.parametrize("seed", [None, "a"])
def test_every_record_is_written_once_and_shards_are_even(count, shards, seed, tmp_path):
    written = write_split(tmp_path, "train", numbered(count), shards, seed)
    assert sorted(os.listdir(tmp_path)) == sorted(shard.name for shard in written)
    assert sum(shard.count for shard in written) == count
    assert max(shard.count for shard in written) - min(shard.count for shard in written) <= 1
    assert all(shard.bytes == os.path.getsize(tmp_path / shard.name) for shard in written)
    read = numbers(tmp_path, written)
    assert sorted(read) == list(range(count))
    assert seed is not None or read == list(range(count))


@pytest.mark.parametrize("bucket_bytes", [1, 40, 400, 1 << 20])
def test_shuffling_keeps_every_record_whatever_fits_into_memory(bucket_bytes, tmp_path):
    written = write_split(tmp_path, "train", numbered(150), 3, "seed", bucket_bytes=bucket_bytes)
    read = numbers(tmp_path, written)
    assert sorted(read) == list(range(150)) and read != list(range(150))
    assert sorted(os.listdir(tmp_path)) == sorted(shard.name for shard in written)


@pytest.mark.parametrize("bucket_bytes", [400, 1 << 20])
def test_the_seed_alone_sets_the_order(bucket_bytes, tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
    a, b, c = (write_split(tmp_path / name, "train", numbered(100), 2, seed, bucket_bytes)
               for name, seed in zip("abc", ["one", "one", "two"], strict=True))
    assert a == b and a != c


def test_a_shuffle_through_buckets_is_uniform(tmp_path):
    """Where the first record comes out, over many seeds: in every quarter about as often."""
    quarters = collections.Counter()
    numbers_of_frames = {frame([bytes([number])]): number for number in range(40)}
    for seed in range(400):
        (tmp_path / "spill").write_bytes(frame([bytes([number]) for number in range(40)]))
        shuffled = records._shuffled(tmp_path / "spill", random.Random(seed), bucket_bytes=200)
        read = [numbers_of_frames[each] for each in shuffled]
        assert sorted(read) == list(range(40)) and os.listdir(tmp_path) == []
        quarters[read.index(0) // 10] += 1
    assert all(70 <= quarters[quarter] <= 130 for quarter in range(4))


def test_damaged_and_missing_files_are_user_errors_that_name_the_file(tmp_path):
    (shard,) = write_split(tmp_path, "dev", numbered(20), 1)
    path = tmp_path / shard.name
    content = path.read_bytes()
    for damaged in (content[:-3], content[:50] + bytes([content[50] ^ 1]) + content[51:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=shard.name):
            list(read_stored([path]))
    path.unlink()
    with pytest.raises(UserError, match=shard.name):
        list(read_stored([path]))
