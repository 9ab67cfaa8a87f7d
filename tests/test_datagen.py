"""Laws of data generation: whole or not at all, kept if complete, the same bytes every time, errors before work."""

import os
import subprocess
import sys

import numpy as np
import pytest

from t2t_mm.data.features import Image, Label, Text
from t2t_mm.data.files.skipped import skip
from t2t_mm.data.manifest import check_files, read_manifest
from t2t_mm.data.records import read_stored
from t2t_mm.data.vocabulary_building import load_encoders
from t2t_mm.datagen import check_needs, generate
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Problem

COUNTS = {"train": 1100, "dev": 9, "test": 8}


class Shapes(Problem):
    """A tiny problem with three kinds of features."""

    registered_name = "shapes"
    shards = {"train": 3, "dev": 1, "test": 2}

    def define_features(self):
        return {"picture": Image(2, 2, 1), "inputs": Text("subwords:toy"), "targets": Label(("even", "odd"))}

    def samples(self, split, tmp_dir):
        for number in range(COUNTS[split]):
            yield {"picture": np.full((2, 2, 1), number % 256, np.uint8), "inputs": f"{split} number {number}",
                   "targets": number % 2}


class Words(Problem):
    """A tiny problem of texts, which can be reversed."""

    registered_name = "words"

    def define_features(self):
        return {"inputs": Text("subwords:toy"), "targets": Text("bytes")}

    def samples(self, split, tmp_dir):
        for number in range(20):
            yield {"inputs": f"in {number}", "targets": f"out {number}"}


def run(problems, folder, **options):
    said = []
    manifests = generate(problems, str(folder), str(folder / "downloads"), 300, say=said.append,
                         **{"processes": 1, **options})
    return manifests, "\n".join(said)


def tree(folder):
    """File → content, with what is hidden."""
    return {os.path.relpath(os.path.join(at, name), folder): open(os.path.join(at, name), "rb").read()
            for at, _, names in os.walk(folder) for name in names}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return folder, *run([Shapes(), Words(), Words(reverse=True)], folder)


def test_files_are_those_of_the_manifests(made):
    folder, manifests, _ = made
    files = {f"{manifest.problem}/{shard.name}" for manifest in manifests
             for split in manifest.splits.values() for shard in split.shards}
    files |= {f"{manifest.problem}/manifest.json" for manifest in manifests} | {"vocabularies/toy.subwords"}
    assert set(tree(folder)) == files
    assert "shapes/train-00002-of-00003.tfrecord" in files
    for manifest in manifests:
        assert read_manifest(folder, manifest.problem) == manifest
        check_files(manifest, verify=True)


def test_every_sample_is_stored_and_comes_back(made):
    folder, (manifest, *_), _ = made
    encoder = load_encoders(Shapes(), folder)["subwords:toy"]
    for split, count in COUNTS.items():
        assert manifest.count(split) == count
        stored = list(read_stored(manifest.paths(split)))
        texts = [encoder.decode(record["inputs"]) for record in stored]
        numbers = [int(text.split()[-1]) for text in texts]
        assert [record["targets"].tolist() for record in stored] == [[number % 2] for number in numbers]
        assert texts == [f"{split} number {number}" for number in numbers]
        assert sorted(numbers) == list(range(count))
        assert (numbers == list(range(count))) == (split != "train")  # only training examples are shuffled


def test_the_manifest_tells_the_lengths(made):
    folder, (manifest, *_), _ = made
    lengths = [len(record["inputs"]) for record in read_stored(manifest.paths("train"))]
    told = manifest.splits["train"].lengths["inputs"]
    assert told == {"unit": "ids", "mean": round(sum(lengths) / len(lengths), 3), "longest": max(lengths)}


def test_a_reversed_problem_is_a_problem_of_its_own(made):
    folder, (_, there, back), _ = made
    assert (there.problem, back.problem) == ("words", "words_rev")
    for one, other in zip(read_stored(there.paths("dev")), read_stored(back.paths("dev")), strict=True):
        assert one["inputs"].tolist() == other["targets"].tolist()
        assert one["targets"].tolist() == other["inputs"].tolist()


def test_progress_tells_problem_split_count_and_speed(made):
    assert "shapes train: 1100 examples in" in made[2] and "/s)" in made[2] and "vocabulary subwords:toy" in made[2]


def test_processes_change_no_byte(made, tmp_path):
    run([Shapes(), Words(), Words(reverse=True)], tmp_path, processes=2)
    assert tree(tmp_path) == tree(made[0])


def test_complete_data_is_kept_and_overwriting_gives_the_same(made):
    folder, manifests, _ = made
    before, times = tree(folder), os.stat(folder / "words").st_mtime_ns
    again, said = run([Words(), Shapes()], folder)
    assert [manifest.problem for manifest in again] == ["words", "shapes"] and again[1] == manifests[0]
    assert "words: there already (train 20, dev 20, test 20), kept" in said and "examples in" not in said
    assert os.stat(folder / "words").st_mtime_ns == times
    run([Words()], folder, overwrite=True)
    assert os.stat(folder / "words").st_mtime_ns > times and tree(folder) == before


