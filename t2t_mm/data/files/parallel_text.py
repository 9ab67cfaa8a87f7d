"""Parallel text: files of which line i belongs to line i of the others."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_mm.data.files.skipped import skip
from t2t_mm.data.files.text_lines import MOST_CHARACTERS, count_lines, count_to_last_text, read_lines
from t2t_mm.errors import UserError

Row = tuple[int, tuple[str, ...]]  # number of the line, from 1; the line of each file


def parallel_lines(paths: Sequence[Path], most_characters: int = MOST_CHARACTERS) -> Iterator[Row]:
    """The lines of files side by side; those of which a side cannot be used are left out, and `skip` is told.

    UserError at once, before the first line, if the numbers of lines differ (but for blank ones at the end).
    """
    check_line_counts(paths)
    return _rows(paths, most_characters)


def _rows(paths: Sequence[Path], most_characters: int) -> Iterator[Row]:
    sides = [read_lines(path, most_characters) for path in paths]
    for number, row in enumerate(zip(*sides, strict=False), start=1):
        texts, faults = zip(*row, strict=True)
        if any(faults):
            side = next(side for side, fault in enumerate(faults) if fault)
            skip(faults[side], paths[side], number)
        else:
            yield number, texts


def check_line_counts(paths: Sequence[Path]) -> None:
    """UserError if the files have different numbers of lines, blank ones at the end aside."""
    counts = [_counted(count_lines, path) for path in paths]
    if len(set(counts)) > 1:
        counts = [_counted(count_to_last_text, path) for path in paths]
    if len(set(counts)) > 1:
        shortest = min(range(len(paths)), key=counts.__getitem__)
        has = ", ".join(f"{path} has {count:,}" for path, count in zip(paths, counts, strict=True))
        raise UserError(f"Line i of one file must belong to line i of the others, but they have different numbers of "
                        f"lines: {has}. The first ends at {paths[shortest]}:{counts[shortest]}; look above it for the "
                        "first lines that do not belong together, and mend the files.")


def _counted(count, path: Path) -> int:
    status = path.stat()
    return _count(count, path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=64)
def _count(count, path: Path, _time: int, _size: int) -> int:
    return count(path)
