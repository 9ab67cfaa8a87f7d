"""Bracketed trees, as the Penn Treebank has them: "( (S (NP-SBJ (NN dog)) (VP (VBZ barks)) (. .)))".

Marcus et al. 1993 (ACL J93-2004); the form that is learned: Vinyals et al. 2015 (arXiv:1412.7449), section 3.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

TRACE = "-NONE-"
ROOTS = ("", "TOP", "ROOT", "S1")  # labels of a bracket around the whole, which says nothing
DEEPEST = 200
TOO_MANY_CLOSED, OUTSIDE = "more closing than opening brackets", "text outside of brackets"
PUNCTUATION = (",", ".", ":", "``", "''")  # tags by which scorers know what is not counted
_TOKEN = re.compile(r"[()]|[^\s()]+|\n")
_ESCAPED = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_SLASH = re.compile(r"\\([/*])")


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """A label over trees, or a tag over its word: `children` is then (word,)."""

    label: str
    children: tuple[Tree | str, ...]

    @property
    def is_leaf(self) -> bool:
        """Whether it is a tag over a word."""
        return isinstance(self.children[0], str)

    def leaves(self) -> Iterator[Tree]:
        """The tags over words, from left to right."""
        if self.is_leaf:
            yield self
        else:
            for child in self.children:
                yield from child.leaves()


class BrokenTree(Exception):
    """What is wrong with a tree; `line` counts from 0 within the text."""

    def __init__(self, line: int, reason: str):
        super().__init__(reason)
        self.line = line


def parse(text: str) -> Iterator[tuple[int, Tree | BrokenTree]]:
    """(line, from 0, on which it begins; a tree, or why it is none) of all trees of a text, in order."""
    line, start, open_ = 0, 0, []  # open_: [label or None, children] of each bracket that is not closed
    fault = ""
    for token in _TOKEN.findall(text):
        if token == "\n":
            line += 1
        elif token == "(":
            if not open_:
                start, fault = line, ""
            elif open_[-1][0] is None:
                open_[-1][0] = ""
            open_.append([None, []])
        elif not open_:
            yield line, BrokenTree(line, TOO_MANY_CLOSED if token == ")" else OUTSIDE)
        elif token != ")":
            if open_[-1][0] is None:
                open_[-1][0] = token
            else:
                open_[-1][1].append(token)
        else:
            label, children = open_.pop()
            fault = fault or _fault(label, children, len(open_))
            if open_:
                open_[-1][1].append(Tree(label or "", tuple(children)))
            else:
                yield start, BrokenTree(start, fault) if fault else Tree(label, tuple(children))
    if open_:
        yield start, BrokenTree(start, "a bracket is not closed")


def _fault(label: str | None, children: list, depth: int) -> str:
    """What is wrong with a bracket, or ""."""
    if not children:
        return "an empty bracket"
    words = sum(isinstance(child, str) for child in children)
    if words and (len(children) > 1 or not label):
        return "a word without a tag of its own"
    return f"deeper than {DEEPEST} brackets" if depth >= DEEPEST else ""


def cleaned(tree: Tree) -> Tree | None:
    """Without traces, what is empty then, function tags, and the bracket around the whole; None if nothing is left.

    Words come back as they are written: "-LRB-" is "(", "1\\/2" is "1/2".
    """
    tree = _without_traces(tree)
    while tree and tree.label in ROOTS and len(tree.children) == 1 and not tree.is_leaf:
        tree = tree.children[0]
    if tree and not tree.label:
        return Tree("TOP", tree.children)  # several trees in one pair of brackets
    return tree


def _without_traces(tree: Tree) -> Tree | None:
    if tree.is_leaf:
        return None if tree.label == TRACE else Tree(base_label(tree.label), (_word(tree.children[0]),))
    children = tuple(filter(None, map(_without_traces, tree.children)))
    return Tree(base_label(tree.label), children) if children else None


def base_label(label: str) -> str:
    """"NP-SBJ-1" → "NP", "PP-LOC=2" → "PP", "ADVP|PRT" → "ADVP"; "-LRB-" and "PRP$" stay."""
    return label if label.startswith("-") else re.split("[-=|]", label, maxsplit=1)[0] or label


def _word(text: str) -> str:
    return _ESCAPED.get(text) or _SLASH.sub(r"\1", text)


def phrases(tree: Tree, fewest: int) -> Iterator[Tree]:
    """The trees below a tree that stand over `fewest` words or more."""
    for child in tree.children if not tree.is_leaf else ():
        if sum(1 for _ in child.leaves()) >= fewest:
            yield child
        yield from phrases(child, fewest)


def linearised(tree: Tree, leaves: str = "tags") -> str:
    """"(S (NP DT NN )NP (VP VBZ )VP . )S": closing brackets repeat the label, as in Vinyals et al.

    leaves: "tags" writes tags for words; "XX" that for all tags, with which they parsed better; "words" the words
        themselves. Punctuation has its tag in each of them.
    """
    if tree.is_leaf:
        return _leaf(tree.label, tree.children[0], leaves)
    return f"({tree.label} {' '.join(linearised(child, leaves) for child in tree.children)} ){tree.label}"


def _leaf(tag: str, word: str, leaves: str) -> str:
    if leaves == "tags" or tag in PUNCTUATION or (leaves == "words" and word[0] in "()"):
        return tag
    return "XX" if leaves == "XX" else word
