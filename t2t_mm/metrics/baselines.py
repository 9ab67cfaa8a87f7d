"""What a trivial guesser reaches that has only counted the training data: the yardstick beside a model's figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

START = -1  # stands before the first token of a sequence
SIZE = 2**31  # more than any id
BLOCK = 2**22  # pairs that are counted at a time: memory grows with the different pairs, not with the data


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
    previous, following, counts = _count_pairs(train)
    if not len(counts):
        return 0.0
    order = np.lexsort((following, -counts, previous))  # by token, then most frequent, then smallest follower
    tokens, first = np.unique(previous[order], return_index=True)
    guesses = following[order][first]  # after each of `tokens`
    seen, places = np.unique(following, return_inverse=True)
    fallback = seen[np.argmax(np.bincount(places, counts))]
    right = total = 0
    for pairs in _pairs(dev):
        before, token = _unpaired(pairs)
        places = np.searchsorted(tokens, before).clip(max=len(tokens) - 1)
        guessed = np.where(tokens[places] == before, guesses[places], fallback)
        right, total = right + int(np.sum(guessed == token)), total + len(token)
    return right / max(total, 1)


def _pairs(sequences: Iterable[Sequence[int]]) -> Iterator[np.ndarray]:
    """(previous - START) · SIZE + following of all tokens of the sequences: int64, BLOCK or a few more at a time."""
    held, size = [], 0
    for sequence in sequences:
        ids = np.asarray(sequence, np.int64).ravel()
        pairs = ids.copy()
        pairs[1:] += (ids[:-1] - START) * SIZE
        held.append(pairs)
        size += len(pairs)
        if size >= BLOCK:
            yield np.concatenate(held)
            held, size = [], 0
    if held:
        yield np.concatenate(held)


def _count_pairs(sequences: Iterable[Sequence[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different pairs of the sequences: previous, following, and how often each occurs; int64 [pairs]."""
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for block in _pairs(sequences):
        more, many = np.unique(block, return_counts=True)
        pairs, places = np.unique(np.concatenate([pairs, more]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([counts, many])).astype(np.int64)  # exact below 2**53
    return *_unpaired(pairs), counts


def _unpaired(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """previous and following."""
    previous, following = np.divmod(pairs, SIZE)
    return previous + START, following
