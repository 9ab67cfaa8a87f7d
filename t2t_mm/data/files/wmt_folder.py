"""Parallel text in WMT's own folders: training/*.{en,de}, dev/newstest2013.{en,de}, *.sgm (statmt.org/wmt14)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.data.files.parallel_text import check_line_counts, parallel_lines
from t2t_mm.data.files.sgm import sgm_pairs
from t2t_mm.data.files.skipped import note
from t2t_mm.data.files.text_lines import MOST_CHARACTERS, find_text
from t2t_mm.data.files.walking import files_below
from t2t_mm.errors import UserError

TEST_FROM = 2014  # a single newstest is the test set if it is that of WMT14 or later
_NEWSTEST = re.compile(r"newstest(\d{4})([-.].*)?\.(\w\w)(?:\.sgm)?(?:\.gz)?$", re.I)
_SIDE = re.compile(r"-(src|ref)\.\w\w\.sgm(\.gz)?$", re.I)

Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class WmtFolder:
    """The files of a language pair.

    Attributes:
        folder: what was searched.
        languages: "en", "de".
        files: split → pairs of files, one for each language; a split without files is not in it.
    """

    folder: Path
    languages: tuple[str, str]
    files: dict[str, tuple[tuple[Path, Path], ...]]

    def pairs(self, split: str, most_characters: int = MOST_CHARACTERS) -> Iterator[Pair]:
        """(text of the first language, text of the second) of all files of a split."""
        for first, second in self.files[split]:
            if _is_sgm(first):
                yield from ((one, other) for _, one, other in sgm_pairs(first, second))
            else:
                yield from (texts for _, texts in parallel_lines((first, second), most_characters))


def find_wmt(folder: Path, languages: tuple[str, str]) -> WmtFolder:
    """The files of a language pair: all pairs of files in training/, the last two newstests as dev and test.

    A single newstest is test from 2014 on, else dev. UserError if there is nothing to train on, or if files of a pair
    have different numbers of lines.
    """
    training = tuple(_training_pairs(folder / "training", languages))
    if not training:
        first, second = languages
        raise UserError(f"{folder} has no training text in {first} and {second}: expected files like training/"
                        f"europarl-v7.{second}-{first}.{first} and training/europarl-v7.{second}-{first}.{second}.")
    files = {"train": training}
    tests = _newstests(folder, languages)
    years = sorted(tests)
    if len(years) == 1:
        files["test" if years[0] >= TEST_FROM else "dev"] = (tests[years[0]],)
    elif years:
        files |= {"dev": (tests[years[-2]],), "test": (tests[years[-1]],)}
    for split, pairs in files.items():
        names = (str(path.relative_to(folder)) for pair in pairs for path in pair)
        note(f"{split} is made of {', '.join(names)}")
        for pair in pairs:
            if not _is_sgm(pair[0]):
                check_line_counts(pair)
    return WmtFolder(folder, languages, files)


def _training_pairs(folder: Path, languages: tuple[str, str]) -> Iterator[tuple[Path, Path]]:
    """Files that differ in their last ending only: `<anything>.en`, `<anything>.de`; plain before .gz."""
    for path in sorted({path.with_name(path.name.removesuffix(".gz")) for path in files_below(folder)}):
        if path.name.endswith(f".{languages[0]}"):
            stem = path.name.removesuffix(languages[0])
            first, second = (find_text(path.parent, [stem], language) for language in languages)
            if first and second:
                yield first, second


def _newstests(folder: Path, languages: tuple[str, str]) -> dict[int, tuple[Path, Path]]:
    """Year → its pair of files, the first of several in alphabetical order; plain text before SGM."""
    found: dict[int, tuple[Path, Path]] = {}
    paths = [path for path in files_below(folder) if _NEWSTEST.match(path.name)]
    for path in sorted(paths, key=lambda path: (_is_sgm(path), path)):
        match = _NEWSTEST.match(path.name)
        other = _counterpart(path, languages) if match[3].lower() == languages[0] else None
        if other:
            found.setdefault(int(match[1]), (path, other))
    return found


def _counterpart(path: Path, languages: tuple[str, str]) -> Path | None:
    """The file of the second language: of a source SGM the reference of the same name, of plain text its twin."""
    side = _SIDE.search(path.name)
    if side:
        stem, swapped = path.name[:side.start()], {"src": "ref", "ref": "src"}[side[1].lower()]
        return find_text(path.parent, [f"{stem}-{swapped}."], f"{languages[1]}.sgm")
    if _is_sgm(path):
        return None
    name = path.name.removesuffix(".gz")
    return find_text(path.parent, [name.removesuffix(languages[0])], languages[1])


def _is_sgm(path: Path) -> bool:
    return ".sgm" in path.suffixes
