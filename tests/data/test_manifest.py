"""Laws of manifests: they come back whole, and every way in which data can be wrong is named before it is used."""

import dataclasses
import json
import types

import pytest

from t2t_mm.data.features import Label, Text
from t2t_mm.data.manifest import (FILE_NAME, Manifest, Split, check_features, check_files, describe_features,
                                  file_checksum, read_manifest, write_manifest)
from t2t_mm.data.records import Shard
from t2t_mm.errors import UserError

PROBLEM = types.SimpleNamespace(name="toy", features={"inputs": Text("bytes"), "targets": Label(("a", "b"))})


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    shards = {}
    for split, count in (("train", 2), ("dev", 1)):
        for index in range(count):
            path = folder / f"{split}-{index}"
            path.write_bytes(bytes(100 + index))
            shards.setdefault(split, []).append(Shard(path.name, 5 + index, 100 + index, file_checksum(path)))
    lengths = {"targets": {"unit": "ids", "mean": 1.0, "longest": 1}}
    made = Manifest("toy", str(tmp_path), {split: Split(tuple(each), lengths) for split, each in shards.items()},
                    describe_features(PROBLEM), {"bytes": "1234"}, {"too long": 3})
    write_manifest(made, folder)
    return made


def test_a_manifest_comes_back_equal(manifest, tmp_path):
    assert read_manifest(tmp_path, "toy") == manifest
    check_files(manifest, verify=True)
    check_features(manifest, PROBLEM)


def test_counts_bytes_and_paths(manifest, tmp_path):
    assert manifest.count("train") == 11 and manifest.split("train").bytes == 201
    assert manifest.paths("train") == [str(tmp_path / "toy" / "train-0"), str(tmp_path / "toy" / "train-1")]
    told = json.loads((tmp_path / "toy" / FILE_NAME).read_text())["splits"]["train"]
    assert (told["count"], told["bytes"]) == (11, 201)


def test_data_may_be_moved(manifest, tmp_path):
    (tmp_path / "toy").rename(tmp_path / "moved")
    (tmp_path / "new").mkdir()
    (tmp_path / "moved").rename(tmp_path / "new" / "toy")
    moved = read_manifest(tmp_path / "new", "toy")
    check_files(moved)
    assert moved == dataclasses.replace(manifest, data_dir=str(tmp_path / "new"))


def test_missing_data_says_what_is_there_and_what_to_run(manifest, tmp_path):
    with pytest.raises(UserError) as error:
        read_manifest(tmp_path, "toys")
    assert all(part in str(error.value) for part in
               ("no data for toys", "has toy.", "'toy'?", f"t2t-datagen --problem=toys --data_dir={tmp_path}"))
    with pytest.raises(UserError, match="has no generated problem"):
        read_manifest(tmp_path / "nowhere", "toy")


@pytest.mark.parametrize("damage", [lambda text: text[:40], lambda text: "[]", lambda text: "",
                                    lambda text: text.replace('"features"', '"futures"'),
                                    lambda text: text.replace('"sha256"', '"sha257"', 1)])
def test_a_damaged_manifest_is_a_user_error(damage, manifest, tmp_path):
    path = tmp_path / "toy" / FILE_NAME
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match="is damaged.*t2t-datagen --problem=toy .*--overwrite"):
        read_manifest(tmp_path, "toy")


def test_another_format_version_is_a_user_error(manifest, tmp_path):
    write_manifest(dataclasses.replace(manifest, format_version=99), tmp_path / "toy")
    with pytest.raises(UserError, match="format version 99"):
        read_manifest(tmp_path, "toy")


def test_each_fault_of_a_shard_is_named(manifest, tmp_path):
    shard = tmp_path / "toy" / "train-1"
    content = shard.read_bytes()
    for change, words in ((content[:-1], "train-1 is truncated: expected 101 bytes, found 100"),
                          (content + b"x", "train-1 is changed: expected 101 bytes, found 102"),
                          (None, r"train-1 is missing \(expected 101 bytes\)")):
        shard.unlink() if change is None else shard.write_bytes(change)
        with pytest.raises(UserError, match=words + r".*t2t-datagen --problem=toy .*--overwrite"):
            check_files(manifest)


def test_one_flipped_bit_is_found_by_verification(manifest, tmp_path):
    (tmp_path / "toy" / "dev-0").write_bytes(bytes(99) + b"\1")
    check_files(manifest)
    with pytest.raises(UserError, match="dev-0 is changed: expected sha256"):
        check_files(manifest, verify=True)


def test_data_of_other_classes_than_the_runs_say_so(manifest):
    data = dataclasses.replace(manifest, facts={"classes": ["a", "b", "c"]})
    run = types.SimpleNamespace(name="toy", features={}, facts={"classes": ["a", "b"]})
    with pytest.raises(UserError, match=r"other classes than .*\"c\".*Train a new run"):
        check_features(data, run)


@pytest.mark.parametrize("features", [
    {"inputs": Text("bytes"), "targets": Label(("a", "c"))}, {"inputs": Text("bytes")},
    {**PROBLEM.features, "more": Text("bytes")}])
def test_changed_features_are_a_user_error(features, manifest):
    changed = types.SimpleNamespace(name="toy", features=features)
    with pytest.raises(UserError, match="features of toy have changed.*--overwrite"):
        check_features(manifest, changed)


def test_an_unknown_split_is_a_user_error(manifest):
    with pytest.raises(UserError, match="no split 'tain', only train, dev. Did you mean 'train'"):
        manifest.paths("tain")
