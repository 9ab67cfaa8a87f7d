"""All files below a folder, as users lay them out: through links too, but each folder once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import UserError


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


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise UserError(f"{error.filename} cannot be read ({error.strerror}). Make it readable, or take it away.")
