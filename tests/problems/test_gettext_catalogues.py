"""Laws of the translations: no string is in two splits, in any language, and no pair is unfit."""

import re

import pytest

from t2t_mm import registry
from t2t_mm.data.splitting import normalised
from t2t_mm.problems.gettext_catalogues import comparable

DIRECTIONS = ("ende", "deen", "enfr", "fren")


def samples(first, direction, split):
    return first(f"translate_{direction}_gettext", split)


@pytest.fixture
def everything():
    """Split → every sample of the four problems."""
    problems = [registry.problem(f"translate_{direction}_gettext") for direction in DIRECTIONS]
    return {split: [sample for problem in problems for sample in problem.generate(split, "")]
            for split in ("train", "dev", "test")}


def strings(samples_of_split):
    return {comparable(text) for sample in samples_of_split for text in sample.values()}


def test_no_string_is_in_two_splits_in_any_language_or_direction(first, everything):
    samples(first, "ende", "dev")  # skips where the packages are missing
    train, dev, test = (strings(everything[split]) for split in ("train", "dev", "test"))
    assert not train & dev and not train & test and not dev & test


def test_splits_have_sensible_shares(first):
    for direction in DIRECTIONS:
        problem = registry.problem(f"translate_{direction}_gettext")
        samples(first, direction, "dev")
        sizes = {split: sum(1 for _ in problem.generate(split, "")) for split in problem.splits}
        for split in ("dev", "test"):
            assert 0.02 < sizes[split] / sum(sizes.values()) < 0.1


@pytest.mark.parametrize("there, back", [("ende", "deen"), ("enfr", "fren")])
def test_the_way_back_has_the_same_pairs_in_the_same_splits(first, there, back):
    for split in ("train", "dev", "test"):
        swapped = [{"inputs": s["targets"], "targets": s["inputs"]} for s in samples(first, back, split)]
        assert samples(first, there, split) == swapped
    reverse = registry.problem(f"translate_{there}_gettext_rev")
    assert list(reverse.generate("dev", ""))[:300] == samples(first, back, "dev")
    assert reverse.command == registry.problem(f"translate_{back}_gettext").command == "to-english"


def test_no_text_has_placeholders_markup_or_lines_and_none_is_untranslated(first, everything):
    samples(first, "ende", "dev")
    for sample in (sample for split in everything.values() for sample in split):
        for text in sample.values():
            assert text == text.strip() and "\n" not in text
            assert not set(text) & set("%{}<>&\\\x04")
        assert comparable(sample["inputs"]) != comparable(sample["targets"])


def test_no_pair_comes_twice(first):
    for direction in ("ende", "enfr"):
        problem = registry.problem(f"translate_{direction}_gettext")
        samples(first, direction, "dev")
        keys = [tuple(map(comparable, sample.values())) for split in problem.splits
                for sample in problem.generate(split, "")]
        assert len(keys) == len(set(keys))


def test_skin_tones_are_left_out(everything):
    texts = {normalised(text) for samples in everything.values() for sample in samples for text in sample.values()}
    assert not [text for text in texts if re.search("(light|medium|dark) skin tone", text)]


def test_comparable_ignores_case_space_and_closing_punctuation_only():
    assert comparable(" Save  All… ") == comparable("save all") == comparable("Save all.")
    assert comparable("save all files") != comparable("save all")
    assert comparable("...") == "..."
