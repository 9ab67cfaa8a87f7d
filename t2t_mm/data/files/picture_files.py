"""Files of pictures: which ones they are, and what tells one picture from another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePath

from t2t_mm.data.files.skipped import skip
from t2t_mm.data.files.walking import files_below

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
           ".pnm")
NO_ENDING = "not a picture by the ending of its name"


def is_picture(path: PurePath) -> bool:
    """Whether the ending of a name is that of a picture."""
    return path.name.lower().endswith(ENDINGS)


def picture_files(folder: Path) -> Iterator[Path]:
    """The files of pictures in a folder and those below it, in alphabetical order; of others `skip` is told.

    What begins with a dot, and Windows' Thumbs.db and desktop.ini, are passed over in silence.
    """
    for path in files_below(folder):
        if is_picture(path):
            yield path
        elif path.name.lower() not in ("thumbs.db", "desktop.ini"):
            skip(NO_ENDING, path)


def fingerprint(picture: bytes | PurePath) -> str:
    """A text that is the same for equal files: copies of a picture share it."""
    try:
        content = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
    except OSError:  # it will be left out; which split it is left out of is all the same
        return picture.name
    return f"{len(content)} {hashlib.blake2b(content, digest_size=16).hexdigest()}"