def test_kept_data_whose_files_have_changed_are_named(tmp_path):
    source, data = tmp_path / "tmp" / "words" / "mine.txt", tmp_path / "data"
    source.parent.mkdir(parents=True)
    source.write_text("as it was")

    def said():
        messages = []
        generate([Words()], str(data), str(tmp_path / "tmp"), vocabulary_size=300, processes=1, say=messages.append)
        return "\n".join(messages)

    said()
    assert "kept; --overwrite" in said()
    source.write_text("as it is now")
    assert f"kept, although {source.parent} has changed since; --overwrite" in said()
    source.unlink()
    assert "kept; --overwrite" in said()


class Failing(Words):
    """Fails in the middle of its second split."""

    def samples(self, split, tmp_dir):
        yield {"inputs": "a", "targets": "b"}
        if split == "dev":
            raise ZeroDivisionError("oh")


class Colliding(Words):
    """Makes a folder that is there, in its second split."""

    def samples(self, split, tmp_dir):
        yield {"inputs": "a", "targets": "b"}
        if split == "dev":
            os.mkdir(tmp_dir)


class Silent(Words):
    """Has no samples in its last split."""

    def samples(self, split, tmp_dir):
        return iter(()) if split == "test" else super().samples(split, tmp_dir)


class Spoilt(Words):
    """All of its dev split is left out."""

    def samples(self, split, tmp_dir):
        if split != "dev":
            yield from super().samples(split, tmp_dir)
        else:
            skip("spoilt", "words.txt", 1)


class Wrong(Words):
    """Its fifth dev sample is no text."""

    def samples(self, split, tmp_dir):
        for number, sample in enumerate(super().samples(split, tmp_dir)):
            yield {**sample, "targets": None} if (split, number) == ("dev", 4) else sample


@pytest.mark.parametrize(("problem", "error", "words"), [
    (Failing, ZeroDivisionError, "oh"), (Colliding, FileExistsError, "downloads"),
    (Silent, UserError, "generates no samples for its split 'test'. Look at"),
    (Spoilt, UserError, "split 'dev'. Mend .*\nWhat was said on the way:\n  1 left out, spoilt: words.txt:1"),
    (Wrong, UserError, "words, dev sample 4 .*'targets'.*NoneType")])
def test_what_fails_leaves_nothing_half_written(problem, error, words, tmp_path):
    with pytest.raises(error, match=words) as caught:
        run([problem()], tmp_path)
    assert set(tree(tmp_path)) == {"vocabularies/toy.subwords"} and not (tmp_path / "words").exists()
    assert error is UserError or "words generated its split 'dev', after 1 samples" in caught.value.__notes__[0]


class Overtaken(Words):
    """Another program makes its data while it works."""

    def samples(self, split, tmp_dir):
        yield from super().samples(split, tmp_dir)
        if split == "test":
            theirs = os.path.join(os.path.dirname(tmp_dir), "words")
            os.mkdir(theirs)
            with open(os.path.join(theirs, "theirs"), "w"):
                pass


def test_data_that_another_program_made_meanwhile_are_left_alone(tmp_path):
    with pytest.raises(UserError, match="words was made by another program meanwhile.*--overwrite"):
        run([Overtaken()], tmp_path)
    assert os.listdir(tmp_path / "words") == ["theirs"]


class Tuples(Words):
    def samples(self, split, tmp_dir):
        yield "in", "out"


class Forgotten(Words):
    def samples(self, split, tmp_dir):
        [{"inputs": "in", "targets": "out"}]


class Misspelt(Words):
    def samples(self, split, tmp_dir):
        yield {"inputs": "in", "targets": "out", "hint": "no feature"}


class Untargeted(Words):
    def define_features(self):
        return {"inputs": Text("bytes"), "outputs": Text("bytes")}


class Stringly(Words):
    def define_features(self):
        return {"inputs": "text", "targets": Text("bytes")}


class Mismeasured(Words):
    metrics = ("blue",)


@pytest.mark.parametrize(("problem", "words"), [
    (Tuples, "gives tuple, not dicts"), (Forgotten, "gives nothing"), (Misspelt, "has hint, which is no feature"),
    (Untargeted, "no 'targets', but inputs, outputs"), (Stringly, "inputs of define_features"),
    (Mismeasured, "Did you mean 'bleu'"),
])
def test_a_problem_that_is_written_wrong_is_explained(problem, words, tmp_path):
    with pytest.raises(UserError, match=words):
        run([problem()], tmp_path / "data")
    assert not any((tmp_path / "data").rglob("*.tfrecord"))


class Copied(Words):
    """A part of dev, and of test, has inputs of train."""

    dev, test = 5, 0

    def samples(self, split, tmp_dir):
        copied = {"train": 400, "dev": self.dev, "test": self.test}[split]
        for number in range(400):
            yield {"inputs": f"in {'' if number < copied else split} {number}", "targets": f"{split} {number}"}


