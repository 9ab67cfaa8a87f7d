"""Files of pictures: which ones they are, and what tells one picture from another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from t2t_mm.data.files.skipped import skip

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
           ".pnm")
NO_ENDING = "not a picture by the ending of its name"
_BEGINNING = 64 << 10  # bytes


def picture_files(folder: Path) -> Iterator[Path]:
    """The files of pictures in a folder and those below it, in alphabetical order; of others `skip` is told.

    What begins with a dot, and Windows' Thumbs.db and desktop.ini, are passed over in silence.
    """
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                yield Path(place, name)
            elif not name.startswith(".") and name.lower() not in ("thumbs.db", "desktop.ini"):
                skip(NO_ENDING, Path(place, name))


def fingerprint(picture: bytes | PurePath) -> str:
    """A text that is the same for equal files: of the size and the first 64 KB. Copies of a picture share it."""
    if isinstance(picture, bytes):
        size, beginning = len(picture), picture[:_BEGINNING]
    else:
        try:
            with open(picture, "rb") as file:
                size, beginning = os.fstat(file.fileno()).st_size, file.read(_BEGINNING)
        except OSError:  # it will be left out; which split it is left out of is all the same
            return picture.name
    return f"{size} {hashlib.blake2b(beginning, digest_size=16).hexdigest()}"
