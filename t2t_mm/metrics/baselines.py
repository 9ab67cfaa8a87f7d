"""What a trivial guesser reaches that has only counted the training data: the yardstick beside a model's figures."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

START = -1  # stands before the first token of a sequence


def majority_class(counts: Mapping[int, int]) -> int:
    """The class that occurs most often (`counts`: class → occurrences); the smallest of those that tie."""
    if not counts:
        raise ValueError("majority_class needs at least one class")
    return min(counts, key=lambda label: (-counts[label], label))


def bigram_baseline(train: Iterable[Sequence[int]], dev: Iterable[Sequence[int]]) -> float:
    """Token accuracy on `dev` of guessing the token that most often followed the previous one in `train`.

    Both are sequences of ids, EOS included; before the first id stands -1. After a token that `train` never
    continues, the most frequent token of `train` is guessed. Ties go to the smallest id; no dev tokens: 0.
    """
    previous, following = _pairs(train)
    fallback = _most_frequent(following) if following.size else START - 1
    guesses = _best_followers(previous, following)
    dev_previous, dev_following = _pairs(dev)
    if not dev_following.size:
        return 0.0
    guessed = np.array([guesses.get(token, fallback) for token in dev_previous.tolist()])
    return float(np.mean(guessed == dev_following))


def _pairs(sequences: Iterable[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """All (previous, following) ids of the sequences, two int64 [tokens]."""
    arrays = [np.asarray(ids, np.int64).ravel() for ids in sequences]
    arrays = [ids for ids in arrays if ids.size]
    if not arrays:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    previous = [np.concatenate([[START], ids[:-1]]) for ids in arrays]
    return np.concatenate(previous), np.concatenate(arrays)


def _most_frequent(ids: np.ndarray) -> int:
    values, counts = np.unique(ids, return_counts=True)
    return int(values[np.argmax(counts)])


def _best_followers(previous: np.ndarray, following: np.ndarray) -> dict[int, int]:
    """Token → the token that most often follows it."""
    pairs, counts = np.unique(np.stack([previous, following], axis=1), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -counts, pairs[:, 0]))  # by token, then most frequent, then smallest follower
    tokens, first = np.unique(pairs[order, 0], return_index=True)
    return dict(zip(tokens.tolist(), pairs[order[first], 1].tolist(), strict=True))
