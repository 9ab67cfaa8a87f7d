"""Laws of counting n-grams: as a plain loop counts them, never across texts."""

import random
from collections import Counter

import numpy as np
import pytest

from t2t_mm.metrics.ngrams import count_ngrams


@pytest.mark.parametrize("texts", [[], [[]], [["a"]], [[], ["a", "b", "a"], [], ["b", "a"], ["a", "b", "a", "b", "c"]]])
def test_agrees_with_a_plain_loop(texts):
    for n, counts in enumerate(count_ngrams(texts), 1):
        expected = [Counter(tuple(text[k:k + n]) for k in range(len(text) - n + 1)) for text in texts]
        rows = list(zip(counts.text.tolist(), counts.gram.tolist(), counts.count.tolist(), strict=True))
        assert rows == sorted(rows) and counts.grams >= len({gram for _, gram, _ in rows})
        for number, wanted in enumerate(expected):
            assert sorted(count for text, _, count in rows if text == number) == sorted(wanted.values())
        different = {gram for counter in expected for gram in counter}
        assert len({gram for _, gram, _ in rows}) == len(different)


def test_the_same_ngram_has_the_same_number_in_all_texts():
    one, two = list(count_ngrams([["a", "b", "c"], ["x", "a", "b"], ["b", "a"]], 2))
    assert len(set(one.gram[one.text == 0]) & set(one.gram[one.text == 1])) == 2  # "a", "b"
    assert len(set(two.gram[two.text == 0]) & set(two.gram[two.text == 1])) == 1  # "a b"
    assert not set(two.gram[two.text == 0]) & set(two.gram[two.text == 2])


def test_rows_are_found_in_others_or_not():
    rng = random.Random(0)
    texts = [[rng.choice("abcd") for _ in range(5)] for _ in range(8)]
    for counts in count_ngrams(texts, 3):
        first = counts.take(counts.text < 4, counts.text[counts.text < 4])
        second = counts.take(counts.text >= 4, counts.text[counts.text >= 4] - 4)  # text k + 4 stands for text k
        pairs = {pair: row for row, pair in enumerate(zip(first.text.tolist(), first.gram.tolist(), strict=True))}
        wanted = [pairs.get(pair, -1) for pair in zip(second.text.tolist(), second.gram.tolist(), strict=True)]
        assert second.rows_in(first).tolist() == wanted
        nothing = counts.take(np.zeros(0, int), np.zeros(0, int))
        assert set(second.rows_in(nothing).tolist()) <= {-1}
