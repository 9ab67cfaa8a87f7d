"""Laws of the journal: an item counts once however often its file is read, and datagen says, counts and lists it."""

import io
import json

from t2t_mm.data.features import Text
from t2t_mm.data.files.skipped import FILE_NAME, MOST_LISTED, Skipped, collect_skipped, note, skip
from t2t_mm.datagen import generate
from t2t_mm.problems.problem import Problem


def test_without_a_journal_nobody_hears_it():
    skip("blank line", "a", 1)
    note("hello")
    with collect_skipped() as skipped:
        pass
    assert skipped.counts == {} and skipped.notes == []


def test_an_item_counts_once_however_often_and_far_its_file_is_read():
    with collect_skipped() as skipped:
        for most in (3, 2, 9, 9):
            for line in range(1, most + 1):
                skip("odd" if line % 2 else "even", "a", line)
            skip("corrupt picture", "b.jpg")
    assert skipped.counts == {"odd": 5, "even": 4, "corrupt picture": 1}


def test_items_of_one_line_are_told_apart_by_their_details_and_the_same_file_is_one_item():
    with collect_skipped() as skipped:
        for most in (2, 1, 3, 3):
            skip("blank line", "a", 1)
            for number in range(1, most + 1):
                skip("broken tree", "a", 2, f"tree {number}")
            skip("corrupt sound", "b.wav", detail=f"line {most}")
    assert skipped.counts == {"blank line": 1, "broken tree": 3, "corrupt sound": 1}
    assert skipped.describe()[1] == "3 left out, broken tree: a:2, ..."


def test_items_are_listed_with_file_line_reason_and_detail(tmp_path):
    with collect_skipped() as skipped:
        skip("blank line", "a", 7)
        skip("corrupt picture", "b.jpg", detail="cut at byte 3")
        note("dev is made by hash")
        note("dev is made by hash")
    skipped.write(tmp_path)
    lines = (tmp_path / FILE_NAME).read_text().splitlines()
    assert lines == ["a:7: blank line", "b.jpg: corrupt picture (cut at byte 3)"]
    assert skipped.describe() == ["dev is made by hash", "1 left out, blank line: a:7",
                                  "1 left out, corrupt picture: b.jpg"]


def test_the_address_of_an_object_is_not_listed(tmp_path):
    skipped = Skipped()
    skipped.add("corrupt picture", "b.jpg", detail=f"cannot identify image file {io.BytesIO()!r}")
    skipped.write(tmp_path)
    assert (tmp_path / FILE_NAME).read_text() == "b.jpg: corrupt picture (cannot identify image file)\n"


def test_all_are_counted_even_where_not_all_are_listed(tmp_path):
    skipped = Skipped()
    for line in range(1, MOST_LISTED + 11):
        skipped.add("blank line", "a", line)
    skipped.write(tmp_path)
    lines = (tmp_path / FILE_NAME).read_text().splitlines()
    assert skipped.counts == {"blank line": MOST_LISTED + 10} and len(lines) == MOST_LISTED + 1
    assert lines[-1] == "... and 10 more" and skipped.describe()[0].endswith("a:1, a:2, a:3, ...")


class Leaky(Problem):
    """Leaves out every third number, in each split the same ones."""

    registered_name = "leaky"

    def define_features(self):
        return {"targets": Text("subwords:leaky")}

    def samples(self, split, tmp_dir):
        note("numbers")
        for number in range(1, 1501):
            if number % 3:
                yield {"targets": f"number {number}"}
            else:
                skip("divisible", "numbers", number)


def test_datagen_says_counts_and_lists_what_is_left_out(tmp_path):
    said = []
    (manifest,) = generate([Leaky()], str(tmp_path), str(tmp_path / "tmp"), 300, processes=2, say=said.append)
    assert manifest.dropped == {"divisible": 500} and manifest.notes == ["numbers"]
    assert "leaky: 500 left out, divisible: numbers:3, numbers:6, numbers:9, ..." in said and "leaky: numbers" in said
    assert len((tmp_path / "leaky" / FILE_NAME).read_text().splitlines()) == 500
    assert json.loads((tmp_path / "leaky" / "manifest.json").read_text())["dropped"] == {"divisible": 500}
