"""How often each n-gram is in each of many texts: what BLEU and CIDEr-D of captions are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

Words = Sequence[str]


@dataclasses.dataclass(frozen=True)
class Counts:
    """The n-grams of one length, one row for each pair of a text and an n-gram in it, sorted by text, then n-gram.

    Attributes:
        text, gram, count: int64 [rows]: number of the text, number of the n-gram, how often it is there.
        grams: how many different n-grams there are.
    """

    text: np.ndarray
    gram: np.ndarray
    count: np.ndarray
    grams: int

    def rows_in(self, others: Counts) -> np.ndarray:
        """int64 [rows]: the row of `others` with the same text and n-gram (of the same numbering), -1 for none."""
        keys, wanted = others.text * self.grams + others.gram, self.text * self.grams + self.gram
        places = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        found = keys[places] == wanted if len(keys) else np.zeros(len(wanted), bool)
        return np.where(found, places, -1)

    def take(self, rows: np.ndarray, text: np.ndarray) -> Counts:
        """Some of the rows, under other numbers of their texts."""
        return Counts(text, self.gram[rows], self.count[rows], self.grams)


def count_ngrams(texts: Sequence[Words], longest: int = 4) -> Iterator[Counts]:
    """The `Counts` of 1, 2, ... `longest` words; exact: n-grams are numbered, not hashed.

    Memory grows with the words alone: CIDEr-D of 5,000 items with 5 references, some 375,000 words, held 85 MiB at
    most, its split texts included (benchmarks/scorers.py).
    """
    numbers: dict[str, int] = {}
    words = np.array([numbers.setdefault(word, len(numbers)) for text in texts for word in text], np.int64)
    text = np.repeat(np.arange(len(texts)), [len(text) for text in texts])  # [words]
    start, gram = np.arange(len(words)), words  # where an n-gram starts, and its number
    for length in range(1, longest + 1):
        if length > 1:
            last = start + length - 1
            inside = last < len(words)
            inside[inside] = text[start[inside]] == text[last[inside]]
            start, gram = start[inside], gram[inside] * len(numbers) + words[last[inside]]
        different, gram = np.unique(gram, return_inverse=True)
        keys, count = np.unique(text[start] * len(different) + gram, return_counts=True)
        size = max(len(different), 1)
        yield Counts(keys // size, keys % size, count, size)
