"""Laws of folders of classes: any usual layout is read, whatever is no picture is told, copies have one fingerprint."""

import pytest

from t2t_mm.data.files.class_folders import LOOSE, NO_CLASS, NO_PICTURES, find_class_folders
from t2t_mm.data.files.picture_files import NO_ENDING, fingerprint, picture_files
from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """A function that makes files, name → content the name itself, and returns their folder."""
    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path
    return make


def found(folders, split="train"):
    return [(item.label, item.name) for item in folders.pictures(split)]


def test_without_folders_of_splits_all_is_training_data(folder):
    folders = find_class_folders(folder("cat/1.jpg", "cat/deep/2.PNG", "dog/1.jpeg", ".hidden/3.jpg", "read.me"))
    assert folders.classes == ("cat", "dog") and list(folders.splits) == ["train"]
    assert found(folders) == [("cat", "1.jpg"), ("cat", "2.PNG"), ("dog", "1.jpeg")]


@pytest.mark.parametrize("dev", ["dev", "val", "valid", "validation", "Val"])
def test_splits_are_folders_and_classes_are_those_of_all_of_them(dev, folder):
    folders = find_class_folders(folder("train/cat/1.jpg", "train/dog/1.jpg", f"{dev}/cat/2.jpg", "test/dog/3.jpg"))
    assert set(folders.splits) == {"train", "dev", "test"} and folders.classes == ("cat", "dog")
    assert found(folders, "dev") == [("cat", "2.jpg")] and found(folders, "test") == [("dog", "3.jpg")]


def test_a_class_may_be_called_like_a_split(folder):
    folders = find_class_folders(folder("train/1.jpg", "bus/1.jpg"))
    assert folders.classes == ("bus", "train") and found(folders) == [("bus", "1.jpg"), ("train", "1.jpg")]


def test_folders_beside_the_splits_are_not_read_and_that_is_said(folder):
    with collect_skipped() as skipped:
        folders = find_class_folders(folder("train/a/1.jpg", "train/b/1.jpg", "extra/a/1.jpg"))
    assert folders.classes == ("a", "b") and "not extra" in skipped.notes[0]


def test_what_is_no_picture_is_told(folder):
    place = folder("a/1.jpg", "a/2.txt", "a/.DS_Store", "a/Thumbs.db", "b/1.gif", "b/notes")
    with collect_skipped() as skipped:
        assert found(find_class_folders(place)) == [("a", "1.jpg"), ("b", "1.gif")]
    assert skipped.counts == {NO_ENDING: 2}


def test_named_classes_keep_their_order_and_other_folders_are_told(folder):
    place = folder("cat/1.jpg", "dog/1.jpg", "eel/1.jpg")
    with collect_skipped() as skipped:
        folders = find_class_folders(place, ("eel", "cat"))
        assert folders.classes == ("eel", "cat") and found(folders) == [("cat", "1.jpg"), ("eel", "1.jpg")]
    assert skipped.counts == {NO_CLASS: 1}


def test_what_is_said_of_a_folder_that_is_no_class_is_true(folder):
    place = folder("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "val/Dog/2.jpg")
    (place / "train" / "eel").mkdir()
    with collect_skipped() as skipped:
        folders = find_class_folders(place, ("cat", "dog"))
        assert [len(found(folders, split)) for split in folders.splits] == [2, 1]
    assert skipped.counts == {NO_PICTURES: 1, NO_CLASS: 1}


@pytest.mark.parametrize("places, counted", [(("", "train/", "val/"), 3), (("train/", "val/dog/"), 1)])
def test_pictures_outside_of_the_folders_of_classes_are_told_once(places, counted, folder):
    place = folder("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", *(f"{at}loose.JPG" for at in places))
    with collect_skipped() as skipped:
        for split in ("train", "dev"):
            found(find_class_folders(place), split)
    assert skipped.counts == {LOOSE: counted}


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("name, near", [("Blue", "Did you mean 'blue'"), ("BLUE", "Did you mean 'blue'"),
                                        ("yellow", "take the folder away")])
def test_a_class_without_training_pictures_is_an_error_that_names_it(split, name, near, folder):
    place = folder(*(f"train/{color}/1.jpg" for color in ("blue", "green", "red")),
                   *(f"{split}/{color}/1.jpg" for color in (name, "green", "red")))
    (place / "train" / "yellow").mkdir()  # empty
    with pytest.raises(UserError, match=f"{split} has pictures of {name}, of which .*train has none.*{near}"):
        find_class_folders(place)
    assert find_class_folders(place, ("blue", "red")).classes == ("blue", "red")


@pytest.mark.parametrize("names, classes, says", [
    (("cat/1.txt", "2.jpg"), (), r"has no pictures in folders of classes.*<class>/\*.jpg"),
    (("cat/1.jpg",), (), "one folder of pictures only, cat"),
    (("cat/1.jpg", "dog/1.jpg"), ("cats", "dog"), r"no pictures of cats; .*cat, dog.*Did you mean 'cat'")])
def test_wrong_layouts_are_errors_that_say_what_is_there(names, classes, says, folder):
    with pytest.raises(UserError, match=says):
        find_class_folders(folder(*names), classes)


def test_a_class_of_which_the_name_is_no_utf_8_is_refused(folder):
    with pytest.raises(UserError, match="not UTF-8, 'caf.udce9'. Rename it"):
        place = folder("cat/1.jpg", "dog/1.jpg")
        (place / "cat").rename(place / "caf\udce9")
        find_class_folders(place)


def test_pictures_that_differ_somewhere_have_different_fingerprints(tmp_path):
    contents = [bytes(300_000)] + [bytes(place) + b"x" + bytes(299_999 - place) for place in (0, 99_999, 299_999)]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.bmp").write_bytes(content)
    assert len(set(map(fingerprint, picture_files(tmp_path)))) == 4


def test_copies_have_one_fingerprint_and_missing_files_have_one_too(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x" * 100_000)
    (tmp_path / "b.jpg").write_bytes(b"x" * 100_000)
    (tmp_path / "c.jpg").write_bytes(b"x" * 100_001)
    one, two, three = map(fingerprint, picture_files(tmp_path))
    assert one == two == fingerprint(b"x" * 100_000) != three
    assert fingerprint(tmp_path / "gone.jpg")
