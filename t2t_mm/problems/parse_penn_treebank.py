"""Constituency parsing: the Wall Street Journal part of the Penn Treebank (Marcus et al. 1993, ACL J93-2004)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.files.walking import files_below
from t2t_mm.errors import UserError
from t2t_mm.problems.files_text2tree import TextToTree

_FILE = re.compile(r"wsj_(\d{4})\.mrg(\.gz)?$")


class PennTreebank(TextToTree):
    """Words → tree of `wsj_0001.mrg` and so on, anywhere below `<tmp_dir>/<folder>`, divided by their numbers."""

    folder: ClassVar[str]
    where: ClassVar[str]  # to be had from
    numbers: ClassVar[dict[str, range]]  # split → numbers of files

    def find_files(self, tmp_dir: str) -> dict[str, list[Path]]:
        folder = Path(tmp_dir, self.folder)
        found: dict[int, Path] = {}
        for path in sorted(files_below(folder)):
            match = _FILE.fullmatch(path.name)
            if match and found.setdefault(int(match[1]), path) != path:
                raise UserError(f"{self.registered_name}: {path.name} is there twice, as {found[int(match[1])]} and "
                                f"{path}. Leave one copy of the treebank in {folder}.")
        files = {split: [found[number] for number in numbers if number in found]
                 for split, numbers in self.numbers.items()}
        missing = [f"wsj_{self.numbers[split][0]:04}-{self.numbers[split][-1]:04} ({split})"
                   for split, paths in files.items() if not paths]
        if missing:
            there = f"there are {len(found)} .mrg files, but none of" if found else "there are no .mrg files:"
            raise UserError(f"{self.registered_name} reads {self.where} from {folder}, in folders or not; "
                            f"{there} {', '.join(missing)}. Put them there, or name the folder above with --tmp_dir.")
        return files


@registry.register_problem("parse_wsj")
class ParseWsj(PennTreebank):
    """English words → their constituency tree: the Wall Street Journal, sections 02-21 train, 22 dev, 23 test.

    Reads `<tmp_dir>/wsj/02/wsj_0201.mrg` and so on: the folder parsed/mrg/wsj of the Linguistic Data Consortium's
    Treebank-3 (LDC99T42, https://catalog.ldc.upenn.edu/LDC99T42, its licence). 39,832 train, 1,700 dev, 2,416 test
    trees.
    """

    folder = "wsj"
    where = "the Penn Treebank (parsed/mrg/wsj of LDC99T42, https://catalog.ldc.upenn.edu/LDC99T42)"
    numbers = {"train": range(200, 2200), "dev": range(2200, 2300), "test": range(2300, 2400)}


@registry.register_problem("parse_ptb_sample")
class ParsePtbSample(PennTreebank):
    """English words → their constituency tree: the 199 files of the Penn Treebank that NLTK gives away.

    Reads `<tmp_dir>/ptb_sample/`: treebank/combined/*.mrg of https://www.nltk.org/nltk_data (non-commercial use), also
    in a folder. wsj_0001-0159 train, 0160-0179 dev, 0180-0199 test. 3,396 trees to train on are few, so that their
    phrases of four words or more are examples too, and trees keep their words.
    """

    fewest_words, leaves = 4, "words"
    folder = "ptb_sample"
    where = "NLTK's sample of the Penn Treebank (treebank/combined, https://www.nltk.org/nltk_data)"
    numbers = {"train": range(1, 160), "dev": range(160, 180), "test": range(180, 200)}
