"""Whether a file of sound is as long as it says: RIFF (WAV), AIFF, AU and OGG, whose readers take what is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

STREAMED = 0x7FFFFF00  # bytes; a writer that did not know the length when it wrote the header wrote the highest
_OGG_PAGE, _LAST_PAGE = b"OggS", 4  # RFC 3533, section 6: a page's beginning, and the flag of a stream's last one
_LONGEST_PAGE = 65_307  # bytes


def is_whole(path: Path) -> bool:
    """False if the file ends before the sound that its header tells of; True also for what is none of these kinds."""
    with open(path, "rb") as file:
        size, start = os.fstat(file.fileno()).st_size, file.read(12)
        kind = start[:4]
        if kind in (b"RIFF", b"RIFX"):
            return _chunk_is_whole(file, size, b"data", "little" if kind == b"RIFF" else "big")
        if kind == b"FORM" and start[8:] in (b"AIFF", b"AIFC"):
            return _chunk_is_whole(file, size, b"SSND", "big")
        if kind == b".snd":
            offset, length = (int.from_bytes(start[place:place + 4], "big") for place in (4, 8))
            return length >= STREAMED or offset + length <= size
        if kind == _OGG_PAGE:
            file.seek(max(0, size - _LONGEST_PAGE))
            return _ends_a_stream(file.read().rpartition(_OGG_PAGE)[2])
    return True


def _ends_a_stream(page: bytes) -> bool:
    """Whether an OGG page (behind its beginning: version, flag, ..., number of segments, their lengths) is the last."""
    lengths = page[23:23 + page[22]] if len(page) > 22 else b""
    return bool(lengths) and len(page) >= 23 + page[22] + sum(lengths) and bool(page[1] & _LAST_PAGE)


def _chunk_is_whole(file: BinaryIO, size: int, name: bytes, order: str) -> bool:
    """Whether a chunk (4 bytes name, 4 bytes length, content, padded to an even length) ends within the file."""
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], order)
        if head[:4] == name:
            return length >= STREAMED or file.tell() + length <= size
        file.seek(length + length % 2, os.SEEK_CUR)
    return False
