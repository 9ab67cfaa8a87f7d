"""Linearised trees (trees.linearised) that a model wrote, mended into trees over the words of their sentence.

Vinyals et al. (arXiv:1412.7449, section 3.2) mend what their parser wrote with the brackets that are missing. A model
that has seen few trees also miswrites, leaves out and repeats words, and a tree over other words has nothing right for
its scorers, however well its brackets are placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from t2t_mm.data.files.trees import PUNCTUATION

_EXCHANGE = 0.1  # what it costs to take a leaf for another word rather than to drop it and to add the word
_BRACKETS = {"(": "-LRB-", ")": "-RRB-"}
_MARKS = {",": ",", ".": ".", "?": ".", "!": ".", ":": ":", ";": ":", "-": ":", "--": ":", "...": ":",
          "``": "``", "`": "``", "''": "''", "'": "'", '"': "''"}


def balanced(text: str) -> str:
    """A linearised tree with the brackets that were forgotten, and without those that close nothing."""
    written: list[str] = []
    open_: list[str] = []
    for token in text.split():
        if token[0] == "(":
            open_.append(token[1:])
        elif token[0] == ")":
            label = token[1:] or (open_[-1] if open_ else "")
            if label not in open_:
                continue
            while open_[-1] != label:
                written.append(f"){open_.pop()}")
            open_.pop()
        written.append(token)
    return " ".join([*written, *(f"){label}" for label in reversed(open_))])


def over_words(tree: str, words: Sequence[str], leaves: str) -> str:
    """A balanced tree with one leaf for each word; a tree that has them stays as it is, what is no tree is flat.

    Leaves and words are aligned in their order so that they are most alike. A leaf without a word is dropped, and then
    brackets with nothing in them or with only themselves; a word without a leaf stands beside the word before it.

    leaves: what leaves are, as for trees.linearised.
    """
    tokens = tree.split()
    found = [token for token in tokens if token[0] not in "()"]
    if len(found) < len(tokens) and _fits(found, words, leaves):
        return tree
    if not found:
        tokens = found = ["XX"]
    instead: list[list[str]] = [[] for _ in found]
    place = 0
    for leaf, word in _aligned(found, words, leaves):
        place = place if leaf is None else leaf
        if word is not None:
            instead[place].append(_leaf_of(words[word], leaves, "" if leaf is None else found[leaf]))
    new = iter(instead)
    parts = _tidied(part for token in tokens for part in ([token] if token[0] in "()" else next(new)))
    mended = " ".join(text for _, text in parts)
    return mended if any(label for label, _ in parts) else f"(TOP {mended} )TOP"


def _fits(found: Sequence[str], words: Sequence[str], leaves: str) -> bool:
    return len(found) == len(words) and (leaves != "words" or all(
        leaf == word or leaf in PUNCTUATION or leaf in _BRACKETS.values()
        for leaf, word in zip(found, words, strict=True)))


def _leaf_of(word: str, leaves: str, written: str = "") -> str:
    """The leaf of a word for which the model wrote `written`, which may know better what kind of mark it is."""
    mark = _MARKS.get(word, "")
    if mark:
        return written if written in (*PUNCTUATION, word) else mark
    if leaves == "words":
        return _BRACKETS.get(word[0], word)
    return written if written and written not in PUNCTUATION else "XX"


def _aligned(found: Sequence[str], words: Sequence[str], leaves: str) -> list[tuple[int | None, int | None]]:
    """(leaf, word) of the alignment of the most likeness, None for no partner (Needleman and Wunsch 1970)."""
    gain = _likeness(found, [_leaf_of(word, leaves) for word in words]) - _EXCHANGE
    best = np.zeros((len(found) + 1, len(words) + 1))
    for i, row in enumerate(gain, 1):
        for j, exchanged in enumerate(row, 1):
            best[i, j] = max(best[i - 1, j - 1] + exchanged, best[i - 1, j], best[i, j - 1])
    pairs: list[tuple[int | None, int | None]] = []
    i, j = len(found), len(words)
    while i or j:
        if i and j and best[i, j] == best[i - 1, j - 1] + gain[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and best[i, j] == best[i - 1, j]:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _likeness(found: Sequence[str], expected: Sequence[str]) -> np.ndarray:
    """[found, expected], 0 to 1: by letters; any two that are tags count half, but not a mark and what is none."""
    from rapidfuzz import fuzz, process

    alike = process.cdist(found, expected, scorer=fuzz.ratio) / 100
    marks, expected_marks = (np.array([leaf in PUNCTUATION for leaf in leaves]) for leaves in (found, expected))
    unknown = np.array([leaf == "XX" for leaf in expected])
    alike = np.where(unknown, 0.5, alike)
    return np.where((marks[:, None] != expected_marks) & unknown, 0, alike)


def _tidied(tokens: Iterable[str]) -> list[tuple[str, str]]:
    """(label or "", text) of each tree, without brackets that have nothing in them, or only one of their own label."""
    open_: list[tuple[str, list[tuple[str, str]]]] = [("", [])]  # label; (label or "", text) of each part of it
    for token in tokens:
        if token[0] == "(":
            open_.append((token[1:], []))
        elif token[0] != ")":
            open_[-1][1].append(("", token))
        else:
            label, parts = open_.pop()
            if len(parts) == 1 and parts[0][0] == label:
                open_[-1][1].append(parts[0])
            elif parts:
                open_[-1][1].append((label, f"({label} {' '.join(text for _, text in parts)} ){label}"))
    return open_[0][1]
