"""What readers of files leave out, and why: gathered while a problem is generated, then said and written down."""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_NAME = "skipped.txt"
NOT_UTF8 = "broken characters (not UTF-8)"
MOST_LISTED = 100_000
_ADVICE = {NOT_UTF8: "If a file is in another encoding, convert it, e.g.: iconv -f CP1252 -t UTF-8 FILE > NEW"}
_ADDRESS = re.compile(r"\s*<\S+ object at 0x[0-9a-f]+>")  # says nothing, and is another one each time
_SHOWN = 3

_journal: contextvars.ContextVar[Skipped | None] = contextvars.ContextVar("skipped", default=None)


class Skipped:
    """The journal of one problem.

    A file may be read several times, each time in its order (its dev split may be a part of its train file): an item
    counts once, because what is not beyond the last one of its file is known. Several items of one line are told apart
    by their details. Memory is bounded: `MOST_LISTED` items are listed, all are counted.

    Attributes:
        counts: reason → number of items.
        notes: what else is worth saying, each once.
    """

    def __init__(self):
        self.counts: dict[str, int] = {}
        self.notes: list[str] = []
        self._listed: list[str] = []
        self._first: dict[str, list[str]] = {}  # reason → where it was met first
        self._last: dict[str, tuple[int, set[str]]] = {}  # file → the line of its last item here, the details there

    def add(self, reason: str, file: str | os.PathLike, line: int = 0, detail: str = "") -> None:
        """One item: a line (from 1) or an example of a file, or the file itself (0)."""
        file = os.fspath(file)
        last, details = self._last.get(file, (-1, set()))
        if line < last or (line == last and (not line or detail in details)):
            return
        if line > last:
            details = set()
            self._last[file] = line, details
        details.add(detail)
        self.counts[reason] = self.counts.get(reason, 0) + 1
        where = f"{file}:{line}" if line else file
        first = self._first.setdefault(reason, [])
        if len(first) < _SHOWN and where not in first:
            first.append(where)
        if len(self._listed) < MOST_LISTED:
            detail = _ADDRESS.sub("", detail)
            self._listed.append(f"{where}: {reason}{f' ({detail})' if detail else ''}")

    def note(self, message: str) -> None:
        """A sentence about the whole, kept once."""
        if message not in self.notes:
            self.notes.append(message)

    def describe(self) -> list[str]:
        """The notes, then a line for each reason, with the first items."""
        said = list(self.notes)
        for reason, count in self.counts.items():
            more = ", ..." if count > len(self._first[reason]) else ""
            said.append(f"{count:,} left out, {reason}: {', '.join(self._first[reason])}{more}")
        return said

    def explain(self) -> str:
        """What `describe` says and what to do about it, for the end of an error; "" if there is nothing to say."""
        said = [*self.describe(), *(advice for reason, advice in _ADVICE.items() if reason in self.counts)]
        return "\n  ".join(["\nWhat was said on the way:", *said]) if said else ""

    def write(self, folder: str | os.PathLike) -> None:
        """Writes `skipped.txt`: a line for each item, "file:line: reason"; nothing if there are none."""
        if self._listed:
            unlisted = sum(self.counts.values()) - len(self._listed)
            lines = [*self._listed, *([f"... and {unlisted:,} more"] if unlisted else [])]
            Path(folder, FILE_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")


class Recorded(Skipped):
    """What was left out, as the arguments of `skip`, to be told elsewhere."""

    def __init__(self):
        super().__init__()
        self.items: list[tuple[str, str, int, str]] = []

    def add(self, reason: str, file: str | os.PathLike, line: int = 0, detail: str = "") -> None:
        self.items.append((reason, os.fspath(file), line, detail))


def record_skipped() -> contextlib.AbstractContextManager[Recorded]:
    """Gathers what is left out within this context (of this thread), unseen by the context around it."""
    return _gathering(Recorded())


def collect_skipped() -> contextlib.AbstractContextManager[Skipped]:
    """Gathers what is left out within this context (of this thread)."""
    return _gathering(Skipped())


@contextlib.contextmanager
def _gathering(journal: Skipped) -> Iterator[Any]:
    token = _journal.set(journal)
    try:
        yield journal
    finally:
        _journal.reset(token)


def skip(reason: str, file: str | os.PathLike, line: int = 0, detail: str = "") -> None:
    """Says that an item is left out; without a journal nobody hears it.

    Args:
        reason: the same words for all items of a kind; they are counted by it.
        file: where it stands.
        line: its line or number there, from 1; 0: the file itself is the item. Items of a file come in order.
        detail: what is known of this one; of several items of a line each has its own.
    """
    journal = _journal.get()
    if journal is not None:
        journal.add(reason, file, line, detail)


def note(message: str) -> None:
    """Says something about how the data are read, e.g. that a split is made by hashing."""
    journal = _journal.get()
    if journal is not None:
        journal.note(message)
