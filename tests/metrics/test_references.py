"""Laws of grouping examples by their inputs: same bytes, same item; order, limits, and nothing kept of the inputs."""

import sys

from t2t_mm.metrics.references import ReferenceSets


def test_the_same_inputs_are_one_item_wherever_they_stand():
    items = ReferenceSets()
    assert [items.add([key], text) for key, text in ((b"x", "1"), (b"y", "2"), (b"x", "3"), (b"y", "2"))] == [
        True, True, False, False]
    assert items.references == [["1", "3"], ["2", "2"]] and items.examples == 4


def test_columns_are_told_apart():
    items = ReferenceSets()
    for columns in ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"abc", b""], [b""]):
        assert items.add(columns, "")


def test_examples_without_inputs_are_items_of_their_own():
    items = ReferenceSets(limit=2)
    assert [items.add([], text) for text in "abc"] == [True, True, False]
    assert items.references == [["a"], ["b"]]


def test_a_limit_counts_items_and_their_later_references_are_still_found():
    items = ReferenceSets(limit=2)
    assert [items.add([key], text) for key, text in
            ((b"x", "1"), (b"y", "2"), (b"z", "3"), (b"x", "4"), (b"z", "5"))] == [True, True, False, False, False]
    assert items.references == [["1", "4"], ["2"]] and items.examples == 3


def test_inputs_are_not_kept():
    items, picture = ReferenceSets(), bytes(10_000)
    before = sys.getrefcount(picture)
    items.add(iter([picture]), "a")
    assert sys.getrefcount(picture) == before
