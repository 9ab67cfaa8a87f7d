"""Laws of vocabularies: one file for all that share a key, trained once, and never another one than the data's."""

import os

import pytest

from t2t_mm.data.features import Image, Label, Text
from t2t_mm.data.manifest import Manifest, describe_features, write_manifest
from t2t_mm.data.text_encoders import Bytes, Tokens
from t2t_mm.data.vocabulary_building import (build_vocabularies, check_vocabulary_sizes, load_encoders, size_in_name,
                                             vocabulary_keys, vocabulary_path)
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Problem


class Toy(Problem):
    """Texts of a few words; which features, and which words, is up to the test."""

    def __init__(self, name, features, words="red green blue"):
        super().__init__()
        self.registered_name, self.declared, self.words = name, features, words.split()

    def define_features(self):
        return self.declared

    def samples(self, split, tmp_dir):
        for number in range(60):
            text = " ".join(self.words[(number * step) % len(self.words)] for step in (1, 2, 5))
            yield {name: f"{split} {text} {name}" if feature.is_text else 0 for name, feature in self.declared.items()}


def toy(name="toy", inputs="subwords:shared", targets="subwords:shared", words="red green blue"):
    return Toy(name, {"inputs": Text(inputs), "targets": Text(targets)}, words)


def build(problems, folder, size=320, **options):
    said = []
    return build_vocabularies(problems, str(folder), "", size, say=said.append, **options), said


def test_problems_share_one_vocabulary_that_knows_the_words_of_all(tmp_path):
    encoders, said = build([toy("a"), toy("b", words="cyan pink black")], tmp_path)
    assert list(encoders) == ["subwords:shared"] and os.listdir(tmp_path / "vocabularies") == ["shared.subwords"]
    assert all(len(encoders["subwords:shared"].encode(word)) <= 2 for word in ("green", "black"))
    assert any("a, b" in message for message in said)


def test_what_was_built_is_what_is_loaded(tmp_path):
    problem = toy(inputs="tokens:t", targets="bytes")
    encoders, _ = build([problem, toy("other")], tmp_path)
    assert load_encoders(problem, tmp_path) == {"tokens:t": encoders["tokens:t"], "bytes": Bytes()}
    assert encoders["tokens:t"].decode(encoders["tokens:t"].encode("train red")) == "train red"


def test_a_vocabulary_that_is_there_is_reused_and_said_so(tmp_path):
    first, _ = build([toy()], tmp_path)
    second, said = build([toy(), toy("joined", words="日本 語")], tmp_path, size=500)
    assert first == second
    assert len(said) == 1 and "used as it is" in said[0] and "500" in said[0]
    encoder = second["subwords:shared"]
    assert encoder.decode(encoder.encode("日本 語")) == "日本 語"


def test_of_two_that_train_a_vocabulary_at_once_both_use_the_first(tmp_path):
    class Slow(Toy):
        """While its texts are read another process makes the vocabulary."""

        def samples(self, split, tmp_dir):
            yield from super().samples(split, tmp_dir)
            build([toy("fast", "tokens:shared", "tokens:shared", "cyan pink")], tmp_path)

    encoders, said = build([Slow("slow", toy(inputs="tokens:shared", targets="tokens:shared").declared)], tmp_path)
    assert "pink" in encoders["tokens:shared"].tokens and "red" not in encoders["tokens:shared"].tokens
    assert encoders == load_encoders(toy(inputs="tokens:shared", targets="tokens:shared"), tmp_path)
    assert any("another process was faster" in message for message in said)


def test_only_training_text_is_used(tmp_path):
    encoders, _ = build([toy(inputs="tokens:t", targets="tokens:t")], tmp_path)
    tokens = encoders["tokens:t"]
    assert {"train", "red", "inputs", "targets"} <= set(tokens.tokens)
    assert not {"dev", "test"} & set(tokens.tokens)


def test_a_feature_gets_a_vocabulary_of_its_own_texts(tmp_path):
    encoders, _ = build([toy(inputs="tokens:in", targets="tokens:out")], tmp_path)
    assert "inputs" in encoders["tokens:in"].tokens and "targets" not in encoders["tokens:in"].tokens
    assert "targets" in encoders["tokens:out"].tokens and "inputs" not in encoders["tokens:out"].tokens


def test_the_most_frequent_tokens_stay_and_the_cut_is_said(tmp_path):
    problem = toy(inputs="tokens:t", targets="tokens:t", words="a b c d e f g h i j")
    encoders, said = build([problem], tmp_path, vocabulary_sizes={"tokens:t": 4})
    assert encoders["tokens:t"].size == 4 and encoders["tokens:t"].tokens == ("train",)
    assert any("1 most frequent" in message for message in said)


