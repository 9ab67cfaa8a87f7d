"""Labelled bracketing of parse trees by the rules of EVALB with its parameter file COLLINS.prm.

EVALB (Sekine and Collins 1997, https://nlp.cs.nyu.edu/evalb) compares multisets of labelled spans, its README section 7
says how: leaves with a tag of punctuation or of a trace go, then brackets over nothing, then the labels at the top;
function tags are cut (NP-SBJ-1 and NP=2 are NP); ADVP and PRT are the same; tags of words are no brackets.

We depart from it in one thing: what EVALB leaves out as an error (a tree that cannot be read, or over other words than
the reference) counts here. It has nothing right; the reference's brackets stay in the recall and its own, if it is a
tree, in the precision. S1, ROOT and the empty label are deleted like TOP.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

from t2t_mm.errors import UserError

DELETED = frozenset(("TOP", "S1", "ROOT", "-NONE-", ",", ":", "``", "''", "."))
EQUAL = {"PRT": "ADVP"}
TRACE = "-NONE-"
SHORT = 40  # words; sentences up to here are also scored by themselves
_REPEATED = re.compile(r"\)[^\s()]")
_TOKEN = re.compile(r"[()][^\s()]*|[^\s()]+")


@dataclasses.dataclass(frozen=True)
class Brackets:
    """What is scored of a tree.

    Attributes:
        words: of the leaves that are not deleted; all are "" where the tree has tags only.
        spans: (label, first word, word after the last) → how many.
        length: words, punctuation included, traces not.
    """

    words: tuple[str, ...]
    spans: Counter[tuple[str, int, int]]
    length: int


@dataclasses.dataclass
class Score:
    """Brackets of many sentences: right ones, those of the references, those written. Shares are 0 to 100."""

    matched: int = 0
    gold: int = 0
    written: int = 0

    @property
    def precision(self) -> float:
        return 100 * self.matched / max(self.written, 1)

    @property
    def recall(self) -> float:
        return 100 * self.matched / max(self.gold, 1)

    @property
    def f1(self) -> float:
        return 200 * self.matched / max(self.written + self.gold, 1)

    def add(self, gold: Brackets, written: Brackets | None) -> bool:
        """Counts a sentence, None for what is no tree; whether all of it is right."""
        outputs = written.spans if written else Counter()
        same_words = written is not None and written.words == gold.words
        matched = (gold.spans & outputs).total() if same_words else 0
        self.matched += matched
        self.gold += gold.spans.total()
        self.written += outputs.total()
        return same_words and matched == gold.spans.total() == outputs.total()


def score_brackets(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float | int | str]:
    """The measures of bracketed trees, one reference each; "(S (NP (DT the)..." or, with tags only, "(S (NP DT ...".

    Returns:
        bracket_precision, bracket_recall, bracket_f1 and bracket_complete_match (sentences with all brackets right), 0
        to 100; bracket_f1_40_words, of references of up to 40 words; and how many outputs were bracket_unreadable (no
        tree) or bracket_mismatched (a tree over other words), which have nothing right.

    Raises UserError for a reference that is no tree.
    """
    with_words = _have_words(references)
    everything, short, complete, unreadable, mismatched = Score(), Score(), 0, 0, 0
    for number, (hypothesis, reference) in enumerate(zip(hypotheses, references, strict=True)):
        gold, written = _gold(reference, number, with_words), _tree_or_none(hypothesis, with_words)
        unreadable += written is None
        mismatched += written is not None and written.words != gold.words
        complete += everything.add(gold, written)
        if gold.length <= SHORT:
            short.add(gold, written)
    return {"bracket_precision": everything.precision, "bracket_recall": everything.recall,
            "bracket_f1": everything.f1, "bracket_complete_match": 100 * complete / max(len(references), 1),
            "bracket_f1_40_words": short.f1, "bracket_unreadable": unreadable, "bracket_mismatched": mismatched,
            "brackets_signature": f"rules:COLLINS.prm|trees:{'words' if with_words else 'tags'}|failures:count as zero"}


def read_brackets(text: str, with_words: bool = True) -> Brackets:
    """The brackets of a tree; ValueError that says why if the text is none.

    with_words: a leaf is "(DT the)"; else it is a tag alone, "DT". A closing bracket may repeat the label: ")NP".
    """
    stack: list[tuple[str, int, list[str], int]] = []  # label, first word, bare tokens, brackets read before it
    words: list[str] = []
    spans: Counter[tuple[str, int, int]] = Counter()
    length = opened = 0

    def leaf(tag: str, word: str) -> None:
        nonlocal length
        length += tag != TRACE
        if tag not in DELETED:
            words.append(word)

    for token in _TOKEN.findall(text):
        if token[0] == "(":
            opened += 1
            stack.append((token[1:], len(words), [], opened))
        elif token[0] == ")":
            if not stack:
                raise ValueError("a closing bracket too many")
            label, start, bare, before = stack.pop()
            if token[1:] not in ("", label):
                raise ValueError(f"{token!r} closes {label!r}")
            if not (with_words and bare):
                _add_span(spans, label, start, len(words))
            elif len(bare) == 1 and opened == before:
                leaf(label, bare[0])
            else:
                raise ValueError(f"{' '.join(bare)!r} is not alone in its bracket")
        elif with_words:
            if not stack:
                raise ValueError(f"{token!r} is in no bracket")
            stack[-1][2].append(token)
        else:
            leaf(token, "")
    if stack or not (opened or words):
        raise ValueError("a bracket is not closed" if stack else "there is nothing")
    return Brackets(tuple(words), spans, length)


def _add_span(spans: Counter[tuple[str, int, int]], label: str, start: int, end: int) -> None:
    cut = re.split("[-=]", label, maxsplit=1)[0]
    if end > start and label and cut not in DELETED:  # a phrase "-NONE-" over words is cut to "" and counts, as there
        spans[EQUAL.get(cut, cut), start, end] += 1


def _tree_or_none(text: str, with_words: bool) -> Brackets | None:
    try:
        return read_brackets(text, with_words)
    except ValueError:
        return None


def _have_words(references: Sequence[str]) -> bool:
    """Whether most of the trees read as such with words, and as nothing else.

    A few trees of tags, "(S (NP PRP ) )", also do; not where closing brackets repeat the label, ")NP", as the problems
    write trees of tags.
    """
    return 2 * sum(_REPEATED.search(text) is None and _tree_or_none(text, True) is not None
                   for text in references) > len(references)


def _gold(reference: str, number: int, with_words: bool) -> Brackets:
    try:
        return read_brackets(reference, with_words)
    except ValueError as error:
        raise UserError(f"Reference {number} (from 0) is no bracketed tree, {error}: {reference[:200]!r}. "
                        "The metric 'brackets' is for trees such as '(S (NP (DT the) (NN cat)) (VP (VBD sat)))'; "
                        "correct the data, or leave it out of the problem's metrics.") from None
