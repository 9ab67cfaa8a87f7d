"""NIST's SGM files, in which WMT's test sets come: segments of documents, <doc docid=...> and <seg id=...>."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.data.files.skipped import skip
from t2t_mm.data.files.text_lines import BLANK, blocks, fault_of
from t2t_mm.errors import UserError

_TAG = re.compile(r"<doc\b(?P<doc>[^>]*)>|<seg\b(?P<seg>[^>]*)>(?P<text>.*?)</seg\s*>", re.I | re.S)
_NO_COUNTERPART = "segment without a counterpart"

Key = tuple[str, str]  # document, segment


def sgm_pairs(source: Path, reference: Path) -> Iterator[tuple[int, str, str]]:
    """(line in the source's file, source text, reference text) of the segments that both have, in the source's order.

    Of several references the first counts. Segments without a counterpart and blank ones are left out and told.
    UserError as for `segments`.
    """
    others = {}
    for key, _, text in segments(reference):
        others.setdefault(key, text)
    for key, line, text in segments(source):
        name = " ".join(key)
        if key not in others:
            skip(_NO_COUNTERPART, source, line, f"{name} is not in {reference.name}")
        elif not (text and others[key]):
            skip(BLANK, source, line, name)
        elif fault := fault_of(text + others[key], sys.maxsize):
            skip(fault, source, line, name)
        else:
            yield line, text, others[key]


def segments(path: Path) -> Iterator[tuple[Key, int, str]]:
    """((document, segment), line, text) of each segment, without markup and with single blanks.

    UserError for a file without segments, of UTF-16, or a damaged .gz.
    """
    text = b"".join(blocks(path)).decode("utf-8", "replace")
    document, line, read, found = "", 1, 0, False
    for match in _TAG.finditer(text):
        line, read = line + text.count("\n", read, match.start()), match.start()
        if match["doc"] is not None:
            document = _attribute(match["doc"], "docid")
            continue
        found = True
        yield (document, _attribute(match["seg"], "id")), line, " ".join(html.unescape(match["text"]).split())
    if not found:
        raise UserError(f"{path} has no <seg id=...> ... </seg>. Is it a NIST SGM file?")


def _attribute(attributes: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", attributes, re.I)
    return next((value for value in found.groups() if value is not None), "") if found else ""
