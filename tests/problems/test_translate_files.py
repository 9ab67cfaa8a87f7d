"""Laws of the translations from files and TFDS: pairs stay pairs, nothing leaks, errors say where to get what."""

from pathlib import Path

import pytest
from generating import generated

from t2t_mm import registry
from t2t_mm.data.files import tfds_reader
from t2t_mm.errors import UserError
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K
from t2t_mm.problems.translate_multi30k import TranslateEndeMulti30k

SHARED = Path(__file__).parents[3] / "shared" / "data"
NATIVE = ("translate_ende_wmt14", "translate_enfr_wmt14", "translate_ende_multi30k", "translate_enfr_multi30k",
          "translate_defr_multi30k", "parse_wsj", "parse_ptb_sample")
CAPTIONS = '{"images": [{"id": 1, "file_name": "20_abc.jpg"}], "annotations": [{"image_id": 1, "caption": "A Cat ."}]}'


def pairs(samples):
    return [tuple(sample.values()) for sample in samples]


@pytest.mark.parametrize("name", NATIVE)
def test_the_native_problems_share_one_vocabulary_and_say_what_they_miss(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_reader, "_reachable", lambda host: False)
    problem = registry.problem(name)
    assert {feature.vocabulary for feature in problem.features.values()} == {MULTIMODEL_8K}
    with pytest.raises(UserError, match=f"{name}.* reads .*{tmp_path}") as error:
        problem.check_sources(str(tmp_path))
    assert "https://" in str(error.value)
    with pytest.raises(UserError):
        problem.generate("train", str(tmp_path))


@pytest.mark.parametrize("name, command, back", [
    ("translate_ende_wmt14", "to-german", "to-english"), ("translate_enfr_wmt14", "to-french", "to-english"),
    ("translate_ende_multi30k", "to-german", "to-english"), ("translate_enfr_multi30k", "to-french", "to-english"),
    ("translate_defr_multi30k", "to-french", "to-german")])
def test_commands_name_the_language_that_is_written(name, command, back):
    assert registry.problem(name).command == command and registry.problem(f"{name}_rev").command == back


@pytest.fixture
def multi30k(tmp_path):
    """Multi30k with six training pictures, number 10 to 60."""
    folder = tmp_path / "multi30k"
    folder.mkdir()
    train = ["one dog", "two men", "a  cat.", "four", "five", "six"]
    for language in ("en", "de", "fr"):
        for split, lines in {"train": train, "val": ["val"], "test_2016_flickr": ["test"]}.items():
            lines = lines if language == "en" else [f"{line} ({language})" for line in lines]
            (folder / f"{split}.{language}").write_text("\n".join(lines) + "\n")
    (folder / "images.train.txt").write_text("".join(f"{number}.jpg\n" for number in range(10, 70, 10)))
    return tmp_path


def test_multi30k_has_its_three_splits_in_three_directions(multi30k):
    for name, source, target in (("ende", "four", "four (de)"), ("defr", "four (de)", "four (fr)")):
        found, skipped = generated(f"translate_{name}_multi30k", multi30k)
        assert [len(samples) for samples in found.values()] == [6, 1, 1] and not skipped.counts
        assert (source, target) in pairs(found["train"])
    assert pairs(generated("translate_ende_multi30k_rev", multi30k)[0]["test"]) == [("test (de)", "test")]


@pytest.fixture
def with_flickr8k(multi30k):
    annotations = multi30k / "flickr8k_coco" / "annotations"
    annotations.mkdir(parents=True)
    for split in ("val", "test"):
        (annotations / f"captions_{split}.json").write_text(CAPTIONS)
    return multi30k


@pytest.mark.parametrize("name", ["translate_ende_multi30k", "translate_defr_multi30k_rev"])
def test_sentences_about_held_out_pictures_are_left_out_of_training(name, with_flickr8k):
    """Picture 20 is held out by its number, "a cat" by its words, in every language."""
    found, skipped = generated(name, with_flickr8k)
    kept = " ".join(found["train"][number]["inputs"] for number in range(4))
    assert len(found["train"]) == 4 and "two" not in kept and "cat" not in kept and "one" in kept
    assert list(skipped.counts.values()) == [2] and len(found["dev"]) == len(found["test"]) == 1


def test_held_out_sentences_can_be_kept_and_that_is_said(with_flickr8k):
    class Whole(TranslateEndeMulti30k):
        """With all its sentences."""

        leave_out_held_out = False

    found, skipped = generated(Whole(), with_flickr8k)
    assert len(found["train"]) == 6 and "nothing is left out" in skipped.notes[0]


def test_without_the_list_of_pictures_words_decide_and_that_is_said(with_flickr8k):
    (with_flickr8k / "multi30k" / "images.train.txt").unlink()
    found, skipped = generated("translate_ende_multi30k", with_flickr8k)
    assert len(found["train"]) == 5 and "no images.train.txt" in skipped.notes[0]


