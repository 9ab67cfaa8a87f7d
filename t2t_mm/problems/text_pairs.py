"""What problems of text → text from files share: translations, and whatever else is pairs of lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from t2t_mm.data.features import Feature, Text
from t2t_mm.data.files.splits import divided
from t2t_mm.data.files.text_lines import MOST_CHARACTERS
from t2t_mm.problems.problem import Problem, Sample
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K


class TextPairs(Problem):
    """Text → text. A subclass writes `given_splits` and `pairs`; missing splits are made of the training data."""

    vocabulary = MULTIMODEL_8K
    most_characters = MOST_CHARACTERS  # longer lines are left out
    metrics = ("bleu", "chrf")

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Text(self.vocabulary), "targets": Text(self.vocabulary)}

    def given_splits(self, tmp_dir: str) -> Collection[str]:
        """The splits that have files; UserError that says what to put where if there are none."""
        raise NotImplementedError

    def pairs(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        """The samples of a split that has files."""
        raise NotImplementedError

    def divided_by(self, sample: Sample) -> str:
        """The text that must not be in two splits, where splits are made by hash."""
        return sample["inputs"]

    def check_sources(self, tmp_dir: str) -> None:
        self.given_splits(tmp_dir)

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        def read(part: str) -> Iterator[Sample]:
            return self.pairs(part, tmp_dir)

        return divided(split, self.given_splits(tmp_dir), read, self.divided_by, self.name)
