"""Translation of picture descriptions between English, German and French: Multi30k, task 1.

Elliott et al. 2016 (arXiv:1605.00459); French: Elliott et al. 2017 (ACL W17-4718).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.files.held_out import FLICKR8K, MULTI30K, REASON, HeldOut, held_out_by
from t2t_mm.data.files.parallel_text import check_line_counts, parallel_lines
from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.text_lines import find_text
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Sample
from t2t_mm.problems.text_pairs import TextPairs

_STEMS = {"train": ("train",), "dev": ("val", "dev", "valid"),
          "test": ("test_2016_flickr", "test_2016", "test2016", "flickr2016", "test")}
_WHERE = "https://github.com/multi30k/dataset (data/task1/raw/*.gz, data/task1/image_splits/)"


class Multi30kTranslation(TextPairs):
    """Text → text of `<tmp_dir>/multi30k/`: train, val and test_2016_flickr with the endings .en, .de, .fr (or .gz).

    Where Flickr8k's captions lie beside it, training sentences about pictures that Flickr8k holds out are left out
    (by picture, `images.train.txt`, and by their English words), so that joint training with captions sees no test
    picture's sentence; `leave_out_held_out = False` keeps them.
    """

    languages: ClassVar[tuple[str, str]]
    leave_out_held_out = True

    def given_splits(self, tmp_dir: str) -> list[str]:
        given = [split for split in _STEMS if all(self._paths(split, tmp_dir))]
        for split in given:
            check_line_counts(self._paths(split, tmp_dir))
        if "train" not in given:
            folder, names = Path(tmp_dir, MULTI30K), " and ".join(f"train.{language}" for language in self.languages)
            raise UserError(f"{self.registered_name} reads Multi30k from {folder}, which "
                            f"{f'has no {names}' if folder.is_dir() else 'does not exist'}. Put there {names}, val.* "
                            f"and test_2016_flickr.*, plain or .gz, and images.train.txt, from {_WHERE}; or name the "
                            "folder above with --tmp_dir.")
        return given

    def pairs(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        paths = self._paths(split, tmp_dir)
        held_out = held_out_by(FLICKR8K, tmp_dir, self.leave_out_held_out) if split == "train" else None
        if held_out:
            yield from self._without(held_out, paths, tmp_dir)
            return
        for _, (source, target) in parallel_lines(paths, self.most_characters):
            yield {"inputs": source, "targets": target}

    def _without(self, held_out: HeldOut, paths: list[Path], tmp_dir: str) -> Iterator[Sample]:
        folder = Path(tmp_dir, MULTI30K)
        english = find_text(folder, _STEMS["train"], ".en")
        pictures = find_text(folder, ("images.train",), ".txt")
        if pictures is None:
            note(f"{folder} has no images.train.txt: only sentences equal to one of {FLICKR8K} are left out")
        beside = [path for path in (english, pictures) if path is not None]
        for number, (source, target, *others) in parallel_lines([*paths, *beside], self.most_characters):
            sentence = others[0] if english else ""
            if held_out.has(others[-1] if pictures else "", sentence):
                skip(REASON, paths[0], number)
            else:
                yield {"inputs": source, "targets": target}

    def _paths(self, split: str, tmp_dir: str) -> list[Path | None]:
        return [find_text(Path(tmp_dir, MULTI30K), _STEMS[split], f".{language}") for language in self.languages]


@registry.register_problem("translate_ende_multi30k")
class TranslateEndeMulti30k(Multi30kTranslation):
    """English to German: descriptions of pictures, 29,000 train, 1,014 dev, 1,000 test pairs (CC BY-NC-SA 4.0)."""

    command = "to-german"
    reverse_command = "to-english"
    languages = ("en", "de")


@registry.register_problem("translate_enfr_multi30k")
class TranslateEnfrMulti30k(Multi30kTranslation):
    """English to French: descriptions of pictures, 29,000 train, 1,014 dev, 1,000 test pairs (CC BY-NC-SA 4.0)."""

    command = "to-french"
    reverse_command = "to-english"
    languages = ("en", "fr")


@registry.register_problem("translate_defr_multi30k")
class TranslateDefrMulti30k(Multi30kTranslation):
    """German to French: descriptions of pictures, for zero-shot translation; sizes as `translate_ende_multi30k`."""

    command = "to-french"
    reverse_command = "to-german"
    languages = ("de", "fr")
