"""Laws of COCO's captions: every usual layout is found, a caption never goes to another picture, faults are told."""

import json
from pathlib import Path

import pytest

from t2t_mm.data.files.coco_captions import NO_CAPTION, NO_FILE, NO_PICTURE, NO_TEXT, find_coco
from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.errors import UserError


def annotations(*names, first=0):
    """COCO's JSON of pictures with two captions each."""
    return {"info": {}, "licenses": [],
            "images": [{"id": first + number, "file_name": name} for number, name in enumerate(names)],
            "annotations": [{"image_id": first + number, "id": 10 * number + k, "caption": f"{name}  says {k}\n"}
                            for k in range(2) for number, name in enumerate(names)]}


@pytest.fixture
def folder(files):
    """A function that makes files: name → JSON, or None for a picture, whose content is its name."""
    def make(contents):
        return Path(files({name: name if content is None else json.dumps(content)
                           for name, content in contents.items()}))
    return make


def found(source, split="train"):
    return {item.picture.read_text(): item.captions for item in source.pictures(split)}


@pytest.mark.parametrize("captions, pictures", [
    ("annotations/captions_train2014.json", "train2014"), ("annotations/captions_train2017.json", "images/train2017"),
    ("annotations/captions_train.json", "train"), ("captions_train.json", "images"), ("captions.json", "."),
    ("train/_annotations.coco.json", "train"), ("annotations/train.json", "pictures"),
    ("annotations_trainval2014/annotations/captions_train2014.json", "train2014")])
def test_captions_and_pictures_are_found_in_every_usual_layout(captions, pictures, folder):
    source = find_coco(folder({captions: annotations("a.jpg", "b.jpg"), f"{pictures}/a.jpg": None,
                               f"{pictures}/b.jpg": None, "annotations/instances_train2014.json": {}}))
    source.check()
    assert list(found(source).values()) == [["a.jpg says 0", "a.jpg says 1"], ["b.jpg says 0", "b.jpg says 1"]]


def test_each_split_has_its_own_pictures_of_the_same_names(folder):
    splits, names = ("train", "val", "test"), ("1.jpg", "2.jpg")
    contents = {f"annotations/captions_{split}.json": annotations(*names) for split in splits}
    contents |= {f"{split}/{name}": None for split in splits for name in names}
    del contents["train/2.jpg"]
    source = find_coco(folder(contents))
    with collect_skipped() as skipped:
        assert list(found(source)) == ["train/1.jpg"] and list(found(source, "dev")) == ["val/1.jpg", "val/2.jpg"]
    assert skipped.counts == {NO_FILE: 1}


def test_pictures_that_say_in_which_folder_they_are_are_found_there(folder):
    """As in Karpathy's division, which trains on a part of val2014."""
    source = find_coco(folder({"captions_train.json": annotations("COCO_val2014_1.jpg", "COCO_train2014_2.jpg"),
                               "val2014/COCO_val2014_1.jpg": None, "train2014/COCO_train2014_2.jpg": None}))
    assert len(found(source)) == 2


def test_of_several_years_one_is_read_and_that_is_said(folder):
    contents = {f"annotations/captions_{split}{year}.json": annotations(f"{year}.jpg")
                for split in ("train", "val") for year in (2014, 2017)}
    with collect_skipped() as skipped:
        source = find_coco(folder(contents | {"images/2014.jpg": None, "images/2017.jpg": None}))
    assert list(found(source)) == list(found(source, "dev")) == ["images/2014.jpg"] and "2014" in skipped.notes[0]


def test_other_folders_never_stand_in_for_a_picture_that_is_missing(folder):
    """Masks have the names of their pictures."""
    names = [f"{number}.jpg" for number in range(9)]
    contents = {"annotations/captions_train.json": annotations(*names)}
    contents |= {f"train/{name}": None for name in names[:4] + names[5:]} | {f"masks/{name}": None for name in names}
    with collect_skipped() as skipped:
        assert list(found(find_coco(folder(contents)))) == [f"train/{name}" for name in names if name != "4.jpg"]
    assert skipped.counts == {NO_FILE: 1}


def test_parts_of_a_split_that_are_not_read_are_named(folder):
    with collect_skipped() as skipped:
        find_coco(folder({f"captions_train_part{part}.json": annotations("a.jpg") for part in (1, 2)}))
    assert "read are captions_train_part1.json, not captions_train_part2.json" in skipped.notes[0]


def test_pictures_listed_twice_count_once_and_captions_that_are_no_text_not_at_all(folder):
    content = annotations("a.jpg", "b.jpg")
    content["images"] *= 2
    content["annotations"] += [{"image_id": 0, "caption": None}, {"image_id": 0, "caption": ["x"]}]
    with collect_skipped() as skipped:
        source = find_coco(folder({"captions.json": content, "a.jpg": None, "b.jpg": None}))
        assert [len(item.captions) for item in source.pictures("train")] == [2, 2]
    assert skipped.counts == {NO_TEXT: 2}


def test_faults_are_left_out_and_told_once(folder):
    content = annotations("a.jpg", "gone.jpg", "dumb.jpg", "b.jpg")
    content["annotations"] = [item for item in content["annotations"] if item["image_id"] != 2]
    content["annotations"] += [{"image_id": 0, "caption": " \n"}, {"image_id": 77, "caption": "who?"},
                               {"image_id": 3, "caption": "x" * 6000}]
    source = find_coco(folder({"captions.json": content, "a.jpg": None, "b.jpg": None, "dumb.jpg": None}))
    with collect_skipped() as skipped:
        for _ in range(3):
            assert list(found(source)) == ["a.jpg", "b.jpg"]
    assert skipped.counts == {"blank caption": 1, NO_PICTURE: 1, "longer than 5,000 characters": 1, NO_FILE: 1,
                              NO_CAPTION: 1}


@pytest.mark.parametrize("contents, says", [
    ({"a.jpg": None}, "has no such file: it must have COCO's JSON"),
    ({"captions_val.json": annotations("a.jpg")}, "has captions_val.json: it must have .* for training"),
    ({"captions.json": annotations("a.jpg", "b.jpg")}, r"lists, such as a.jpg, none of the first 2 is in"),
    ({"captions.json": {"images": []}}, r"captions.json cannot be read as COCO captions \(KeyError: 'annotations'\)"),
    ({"captions.json": {"images": [{"id": 1, "file_name": None}], "annotations": []}}, "has the file_name None"),
    ({"captions.json": {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}],
                        "annotations": []}}, "two pictures, a.jpg and b.jpg, have the same id, 1"),
    ({"captions.json": [1]}, "cannot be read as COCO captions"),
    ({"captions.json": {"images": [{"id": 1}], "annotations": []}}, "an item of images has id, not id and file_name")])
def test_wrong_layouts_are_errors_that_say_what_is_missing(contents, says, folder):
    with pytest.raises(UserError, match=says):
        find_coco(folder(contents)).check()
