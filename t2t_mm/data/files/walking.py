"""All files below a folder, as users lay them out: through links too, but each folder once; and what to say of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import UserError, did_you_mean

_SHOWN = 8  # names of what is in a folder


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder, in alphabetical order, then those of the folders in it; not what begins with a dot.

    Links to folders are followed, once: also such that lead back, or a second time to the same place. UserError for a
    folder that cannot be read; what does not exist has no files.
    """
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def state_of(source: Path) -> str:
    """A checksum of the names, sizes and times of change of a file, or a folder's files; "" where there are none."""
    lines = []
    for path in [source] if source.is_file() else files_below(source):
        status = os.stat(path, follow_symlinks=path.exists())
        lines.append(f"{path.relative_to(source)} {status.st_size} {status.st_mtime_ns}\n")
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:12] if lines else ""


def contents_of(folder: Path, wanted: str) -> str:
    """What to say of a folder without the file `wanted`: "has a, b. Did you mean 'a'?", "is empty.", ..."""
    if not folder.is_dir():
        return "does not exist."
    if (folder / wanted).is_dir():
        return f"has a folder {wanted}, where a file is wanted."
    there = sorted(path.name for path in folder.iterdir())
    if not there:
        return "is empty."
    more = ", ..." if len(there) > _SHOWN else "."
    return f"has {', '.join(there[:_SHOWN])}{more}{did_you_mean(wanted, there)}"


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise UserError(f"{error.filename} cannot be read ({error.strerror}). Make it readable, or take it away.")
