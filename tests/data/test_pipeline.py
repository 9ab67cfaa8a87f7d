"""Laws of the pipeline: nothing lost, nothing twice, padding only at the end, budgets kept, same seed same batches."""

import collections
import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
import toy_problems
from random_arrays import random_batch

from t2t_mm.data import buckets as bucketing
from t2t_mm.data import manifest as manifests
from t2t_mm.data import examples, pipeline
from t2t_mm.data.features import columns_of, encode_samples
from t2t_mm.data.records import frame, read_stored, serialise_example, write_split
from t2t_mm.data.text_encoders import EOS, Bytes
from t2t_mm.errors import UserError
from t2t_mm.training.batches import Batches

ENCODERS = {"bytes": Bytes()}
NAMES = [problem.name for problem in toy_problems.all_toys()]


def encoded(problem, samples):
    return encode_samples(problem.inputs, ENCODERS, samples)


def write(problem, data_dir, samples=None):
    """The files that t2t-datagen writes; `samples` (split → list) instead of the problem's own."""
    folder, splits = data_dir / problem.name, {}
    folder.mkdir()
    columns = columns_of(problem.features)
    for split in problem.splits:
        values = samples[split] if samples else list(problem.generate(split, ""))
        records = [serialise_example(r, columns) for r in encode_samples(problem.features, ENCODERS, values)]
        shards = write_split(folder, split, [frame(records)], problem.shards[split])
        splits[split] = manifests.Split(shards, {})
    keys = {f.vocabulary for f in problem.features.values() if f.vocabulary}
    manifests.write_manifest(
        manifests.Manifest(problem.name, str(data_dir), splits, manifests.describe_features(problem),
                           {key: ENCODERS[key].checksum for key in keys}), folder)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for problem in toy_problems.all_toys():
        write(problem, folder)
    return folder


def small_buckets(problem, max_length=200):
    return bucketing.make_buckets(problem, batch_size=64, max_examples=5, max_length=max_length, min_bucket=8)


def training(name, data_dir, seed=1, **options):
    problem = toy_problems.toy(name)
    return pipeline.train_batches(problem, data_dir, ENCODERS, small_buckets(problem, **options), seed)


def rows(batch):
    """The examples of a batch as bytes without their padding."""
    arrays = {key: np.asarray(value) for key, value in batch.items()}
    found = []
    for i in range(len(next(iter(arrays.values())))):
        row = {key: value[i] for key, value in arrays.items()}
        row = {key: value[:row[f"{key}_length"]] if f"{key}_length" in row else value for key, value in row.items()}
        row = {key: np.trim_zeros(value, "b") if value.dtype == np.int32 and value.ndim == 1 else value
               for key, value in row.items()}
        found.append(tuple((key, value.tobytes()) for key, value in sorted(row.items())))
    return found


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", NAMES)
def test_eval_gives_every_example_once_and_in_order(name, data_dir):
    problem = toy_problems.toy(name)
    batches = list(pipeline.eval_batches(problem, data_dir, "dev", small_buckets(problem)))
    ours = [row for batch in batches for row in rows(batch)]
    alone = [examples.collate(problem, encoded(problem, [sample])) for sample in problem.generate("dev", "")]
    inputs = {key for batch in alone for key in batch} if problem.inputs else set()
    assert len(ours) == toy_problems.SIZES["dev"]
    if inputs:  # the same bits, whether an example is in a batch with longer ones or alone
        assert [tuple(pair for pair in row if pair[0] in inputs) for row in ours] == [rows(b)[0] for b in alone]
    else:
        texts = [Bytes().decode(np.frombuffer(dict(row)["targets"], np.int32)) for row in ours]
        assert texts == [sample["targets"] for sample in problem.generate("dev", "")]


