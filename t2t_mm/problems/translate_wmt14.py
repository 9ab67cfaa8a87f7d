"""Translation of news between English and German or French: WMT 2014 (Bojar et al. 2014, ACL W14-3302)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.text_lines import fault_of
from t2t_mm.data.files.tfds_reader import check_available, tfds_examples
from t2t_mm.data.files.wmt_folder import find_wmt
from t2t_mm.problems.problem import Sample
from t2t_mm.problems.text_pairs import TextPairs

_FOLDERS = ("wmt14", "wmt")
_HOST = "www.statmt.org"
_TFDS_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


class Wmt14Translation(TextPairs):
    """Text → text of WMT's own files in `<tmp_dir>/wmt14/` (or wmt), else of TFDS's `wmt14_translate`.

    Files: training/*.{en,de}, and newstest2013 (dev) and newstest2014 (test) anywhere, plain or SGM. With other
    newstests the last is test and the one before it dev; a missing split is made of the training data, by a hash of
    the English side. TFDS: prepared before, or downloaded into `<tmp_dir>/tensorflow_datasets`.
    """

    languages: ClassVar[tuple[str, str]]  # English first

    def given_splits(self, tmp_dir: str) -> Collection[str]:
        folder = self._folder(tmp_dir)
        if folder is not None:
            return find_wmt(folder, self.languages).files
        english, other = self.languages
        check_available(self._dataset, tmp_dir, _HOST, self.registered_name, (
            f"It also reads WMT's own files from {Path(tmp_dir, _FOLDERS[0])}: training/*.{english} "
            f"and training/*.{other}, dev/newstest2013.* and test/newstest2014.* (plain or .sgm), from "
            f"https://{_HOST}/wmt14/translation-task.html."))
        return _TFDS_SPLITS

    def pairs(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        folder = self._folder(tmp_dir)
        if folder is not None:
            pairs = find_wmt(folder, self.languages).pairs(split, self.most_characters)
        else:
            pairs = self._tfds_pairs(split, tmp_dir)
        return ({"inputs": english, "targets": other} for english, other in pairs)

    def _tfds_pairs(self, split: str, tmp_dir: str) -> Iterator[tuple[str, str]]:
        where = f"{self._dataset} {_TFDS_SPLITS[split]}"
        note(f"read from TFDS: {self._dataset}")
        examples = tfds_examples(self._dataset, _TFDS_SPLITS[split], tmp_dir, scalars=True)
        for number, example in enumerate(examples, start=1):
            texts = [example[language].decode("utf-8", "replace").strip() for language in self.languages]
            fault = next(filter(None, (fault_of(text, self.most_characters) for text in texts)), "")
            if fault:
                skip(fault, where, number)
            else:
                yield texts[0], texts[1]

    @property
    def _dataset(self) -> str:
        return f"wmt14_translate/{self.languages[1]}-{self.languages[0]}"

    @staticmethod
    def _folder(tmp_dir: str) -> Path | None:
        return next((folder for folder in (Path(tmp_dir, name) for name in _FOLDERS) if folder.is_dir()), None)


@registry.register_problem("translate_ende_wmt14")
class TranslateEndeWmt14(Wmt14Translation):
    """English to German news: WMT 2014, about 4.5 million pairs to train on, newstest2013 and newstest2014."""

    command = "to-german"
    reverse_command = "to-english"
    languages = ("en", "de")


@registry.register_problem("translate_enfr_wmt14")
class TranslateEnfrWmt14(Wmt14Translation):
    """English to French news: WMT 2014, about 40 million pairs to train on, newstest2013 and newstest2014."""

    command = "to-french"
    reverse_command = "to-english"
    languages = ("en", "fr")