class Unsplit(Words):
    """Ignores the split; of many columns and long ones."""

    def define_features(self):
        return {"targets": Text("bytes"), "inputs": Text("bytes"), "picture": Image(64, 64, 3)}

    def samples(self, split, tmp_dir):
        for number in range(3):
            yield {"inputs": f"{number} " * 5000, "targets": f"{split} {number}" * 50,
                   "picture": np.full((64, 64, 3), number, np.uint8)}


class Speaking(Words):
    """No inputs."""

    def define_features(self):
        return {"targets": Text("bytes")}

    def samples(self, split, tmp_dir):
        yield from ({"targets": "the same"} for _ in range(10))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("problem, copied, said", [
    (Copied, (5, 0), {"dev": "5 of 400"}), (Copied, (4, 400), {"test": "400 of 400"}), (Copied, (0, 0), {}),
    (Unsplit, (), {"dev": "3 of 3", "test": "3 of 3"}), (Speaking, (), {})])
def test_inputs_of_dev_and_test_that_are_trained_on_are_told(problem, copied, said, processes, tmp_path):
    problem = problem()
    if copied:
        problem.dev, problem.test = copied
    (manifest,), messages = run([problem], tmp_path, processes=processes)
    expected = [f"{count} examples of {split} have inputs that are in train too: figures on {split} will look better "
                "than they are" for split, count in said.items()]
    assert manifest.notes == read_manifest(tmp_path, "words").notes == expected
    assert all(f"words: {note}" in messages for note in expected)


class Sourced(Words):
    """Reads a file that is not there."""

    def check_sources(self, tmp_dir):
        raise UserError("no file")


def test_a_folder_that_was_mistyped_is_not_made(tmp_path):
    with pytest.raises(UserError, match="no file"):
        run([Sourced()], tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["data_dir", "tmp_dir"])
def test_folders_that_cannot_be_written_are_refused_before_any_work(name, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "locked").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "locked" not in str(path) and access(path, mode))
    for place, says in (("file", "is a file, not a folder"), ("file/in", "is a file, not a folder"),
                        ("locked", "read-only"), ("locked/in/it", "read-only")):
        folders = {"data_dir": str(tmp_path / "data"), "tmp_dir": str(tmp_path / "tmp"), name: str(tmp_path / place)}
        with pytest.raises(UserError, match=f"--{name}=.*{place}.*{says}"):
            generate([Words()], **folders, say=lambda message: None)
    assert sorted(os.listdir(tmp_path)) == ["file", "locked"]


def test_what_fails_leaves_older_data_as_it_was(made):
    before = tree(made[0])
    with pytest.raises(ZeroDivisionError):
        run([Failing()], made[0], overwrite=True)
    assert tree(made[0]) == before


def test_damaged_outdated_and_foreign_data_is_a_user_error_until_overwritten(tmp_path):
    (manifest,), _ = run([Words()], tmp_path)
    shard = manifest.paths("train")[0]
    with open(shard, "ab") as file:
        file.truncate(10)
    with pytest.raises(UserError, match="train-00000.*truncated.*--overwrite"):
        run([Words()], tmp_path)
    os.unlink(tmp_path / "words" / "manifest.json")
    with pytest.raises(UserError, match="no manifest.json.*--overwrite"):
        run([Words()], tmp_path)
    (again,), _ = run([Words()], tmp_path, overwrite=True)
    assert again == manifest
    os.unlink(tmp_path / "vocabularies" / "toy.subwords")
    with pytest.raises(UserError, match="does not exist.*--overwrite"):
        run([Words()], tmp_path)


class Needy(Words):
    """Needs what nobody has."""

    registered_name = "needy"
    needs = ("os.path", "no_such_module", "xml.no_such_child.deeper")


class Demanding(Words):
    """Needs what the demo extra has."""

    registered_name = "demanding"
    needs = ("no_such_parent.child",)
    extra = "demo"


def test_all_missing_modules_are_named_at_once_before_any_work(tmp_path):
    with pytest.raises(UserError) as error:
        run([Words(), Needy(), Demanding()], tmp_path)
    assert str(error.value).splitlines() == [
        "needy needs the Python module 'no_such_module': install the package that has no_such_module",
        "needy needs the Python module 'xml.no_such_child.deeper': "
        "install the package that has xml.no_such_child.deeper",
        "demanding needs the Python module 'no_such_parent.child': pip install 't2t_mm[demo]'"]
    assert os.listdir(tmp_path) == []
    check_needs([Words()])


def test_a_size_for_an_unknown_vocabulary_is_refused_before_any_work(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'subwords:toy'"):
        run([Words()], tmp_path, vocabulary_sizes={"subwords:tox": 300})
    assert os.listdir(tmp_path) == []


def test_the_program_generates_without_tensorflow(tmp_path):
    program = f"""import sys
from t2t_mm.cli import datagen
status = datagen.main(["--problem=algorithmic_reverse", "--data_dir={tmp_path}", "--tmp_dir={tmp_path}"])
sys.exit(status or len({{"tensorflow", "keras"}} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