def test_building_is_deterministic_and_a_reversed_problem_adds_nothing(tmp_path):
    reverse = toy()
    reverse.reverse = True
    one, _ = build([toy(), toy("b")], tmp_path / "one")
    two, _ = build([toy(), toy("b")], tmp_path / "two")
    three, _ = build([toy(), reverse, toy("b")], tmp_path / "three")
    assert one == two == three


def test_problems_without_text_have_no_vocabulary(tmp_path):
    problem = Toy("seen", {"inputs": Image(8, 8, 1), "targets": Label(("a",))})
    assert vocabulary_keys(problem) == () and build([problem], tmp_path) == ({}, [])
    assert load_encoders(problem, tmp_path) == {}


@pytest.mark.parametrize("targets", ["subwords:s", "tokens:s"])
def test_no_text_is_a_user_error_and_leaves_no_file(targets, tmp_path):
    problem = Toy("empty", {"targets": Text(targets)})
    problem.samples = lambda split, tmp_dir: iter(())
    with pytest.raises(UserError, match=targets):
        build([problem], tmp_path)
    assert not (tmp_path / "vocabularies").exists() or os.listdir(tmp_path / "vocabularies") == []


def test_a_missing_vocabulary_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="shared.subwords does not exist. Run: t2t-datagen --problem=toy"):
        load_encoders(toy(), tmp_path)


def manifest_for(problem, encoders, folder):
    manifest = Manifest(problem.name, str(folder), {}, describe_features(problem),
                        {key: encoder.checksum for key, encoder in encoders.items()})
    (folder / problem.name).mkdir()
    write_manifest(manifest, folder / problem.name)
    return manifest


@pytest.mark.parametrize("given", [True, False])
def test_another_vocabulary_than_the_data_has_is_a_user_error(given, tmp_path):
    problem = toy(inputs="tokens:t", targets="tokens:t")
    manifest = manifest_for(problem, build([problem], tmp_path)[0], tmp_path)
    assert load_encoders(problem, tmp_path, manifest if given else None)
    Tokens(["other"]).save(vocabulary_path(tmp_path, "tokens:t"))
    with pytest.raises(UserError, match="not the one that toy was encoded with.*--overwrite"):
        load_encoders(problem, tmp_path, manifest if given else None)
    vocabulary_path(tmp_path, "tokens:t").unlink()
    with pytest.raises(UserError, match="does not exist. Put it back, or run.*--overwrite"):
        load_encoders(problem, tmp_path, manifest if given else None)


def test_changed_features_are_a_user_error(tmp_path):
    manifest_for(toy(), build([toy()], tmp_path)[0], tmp_path)
    with pytest.raises(UserError, match="features of toy have changed"):
        load_encoders(toy(inputs="bytes"), tmp_path)


def test_a_file_of_another_kind_is_a_user_error(tmp_path):
    build([toy()], tmp_path)
    Bytes().save(vocabulary_path(tmp_path, "subwords:shared"))
    with pytest.raises(UserError, match="holds bytes"):
        load_encoders(toy(), tmp_path)


@pytest.mark.parametrize("key", ["subwords:../x", "subwords:.x", "tokens:", "words:x", "bytes", "tokens:a/b"])
def test_keys_that_are_no_file_names_are_refused(key):
    with pytest.raises(UserError, match="is no vocabulary"):
        vocabulary_path("data", key)


def test_sizes_of_unknown_vocabularies_are_refused():
    check_vocabulary_sizes([toy()], {"subwords:shared": 300})
    with pytest.raises(UserError, match="Did you mean 'subwords:shared'"):
        check_vocabulary_sizes([toy()], {"subwords:shard": 300})
    with pytest.raises(UserError, match="must be positive"):
        check_vocabulary_sizes([toy()], {"subwords:shared": 0})


def test_a_name_can_say_the_size(tmp_path):
    assert [size_in_name(key) for key in ("subwords:multimodel_8k", "tokens:a_32k", "subwords:8k", "bytes")] == [
        8192, 32768, None, None]

    class Counting(Problem):
        """Has more different words than the size asked for."""

        def define_features(self):
            return {"targets": Text("tokens:counts_1k")}

        def samples(self, split, tmp_dir):
            return ({"targets": f"word{number}"} for number in range(2000))

    sizes = {"tokens:counts_1k": 50}
    assert build_vocabularies([Counting()], str(tmp_path), "", 100)["tokens:counts_1k"].size == 1024
    assert build_vocabularies([Counting()], str(tmp_path / "b"), "", 100, sizes)["tokens:counts_1k"].size == 50
