"""Your own pairs of texts, without a class: `train.source` and `train.target`, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_mm import registry
from t2t_mm.data.files.parallel_text import check_line_counts, parallel_lines
from t2t_mm.data.files.splits import NAMES
from t2t_mm.data.files.text_lines import find_text
from t2t_mm.data.files.walking import contents_of
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Sample
from t2t_mm.problems.text_pairs import TextPairs


@registry.register_problem("files_text2text")
class FilesText2text(TextPairs):
    """Text → text from your files: line i of train.source → line i of train.target.

    Reads `<tmp_dir>/<problem name>/`: train.source and train.target, and dev.* (or val, valid, validation) and test.*
    if there are; any of them may be .gz. Missing splits are made of the training data, by a hash of the source. Lines
    that are blank, broken or over-long on either side are left out and listed.
    """

    command = "to-target"
    vocabulary = "subwords:files"
    metrics = ("bleu", "chrf", "exact_match")
    source, target = "source", "target"  # the endings of the files

    def given_splits(self, tmp_dir: str) -> list[str]:
        given = [split for split in NAMES if self._paths(split, tmp_dir)]
        for split in given:
            check_line_counts(self._paths(split, tmp_dir))
        if "train" not in given:
            raise UserError(self._missing(self.source_path(tmp_dir)))
        return given

    def pairs(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        for _, (source, target) in parallel_lines(self._paths(split, tmp_dir), self.most_characters):
            yield {"inputs": source, "targets": target}

    def _paths(self, split: str, tmp_dir: str) -> list[Path]:
        """Both files of a split, or []; UserError if there is only one."""
        folder = self.source_path(tmp_dir)
        for name in NAMES[split]:
            paths = [find_text(folder, [name], f".{ending}") for ending in (self.source, self.target)]
            if all(paths):
                return paths
            if any(paths):
                (there,), missing = filter(None, paths), self.target if paths[0] else self.source
                raise UserError(f"{there} has no counterpart: there must be {name}.{missing} beside it, of which line "
                                f"i belongs to line i of {there.name}.")
        return []

    def _missing(self, folder: Path) -> str:
        return (f"{self.registered_name} reads train.{self.source} and train.{self.target} (one text a line, line i of "
                f"one belongs to line i of the other) and, if they are there, dev.* and test.* from {folder}, which "
                f"{contents_of(folder, f'train.{self.source}')} "
                "Put them there, or name the folder above with --tmp_dir.")
