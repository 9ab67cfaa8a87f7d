"""Lines of text files as people have them: gzip, CRLF, byte order marks, blank and endless lines, broken UTF-8."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_mm.data.files.skipped import NOT_UTF8, note
from t2t_mm.errors import UserError

MOST_CHARACTERS = 5_000
BLANK = "blank line"
NUL = "a NUL character"
BROKEN = "\ufffd"  # what bytes that are no UTF-8 are decoded to
_BLOCK = 1 << 20  # bytes read at once
_MOST_NULS = 0.1  # of the bytes of text in another encoding than UTF-16
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def find_text(folder: Path, stems: Sequence[str], ending: str) -> Path | None:
    """The first that exists of `<folder>/<stem><ending>`, plain or with .gz behind; None if none does."""
    paths = (folder / f"{stem}{ending}{packed}" for stem in stems for packed in ("", ".gz"))
    return next((path for path in paths if path.is_file()), None)


def read_lines(path: Path, most_characters: int = MOST_CHARACTERS) -> Iterator[tuple[str, str]]:
    """(text, "") of each line without white space at its ends, or ("", fault) of one that cannot be used.

    A line ends at a line feed; other signs of a line's end inside it become blanks, and of carriage returns it is
    noted. Memory does not grow with the length of a line. UserError for what is not text at all, or a damaged .gz.
    """
    for line in raw_lines(path, 4 * most_characters):
        text = line.decode("utf-8", "replace").strip()
        fault = fault_of(text, most_characters)
        if "\r" in text:
            note(f"{path}: carriage returns inside of lines are blanks; if they end its lines, convert it: "
                 f"tr '\\r' '\\n' < {path.name}")
        if fault:
            yield "", fault
        else:
            parts = text.splitlines()
            yield text if len(parts) == 1 else " ".join(parts), ""


def fault_of(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """Why a decoded, stripped line cannot be used, or ""."""
    if not text:
        return BLANK
    if len(text) > most_characters:
        return f"longer than {most_characters:,} characters"
    if BROKEN in text:
        return NOT_UTF8
    return NUL if "\0" in text else ""


def is_unicode(text: str) -> bool:
    """Whether a text is without the lone surrogates that bytes other than UTF-8 become."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def raw_lines(path: Path, most_bytes: int) -> Iterator[bytes]:
    """The lines as bytes, without line feed and byte order mark; of one beyond `most_bytes` a longer beginning."""
    rest = b""
    for block in blocks(path):
        first, *others = block.split(b"\n")
        rest = rest + first if len(rest) <= most_bytes else rest
        if others:
            yield rest
            *whole, rest = others
            yield from whole
    if rest:
        yield rest


def count_lines(path: Path) -> int:
    """The number of lines that `read_lines` yields."""
    count, last = 0, b"\n"
    for block in blocks(path):
        count += block.count(b"\n")
        last = block[-1:] or last
    return count + (last != b"\n")


def count_to_last_text(path: Path) -> int:
    """The number of lines up to the last that is not blank."""
    return max((number for number, line in enumerate(raw_lines(path, 1 << 16), start=1) if line.strip()), default=0)


def blocks(path: Path) -> Iterator[bytes]:
    """The content in blocks, unpacked and without byte order mark; UserError for UTF-16 or a damaged .gz."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            block = file.read(_BLOCK)
            if block.startswith(_UTF16) or block.count(0) > _MOST_NULS * len(block):
                raise UserError(f"{path} is not UTF-8 text; perhaps it is UTF-16. "
                                f"Convert it: iconv -f UTF-16 -t UTF-8 {path.name}")
            block = block.removeprefix(codecs.BOM_UTF8)
            while block:
                yield block
                block = file.read(_BLOCK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is a damaged .gz file ({error}). Unpack or fetch it again.") from None