@pytest.mark.parametrize("name", ["toy_audio_to_text", "toy_two_inputs_to_text", "toy_image_to_label"])
def test_every_epoch_holds_every_example_once(name, data_dir):
    size = toy_problems.SIZES["train"]
    problem = toy_problems.toy(name)
    one_size = bucketing.Buckets((200,), (8,), 200)  # one bucket of 8: 40 examples are 5 whole batches
    batches = pipeline.train_batches(problem, data_dir, None, one_size, seed=3).take(3 * size // 8)
    seen = [row for batch in batches for row in rows(batch)]
    epochs = [seen[start:start + size] for start in range(0, 3 * size, size)]
    stored = collections.Counter(row for batch in pipeline.eval_batches(problem, data_dir, "train", one_size)
                                 for row in rows(batch))
    assert all(collections.Counter(epoch) == stored for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_for_what_compiles_each_shape_sounds_are_padded_to_their_bucket_too(data_dir):
    problem = toy_problems.toy("toy_audio_to_text")
    buckets, frames = small_buckets(problem), problem.inputs["inputs"].frames_per_token
    plain, few = ([dict(batch) for batch in pipeline.train_batches(
        problem, data_dir, ENCODERS, buckets, seed=1, few_shapes=value).take(20)] for value in (False, True))
    assert {batch["inputs"].shape[1] for batch in few} <= {frames * boundary for boundary in buckets.boundaries}
    assert any(a["inputs"].shape != b["inputs"].shape for a, b in zip(plain, few))
    for a, b in zip(plain, few):
        length = a["inputs"].shape[1]
        np.testing.assert_array_equal(b["inputs"][:, :length], a["inputs"])
        assert not np.any(b["inputs"][:, length:])
        assert all(np.array_equal(a[key], b[key]) for key in a.keys() - {"inputs"})


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_shard_that_was_changed_is_named(split, data_dir, tmp_path):
    problem = toy_problems.toy("toy_text_to_text")
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    shard = next((folder / problem.name).glob(f"{split}-*.tfrecord"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    buckets, folder = small_buckets(problem), str(folder)
    with pytest.raises(UserError, match=rf"{shard.name} is changed.*t2t-datagen"):
        if split == "dev":
            list(pipeline.eval_batches(problem, folder, split, buckets))
        else:
            batches = pipeline.train_batches(problem, folder, ENCODERS, buckets, seed=1)
            run = Batches({problem.name: iter(batches)}, folder)
            for _ in range(100):
                run.next(problem.name)


def test_no_example_is_lost_between_buckets(data_dir):
    size = toy_problems.SIZES["train"]
    seen = collections.Counter()
    for batch in training("toy_text_to_text", data_dir).take(200):
        seen.update(rows(batch))
    problem = toy_problems.toy("toy_text_to_text")
    batches = pipeline.eval_batches(problem, data_dir, "train", small_buckets(problem))
    stored = collections.Counter(row for batch in batches for row in rows(batch))
    epochs = sum(seen.values()) / size
    assert set(seen) == set(stored)
    assert all(abs(seen[row] / stored[row] - epochs) <= 2 for row in stored)  # ± what waits in the buckets


@pytest.mark.parametrize("name", NAMES)
def test_batches_keep_the_budget_pad_only_at_the_end_and_have_the_declared_shapes(name, data_dir):
    problem = toy_problems.toy(name)
    buckets = small_buckets(problem)
    evaluation = pipeline.eval_batches(problem, data_dir, "train", buckets).dataset
    endless = training(name, data_dir)
    declared = {key: (None, *shape) for feature_name, feature in problem.features.items()
                for key, shape in feature.padded_shapes(feature_name).items()}
    random = random_batch(problem, {"bytes": 258}, batch=3, length=7, seed=0)
    assert all(endless.element_spec[key].is_compatible_with(tf.constant(value)) for key, value in random.items())
    for batches in (endless, evaluation):
        assert batches.element_spec.keys() == random.keys()
        assert {key: tuple(tensor.shape) for key, tensor in batches.element_spec.items()} == declared
        for batch in batches.take(20).as_numpy_iterator():
            assert len({len(value) for value in batch.values()}) == 1
            for key, feature in problem.features.items():
                if feature.is_text:
                    check_text(batch[key], buckets, full=batches is endless)
                elif feature.modality == "audio":
                    check_sound(batch[key], batch[f"{key}_length"])


def check_text(ids, buckets, full):
    size, length = ids.shape
    ends = (ids != 0).sum(axis=1)
    assert ids.dtype == np.int32 and (ids[np.arange(size), ends - 1] == EOS).all()
    assert ((ids != 0) == (np.arange(length) < ends[:, None])).all()
    assert length in buckets.boundaries and (size * length <= 64 or size == 1)
    assert not full or size == buckets.batch_sizes[buckets.boundaries.index(length)]


def check_sound(values, frames):
    assert values.shape[1] % 32 == 0 and values.shape[1] - frames.max() < 32
    assert not values[np.arange(values.shape[1]) >= frames[:, None]].any()


def test_batches_of_long_sounds_have_few_examples(tmp_path):
    problem = toy_problems.toy("toy_audio_to_text")
    sounds = [{"inputs": np.zeros(samples, np.float32), "targets": "a"} for samples in (800, 25_600) * 10]
    write(problem, tmp_path, {"train": sounds, "dev": sounds, "test": sounds[:1]})
    buckets = bucketing.make_buckets(problem, batch_size=64, max_examples=20, max_length=50, min_bucket=4)
    trained = pipeline.train_batches(problem, tmp_path, ENCODERS, buckets, seed=1).take(12)
    sizes = {(len(batch["targets"]), batch["inputs"].shape[1]) for batch in trained}
    assert sizes == {(64 // 4, 32), (64 // 13, 320)}  # 0.1 s is one token, 3.2 s are ten
    for batch in pipeline.eval_batches(problem, tmp_path, "dev", buckets):
        assert len(batch["targets"]) <= 4


def test_the_seed_decides_and_nothing_else(data_dir):
    tf.random.set_seed(5)
    first = list(training("toy_text_to_text", data_dir, seed=1).take(30).as_numpy_iterator())
    tf.random.set_seed(6)
    second = list(training("toy_text_to_text", data_dir, seed=1).take(30).as_numpy_iterator())
    other = list(training("toy_text_to_text", data_dir, seed=2).take(30).as_numpy_iterator())
    assert all(map(same, first, second))
    assert not all(map(same, first, other))


class Augmented(toy_problems.ToyImageToText):
    """Random shifts of the picture, in training only."""

    registered_name = "toy_image_to_text"

    def preprocess(self, tensors, training, seed):
        if training:
            noise = tf.random.stateless_uniform(tf.shape(tensors["inputs"]), seed, -0.1, 0.1)
            tensors["inputs"] = tensors["inputs"] + noise
        return tensors


@pytest.mark.parametrize("problem", [Augmented(), toy_problems.toy("toy_audio_to_text")], ids=lambda p: p.name)
def test_restored_in_the_second_epoch_the_batches_go_on(problem, data_dir, tmp_path):
    def make():
        return pipeline.train_batches(problem, data_dir, ENCODERS, small_buckets(problem), seed=4)

    iterator = iter(make())
    seen = 0
    while seen < 1.5 * toy_problems.SIZES["train"]:
        seen += len(next(iterator)["inputs"])
    path = tf.train.Checkpoint(data=iterator).save(str(tmp_path / "checkpoint"))
    uninterrupted = [next(iterator) for _ in range(25)]
    tf.train.Checkpoint(data=iterator).restore(path).assert_consumed()  # the same iterator, turned back
    assert all(same(next(iterator), batch) for batch in uninterrupted)
    fresh = iter(make())
    tf.train.Checkpoint(data=fresh).restore(path).assert_consumed()
    assert all(same(next(fresh), batch) for batch in uninterrupted)


def test_restored_with_a_small_shuffle_buffer(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "SHUFFLE_BYTES", 500)  # about 5 examples, so that shards are read while shuffling
    monkeypatch.setattr(pipeline, "PARSE_BYTES", 300)
    iterator = iter(training("toy_text_to_text", data_dir))
    for _ in range(17):
        next(iterator)
    path = tf.train.Checkpoint(data=iterator).save(str(tmp_path / "checkpoint"))
    uninterrupted = [next(iterator) for _ in range(10)]
    fresh = iter(training("toy_text_to_text", data_dir))
    tf.train.Checkpoint(data=fresh).restore(path).assert_consumed()
    assert all(same(next(fresh), batch) for batch in uninterrupted)


def test_augmentation_differs_from_epoch_to_epoch_and_spares_evaluation(data_dir):
    one_size = bucketing.Buckets((200,), (40,), 200)
    clean, augmented = toy_problems.toy("toy_image_to_text"), Augmented()
    epochs = pipeline.train_batches(augmented, data_dir, None, one_size, 1).take(2)
    first, second = [{dict(row)["inputs"] for row in rows(epoch)} for epoch in epochs]
    assert not first & second
    evaluated = [next(iter(pipeline.eval_batches(p, data_dir, "dev", one_size))) for p in (clean, augmented)]
    assert same(*evaluated)


def test_too_long_examples_are_dropped_and_counted(data_dir):
    problem = toy_problems.toy("toy_text_to_text")
    texts = [sample["inputs"] for sample in problem.generate("train", "")]
    lengths = [len(text) + 1 for text in texts]
    longest = sorted(lengths)[len(lengths) // 2]  # an example of exactly max_length stays
    buckets = small_buckets(problem, max_length=longest)
    kept = [text for text, length in zip(texts, lengths, strict=True) if length <= longest]
    assert pipeline.count_dropped(problem, data_dir, "train", buckets) == len(texts) - len(kept) > 0
    batches = pipeline.eval_batches(problem, data_dir, "train", buckets)
    assert batches.too_long == len(texts) - len(kept)
    assert [Bytes().decode(row.numpy()) for batch in batches for row in batch["inputs"]] == kept
    trained = {Bytes().decode(row) for batch in training("toy_text_to_text", data_dir, max_length=longest).take(100)
               .as_numpy_iterator() for row in batch["inputs"]}
    assert trained == set(kept)


def test_drops_are_described_with_their_share():
    problem = toy_problems.toy("toy_text_to_text")
    text = pipeline.describe_drops(problem, "train", 5, 200)
    assert "5 of 200" in text and "2.5%" in text and problem.name in text
    assert "all 200" in pipeline.describe_drops(problem, "train", 0, 200)


def test_max_batches_are_the_first_ones(data_dir):
    problem = toy_problems.toy("toy_text_to_label")
    every = list(pipeline.eval_batches(problem, data_dir, "dev", small_buckets(problem)))
    some = list(pipeline.eval_batches(problem, data_dir, "dev", small_buckets(problem), max_batches=2))
    assert len(some) == 2 and all(map(same, some, every))


def test_no_examples_that_fit_is_an_error_not_an_endless_loop(data_dir):
    problem = toy_problems.toy("toy_text_to_text")
    for make in (lambda b: pipeline.train_batches(problem, data_dir, ENCODERS, b, 1),
                 lambda b: pipeline.eval_batches(problem, data_dir, "dev", b)):
        with pytest.raises(UserError, match="max_length=2"):
            make(small_buckets(problem, max_length=2))


def test_missing_truncated_or_foreign_data_are_errors(tmp_path):
    problem = toy_problems.toy("toy_text_to_text")
    with pytest.raises(UserError, match="t2t-datagen"):
        pipeline.eval_batches(problem, tmp_path, "dev", small_buckets(problem))
    write(problem, tmp_path)
    with pytest.raises(UserError, match="vocabulary"):
        other = {"bytes": dataclasses.make_dataclass("Other", ["checksum"])("0")}
        pipeline.train_batches(problem, tmp_path, other, small_buckets(problem), 1)
    shard = next((tmp_path / problem.name).glob("train-00001*"))
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(UserError, match="truncated"):
        pipeline.train_batches(problem, tmp_path, ENCODERS, small_buckets(problem), 1)


def test_an_empty_split_is_an_error(tmp_path):
    problem = toy_problems.toy("toy_text_to_label")
    sample = {"inputs": "one", "targets": 1}
    write(problem, tmp_path, {"train": [], "dev": [sample], "test": [sample]})
    with pytest.raises(UserError, match="no examples"):
        pipeline.train_batches(problem, tmp_path, ENCODERS, small_buckets(problem), 1)


@pytest.mark.parametrize("name", ["toy_audio_to_text", "toy_two_inputs_to_text"])
def test_collated_records_are_what_their_samples_give(name, data_dir):
    problem = toy_problems.toy(name)
    samples = list(problem.generate("dev", ""))
    stored = list(read_stored(sorted((data_dir / name).glob("dev-*"))))
    together = examples.collate(problem, encoded(problem, samples))
    assert same(examples.collate(problem, stored), together)
    assert rows(together) == [rows(examples.collate(problem, [record]))[0] for record in stored]


def test_samples_need_their_inputs_and_a_batch_without_inputs_its_rows():
    with pytest.raises(UserError, match="'question'"):
        encoded(toy_problems.toy("toy_two_inputs_to_text"), [{"inputs": np.zeros((8, 8, 1), np.uint8)}])
    batch = examples.collate(toy_problems.toy("toy_language_model"), [{}, {}])
    assert rows(batch) == rows({"targets": tf.zeros((2, 1), tf.int32)})


def test_a_preprocess_that_needs_the_targets_is_told_that_decoding_has_none():
    class Shortens(type(toy_problems.toy("toy_text_to_text"))):
        """Cuts the targets."""

        def preprocess(self, tensors, training, seed):
            return {**tensors, "targets": tensors["targets"][:2]}

    with pytest.raises(UserError, match="toy_text_to_text reads 'targets', which is not there when a model decodes"):
        examples.collate(Shortens(), [{"inputs": [5, 6, 1], "targets": [7, 1]}])
