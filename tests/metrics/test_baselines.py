"""Laws of the trivial guessers: against brute force, and at their limits."""

import itertools
import tracemalloc
from collections import Counter

import numpy as np
import pytest

from t2t_mm.metrics import baselines
from t2t_mm.metrics.baselines import bigram_baseline, majority_class


def brute_force(train, dev) -> float:
    counts, total, right, seen = {}, Counter(), 0, 0
    for ids in train:
        for previous, token in zip([-1, *ids], ids):
            counts.setdefault(previous, Counter())[token] += 1
            total[token] += 1
    for ids in dev:
        for previous, token in zip([-1, *ids], ids):
            candidates = counts.get(previous, total)
            right += token == min(candidates, key=lambda k: (-candidates[k], k))
            seen += 1
    return right / seen


def sequences(seed: int, vocabulary: int, count: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [[*random.integers(2, vocabulary, random.integers(0, 9)).tolist(), 1] for _ in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_bigram_agrees_with_brute_force_also_on_unseen_tokens(seed):
    train, dev = sequences(seed, 12, 40), sequences(seed + 50, 15, 20)
    assert bigram_baseline(train, dev) == pytest.approx(brute_force(train, dev))


def test_pairs_counted_in_blocks_are_all_pairs(monkeypatch):
    train, dev = sequences(7, 12, 60), sequences(8, 15, 20)
    monkeypatch.setattr(baselines, "BLOCK", 7)
    assert bigram_baseline(train, dev) == pytest.approx(brute_force(train, dev))


def test_memory_grows_with_the_different_pairs_not_with_the_data():
    def peak(count):
        tracemalloc.start()
        bigram_baseline((ids for ids in itertools.islice(itertools.cycle([[5, 6, 7, 1] * 64]), count)), [[5, 1]])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(2 * baselines.BLOCK // 256)
    assert peak(8 * baselines.BLOCK // 256) < 1.1 * few


def test_bigram_reads_iterators_and_arrays():
    train, dev = sequences(1, 9, 20), sequences(2, 9, 10)
    expected = bigram_baseline(train, dev)
    assert bigram_baseline((np.array(ids) for ids in train), iter(dev)) == expected


def test_bigram_is_perfect_on_a_cycle_and_zero_on_nothing():
    cycle = [[2, 3, 4, 1]]
    assert bigram_baseline(cycle, cycle) == 1.0
    assert bigram_baseline(cycle, []) == 0.0
    assert bigram_baseline([], cycle) == 0.0


def test_majority_is_the_most_frequent_and_ties_go_to_the_smallest():
    assert majority_class(Counter([3, 3, 1])) == 3
    assert majority_class({5: 2, 4: 2, 9: 1}) == 4
    with pytest.raises(ValueError):
        majority_class({})