def test_wmt_folders_are_read_and_a_missing_test_set_is_made(tmp_path):
    for name, text in {"training/a.fr-en": "line {}\n" * 60, "dev/newstest2013": "news {}\n" * 3}.items():
        (tmp_path / "wmt14" / name).parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{line} {number}\n" for number, line in enumerate(text.splitlines()))
        for language in ("en", "fr"):
            Path(f"{tmp_path}/wmt14/{name}.{language}").write_text(lines.replace("{}", language))
    found, skipped = generated("translate_enfr_wmt14", tmp_path)
    assert len(found["train"]) + len(found["test"]) == 60 and len(found["dev"]) == 3 and found["test"]
    assert pairs(found["dev"])[0] == ("news en 0", "news fr 0")
    assert any(message.startswith("no files for test") for message in skipped.notes)
    backwards, _ = generated("translate_enfr_wmt14_rev", tmp_path)
    assert [pair[::-1] for pair in pairs(found["test"])] == pairs(backwards["test"])


def test_wmt14_is_read_from_a_dataset_in_the_format_of_tfds(tmp_path, offline):
    import tensorflow_datasets as tfds

    texts = {"train": 12, "validation": 2, "test": 3}
    examples = {split: [(number, {"de": f"Satz {number} {split}", "en": "" if number == 11 else f"line {number}"})
                        for number in range(count)] for split, count in texts.items()}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="wmt14_translate", config="de-en", version="1.0.0", split_datasets=examples,
        features=tfds.features.Translation(languages=("de", "en")), data_dir=tmp_path / "tensorflow_datasets")
    found, skipped = generated("translate_ende_wmt14", tmp_path)
    assert [len(samples) for samples in found.values()] == [11, 2, 3] and skipped.counts == {"blank line": 1}
    assert sorted(pairs(found["dev"])) == [("line 0", "Satz 0 validation"), ("line 1", "Satz 1 validation")]
    assert found["train"] == generated("translate_ende_wmt14", tmp_path)[0]["train"]
    missing = "translate_enfr_wmt14 finds no .*wmt14_translate/fr-en .*statmt.org cannot be reached.*training/"
    with pytest.raises(UserError, match=missing):
        registry.problem("translate_enfr_wmt14").check_sources(str(tmp_path))


def test_wmt14_reads_what_tfds_declares(tmp_path, offline, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds_reader, "_reachable", lambda host: True)
    with tfds.testing.mock_data(num_examples=4):
        found, skipped = generated("translate_enfr_wmt14", tmp_path)
    assert all(sum(skipped.counts.values()) + len(samples) >= 4 for samples in found.values())
    assert all(isinstance(text, str) for samples in found.values() for pair in pairs(samples) for text in pair)


def test_what_tfds_says_of_a_failure_is_passed_on(tmp_path, offline, monkeypatch):
    monkeypatch.setattr(tfds_reader, "_reachable", lambda host: True)
    with pytest.raises(UserError, match="TFDS could not give the split 'train' of no_such_dataset"):
        list(tfds_reader.tfds_examples("no_such_dataset", "train", str(tmp_path)))


def shared(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"the shared data {name} are not here")
    return SHARED


@pytest.mark.parametrize("name, folder, counts, left_out", [
    ("translate_ende_multi30k", "multi30k", [27_243, 1_014, 1_000], 1_757),
    ("translate_ende_wmt14", "wmt", [9_479, 3_000, 486], 34)])
def test_the_shared_data_have_their_counts(name, folder, counts, left_out):
    found, skipped = generated(name, shared(folder))
    assert [len(samples) for samples in found.values()] == counts and sum(skipped.counts.values()) == left_out


def test_no_training_picture_of_multi30k_is_held_out_by_flickr8k():
    import json

    from t2t_mm.data.files.held_out import picture_number

    folder, captions = shared("multi30k"), shared("flickr8k_coco") / "flickr8k_coco" / "annotations"
    held_out = {picture_number(image["file_name"]) for split in ("val", "test")
                for image in json.loads((captions / f"captions_{split}.json").read_text())["images"]}
    names = (folder / "multi30k" / "images.train.txt").read_text().split()
    lines = (folder / "multi30k" / "train.de").read_text(encoding="utf-8").split("\n")
    leaking = {line for line, name in zip(lines, names, strict=False) if picture_number(name) in held_out}
    others = {line for line, name in zip(lines, names, strict=False) if picture_number(name) not in held_out}
    found, _ = generated("translate_ende_multi30k", folder)
    trained = {sample["targets"] for sample in found["train"]}
    assert len(leaking) > 1_700 and not trained & (leaking - others)
