"""The source files of Python's own standard library, parsed: data that every machine with Python has."""

from __future__ import annotations

import ast
import pathlib
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from typing import Any

_LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "turtledemo", "pydoc_data",
             "encodings", "ensurepip", "__pycache__"}


def modules() -> Iterator[tuple[list[str], ast.Module]]:
    """(lines, parsed module) of each file, in the order of their paths; tests and tables are left out."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    paths = (path.relative_to(library) for path in library.rglob("*.py"))
    for path in sorted(path for path in paths if not _LEFT_OUT.intersection(path.parts)):
        try:
            source = (library / path).read_text(encoding="utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(source)
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue  # some files are written for other versions or encodings
        yield source.split("\n"), module


def statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Every statement of a module, at any depth, in the order of the source; does not look into expressions."""
    pending: list[ast.AST] = list(reversed(module.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt):
            yield node
        inner = [part for field in ("body", "handlers", "orelse", "finalbody", "cases")
                 for part in getattr(node, field, ())]
        pending.extend(reversed(inner))


class ReadOnce:
    """What `produce()` yields, kept as it is first read: the next reader starts at once and repeats no work."""

    def __init__(self, produce: Callable[[], Iterator[Any]]):
        self._produce = produce
        self._source: Iterator[Any] | None = None
        self._kept: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        if self._source is None:
            self._source = self._produce()
        index = 0
        while True:
            if index == len(self._kept):
                try:
                    self._kept.append(next(self._source))
                except StopIteration:
                    return
            yield self._kept[index]
            index += 1
