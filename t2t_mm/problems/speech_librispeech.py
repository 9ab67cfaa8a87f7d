"""Speech recognition of read English books: LibriSpeech (Panayotov et al. 2015, ICASSP, openslr.org/12)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from t2t_mm import registry
from t2t_mm.data.files.librispeech_folder import find_librispeech, read_librispeech
from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.tfds_reader import check_available, prepared_folder, tfds_examples
from t2t_mm.data.files.utterances import Utterance
from t2t_mm.data.sound_files import EMPTY
from t2t_mm.errors import UserError
from t2t_mm.problems.sound_to_text import SoundToText

_FOLDERS = ("LibriSpeech", "librispeech/LibriSpeech", "librispeech")
_DATASETS = ("librispeech/default", "librispeech")  # TFDS: with the configuration, as of 2.1.1; before it had none
_HOST = "www.openslr.org"
_TFDS_SPLITS = {"train": ("train_clean100", "train_clean360", "train_other500"), "dev": ("dev_clean",),
                "test": ("test_clean",)}
_RATE = 16_000  # Hz


@registry.register_problem("speech_librispeech")
class SpeechLibrispeech(SoundToText):
    """Read English → its words in small letters: LibriSpeech, dev-clean and test-clean (CC BY 4.0).

    Reads `<tmp_dir>/LibriSpeech/`: train-clean-100 and so on, whatever train-* is there (100, 460 or 960 hours; 28,539,
    132,553 or 281,241 utterances), dev-clean (2,703) and test-clean (2,620), each with <speaker>/<chapter>/*.flac and
    .trans.txt. Else TFDS's `librispeech`, prepared before or downloaded. A split without a folder is made of the
    training data, by a hash of the words.
    """

    shards = {"train": 64, "dev": 1, "test": 1}

    def given_splits(self, tmp_dir: str) -> Collection[str]:
        root = self._root(tmp_dir)
        if root is not None:
            return find_librispeech(root)
        dataset = self._dataset(tmp_dir)
        check_available(dataset, tmp_dir, _HOST, self.registered_name, (
            f"It also reads LibriSpeech's own files from {Path(tmp_dir, _FOLDERS[0])}: train-clean-100, dev-clean, "
            f"test-clean and so on, unpacked from https://{_HOST}/12."))
        return _TFDS_SPLITS

    def utterances(self, split: str, tmp_dir: str) -> Iterator[Utterance]:
        root = self._root(tmp_dir)
        return read_librispeech(find_librispeech(root)[split]) if root else self._tfds_utterances(split, tmp_dir)

    def check_sources(self, tmp_dir: str) -> None:
        if self._root(tmp_dir) is None:
            self.given_splits(tmp_dir)  # a first example would download it all
        else:
            super().check_sources(tmp_dir)

    def _tfds_utterances(self, split: str, tmp_dir: str) -> Iterator[Utterance]:
        dataset = self._dataset(tmp_dir)
        for part in self._parts(split, dataset, tmp_dir):
            note(f"{split} is read from TFDS: {dataset} {part}")
            for number, example in enumerate(tfds_examples(dataset, part, tmp_dir), start=1):
                name, text = (example[key].decode("utf-8", "replace").strip() for key in ("id", "text"))
                samples = np.clip(example["speech"], -(2**15), 2**15 - 1).astype(np.int16)
                fault = self._fault(samples, text)
                if fault:
                    skip(fault, f"{dataset} {part}", number, name)
                else:
                    yield Utterance(name, (samples, _RATE), text.lower())

    def _fault(self, samples: np.ndarray, text: str) -> str:
        if not text or not samples.size:
            return EMPTY if text else "no text"
        return f"longer than {self.most_seconds:g} s" if len(samples) > self.most_seconds * _RATE else ""

    @staticmethod
    def _parts(split: str, dataset: str, tmp_dir: str) -> list[str]:
        """Those parts of a split that are prepared, in order; all if nothing is."""
        folder = prepared_folder(dataset, tmp_dir)
        if folder is None:
            return list(_TFDS_SPLITS[split])
        names = {part["name"] for part in json.loads((folder / "dataset_info.json").read_text())["splits"]}
        parts = [part for part in _TFDS_SPLITS[split] if part in names]
        if not parts:
            raise UserError(f"{folder} has none of {', '.join(_TFDS_SPLITS[split])}, which make {split}; it has "
                            f"{', '.join(sorted(names))}. Prepare all of {dataset} with TFDS.")
        return parts

    @staticmethod
    def _dataset(tmp_dir: str) -> str:
        return next((name for name in _DATASETS if prepared_folder(name, tmp_dir)), _DATASETS[0])

    @staticmethod
    def _root(tmp_dir: str) -> Path | None:
        folders = (Path(tmp_dir, name) for name in _FOLDERS)
        return next((folder for folder in folders if folder.is_dir()
                     and any(folder.glob("*-*/*/*/*.trans.txt"))), None)
