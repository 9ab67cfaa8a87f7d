"""Files of bracketed trees: one or many a file, on one line or many; broken ones are left out and told."""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_mm.data.files.skipped import skip
from t2t_mm.data.files.splits import NAMES
from t2t_mm.data.files.text_lines import NOT_UTF8, NUL, is_unicode, raw_lines
from t2t_mm.data.files.trees import OUTSIDE, TOO_MANY_CLOSED, BrokenTree, Tree, cleaned, parse
from t2t_mm.data.files.walking import files_below
from t2t_mm.errors import UserError

ENDINGS = (".mrg", ".tree", ".trees", ".ptb", ".parse", ".parsed", ".penn", ".bracket", ".txt")
_NOT_DATA = re.compile(r"(?i)(.*readme|licen[cs]e|copying|notice)")
_ROOT = re.compile(r"\(\s*(\(|TOP\b|ROOT\b|S1\b)")
_AHEAD = 50  # blocks that a tree with unclosed brackets may go on for
_LONGEST_LINE = 1_000_000  # bytes; a tree may stand on one line

Block = tuple[int, str]  # number of its first line, from 1; its lines


def read_trees(paths: Sequence[Path]) -> Iterator[Tree]:
    """The cleaned trees of files, in order; what is no tree is left out, and `skip` is told file and line."""
    for path in paths:
        for line, number, tree in _numbered(path):
            tree = tree if isinstance(tree, BrokenTree) else cleaned(tree)
            fault = _fault(tree)
            if fault:
                skip(fault, path, line, f"at tree {number} of the line" if number else "")
            else:
                yield tree


def _numbered(path: Path) -> Iterator[tuple[int, int, Tree | BrokenTree]]:
    """(line, number among the trees that begin on it, tree or why it is none), as the file has them.

    What stands outside of brackets has the number of the tree before it on its line, or 0: it counts once with it.
    """
    for first, text in _whole(_blocks(path)):
        numbers: collections.Counter[int] = collections.Counter()
        for line, tree in parse(text):
            numbers[line] += not (isinstance(tree, BrokenTree) and str(tree) in (OUTSIDE, TOO_MANY_CLOSED))
            yield first + line, numbers[line], tree


def _fault(tree: Tree | BrokenTree | None) -> str:
    """Why a cleaned tree is of no use, or ""."""
    if isinstance(tree, BrokenTree):
        return str(tree)
    if tree is None:
        return "nothing but traces"
    if tree.is_leaf:
        return "a tag and no bracket above it"
    text = "".join(leaf.label + leaf.children[0] for leaf in tree.leaves())
    if not is_unicode(text):
        return NOT_UTF8
    return NUL if "\0" in text else ""


def find_tree_files(folder: Path) -> dict[str, list[Path]]:
    """Split → files in reading order.

    "train.mrg", "en-train.mrg" and all files of a folder "train" are training data, likewise dev (or val, valid,
    validation) and test; files that name no split are training data. UserError if there are no files of trees.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted(files_below(folder)):
        name = path.name.removesuffix(".gz")
        if name.endswith(ENDINGS) and not _NOT_DATA.match(name):
            files.setdefault(_split_of(path.relative_to(folder)), []).append(path)
    if not files:
        raise UserError(f"{folder} has no files of trees: their names end in {', '.join(ENDINGS)}.")
    return files


def _split_of(path: Path) -> str:
    words = {word for part in path.parts for word in re.split(r"[\W_]+", part.lower())}
    return next((split for split, names in NAMES.items() if words.intersection(names)), "train")


def _blocks(path: Path) -> Iterator[Block]:
    """The lines from one that begins with "(" to before the next such: in most files a tree each."""
    lines: list[str] = []
    first = 1
    for number, line in enumerate(raw_lines(path, _LONGEST_LINE), start=1):
        text = line.decode("utf-8", "surrogateescape")
        if lines and text.startswith("("):
            yield first, "\n".join(lines)
            lines = []
        if not lines:
            first = number
        lines.append(text)
    if lines:
        yield first, "\n".join(lines)


def _whole(blocks: Iterator[Block]) -> Iterator[Block]:
    """Joins blocks of which the brackets are closed by later ones (files without indentation), but not into a new root.

    A tree that is never closed stays by itself, so that it costs no other tree.
    """
    waiting: collections.deque[Block] = collections.deque()
    while True:
        if not waiting:
            waiting.extend(itertools.islice(blocks, 1))
        if not waiting:
            return
        first, text = waiting.popleft()
        depth, joined = _depth(text), 0
        while depth > 0 and joined < _AHEAD:
            if joined == len(waiting):
                waiting.extend(itertools.islice(blocks, 1))
            if joined == len(waiting) or _ROOT.match(waiting[joined][1]):
                break
            depth += _depth(waiting[joined][1])
            joined += 1
        if depth == 0:
            text = "\n".join([text, *(waiting.popleft()[1] for _ in range(joined))])
        yield first, text


def _depth(text: str) -> int:
    return text.count("(") - text.count(")")
