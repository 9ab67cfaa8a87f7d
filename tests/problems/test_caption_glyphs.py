"""Laws of the glyphs: every picture shows something, inside its frame, and carries the name of a character."""

import unicodedata
from collections import Counter

import numpy as np

from t2t_mm import registry


def test_pictures_are_visible_and_names_are_unicode_names(first):
    for split in ("train", "dev", "test"):
        for sample in first("caption_glyphs", split):
            assert sample["inputs"].any()
            assert unicodedata.lookup(sample["targets"]) and sample["targets"] == sample["targets"].lower()


def test_held_out_signs_are_drawn_once_and_training_signs_in_several_faces(first):
    for split in ("dev", "test"):
        assert max(Counter(sample["targets"] for sample in first("caption_glyphs", split)).values()) == 1
    train = Counter(sample["targets"] for sample in registry.problem("caption_glyphs").generate("train", ""))
    assert max(train.values()) == 5 and min(train.values()) == 1


def test_no_name_is_in_two_splits(first):
    names = {split: {sample["targets"] for sample in registry.problem("caption_glyphs").generate(split, "")}
             for split in ("train", "dev", "test") if first("caption_glyphs", split)}
    assert not names["train"] & (names["dev"] | names["test"]) and not names["dev"] & names["test"]
    assert set(registry.problem("caption_glyphs").sample_texts("")) == names["train"]


def test_letters_keep_their_relative_size_and_place(first):
    first("caption_glyphs", "dev")
    plain = {}
    for split in ("train", "dev", "test"):
        for sample in registry.problem("caption_glyphs").generate(split, ""):
            plain.setdefault(sample["targets"], sample["inputs"][:, :, 0])

    def rows(name):
        return np.flatnonzero(plain[name].max(1) > 128)

    assert len(rows("latin capital letter o")) > len(rows("latin small letter o")) > len(rows("full stop"))
    assert rows("apostrophe").max() < rows("comma").min()
    assert abs(rows("latin capital letter o").max() - rows("latin small letter o").max()) <= 1  # one base line
