"""Laws of missing splits: parts of the training data, none empty, no source in two, the same whoever asks."""

import pytest

from t2t_mm.data.files.skipped import NOT_UTF8, collect_skipped, skip
from t2t_mm.data.files.splits import divided
from t2t_mm.errors import UserError

SPLITS = ("train", "dev", "test")


def all_splits(given, items, **share):
    data = {split: items if split == "train" else [f"{split} file"] for split in given}
    return {split: list(divided(split, given, lambda part: iter(data[part]), str, "mine", **share)) for split in SPLITS}


@pytest.mark.parametrize("count", [5, 10, 40, 999, 1000, 5000])
def test_missing_splits_are_disjoint_parts_of_the_training_data(count):
    items = [f"sentence {number % (count - count // 3)}" for number in range(count)]  # some come twice
    found = all_splits(("train",), items)
    assert all(found.values()) and sorted(sum(found.values(), [])) == sorted(items)
    train, dev, test = map(set, found.values())
    assert not train & dev and not train & test and not dev & test
    assert count < 40 or 0.01 * count < len(found["dev"]) < 0.1 * count


def test_files_of_a_split_are_the_split():
    items = [f"sentence {number}" for number in range(50)]
    found = all_splits(SPLITS, items)
    assert found == {"train": items, "dev": ["dev file"], "test": ["test file"]}
    found = all_splits(("train", "test"), items)
    assert found["test"] == ["test file"] and found["dev"] and set(found["dev"]) | set(found["train"]) == set(items)


def test_it_is_said_what_is_made_of_what():
    cases = ((SPLITS, []), (("train", "dev"), ["no files for test"]), (("train",), ["no files for dev and"]))
    for given, said in cases:
        with collect_skipped() as skipped:
            all_splits(given, [f"sentence {number}" for number in range(50)])
        assert [message[:len(begin)] for message, begin in zip(skipped.notes, said, strict=True)] == said


def test_large_data_fall_in_the_same_splits_by_sentence():
    many = [f"sentence {number}" for number in range(3000)]
    some, others = all_splits(("train",), many[:1500]), all_splits(("train",), many[500:])
    assert set(some["dev"]) - set(many[:500]) <= set(others["dev"])


def test_a_smaller_share_is_a_part_of_a_larger_one():
    items = [f"sentence {number}" for number in range(5000)]
    small, large = (all_splits(("train", "test"), items, share=share)["dev"] for share in (0.01, 0.05))
    assert set(small) < set(large) and 30 < len(small) < 70 and 200 < len(large) < 300


def test_a_source_that_comes_a_thousand_times_at_the_start_hides_no_others():
    items = ["hello"] * 1500 + [f"sentence {number}" for number in range(2000)]
    found = all_splits(("train",), items)
    assert {"hello"} in [set(part) & {"hello"} for part in found.values()]
    assert 50 < len(set(found["dev"])) < 150 and 50 < len(set(found["test"])) < 150


def test_too_little_to_divide_says_what_was_left_out_and_reading_says_it_again():
    def read(usable):
        for line in range(1, 501):
            if line > usable:
                skip(NOT_UTF8, "train.source", line)
            else:
                yield f"sentence {line}"

    with pytest.raises(UserError, match="has 2 different.*\n.*way:\n  498 left out, .*train.source:3,.*\n.*iconv"):
        divided("train", ("train",), lambda part: read(2), str, "mine")
    with collect_skipped() as skipped:
        assert len(list(divided("train", ("train",), lambda part: read(40), str, "mine"))) == 36
    assert skipped.counts == {NOT_UTF8: 460}


def test_too_little_to_divide_is_an_error():
    with pytest.raises(UserError, match="mine has 2 different usable sources"):
        all_splits(("train",), ["a", "b", "A", " b"])
    with pytest.raises(UserError, match="no training data, only dev"):
        all_splits(("dev",), [])
