"""What problems of sound → text from files share: transcribed speech, and whatever else is sounds with texts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from t2t_mm.data.features import Audio, Feature, Text
from t2t_mm.data.files.skipped import note
from t2t_mm.data.files.splits import divided
from t2t_mm.data.files.utterances import Utterance
from t2t_mm.data.sound_files import SoundFile, check_can_read
from t2t_mm.problems.problem import Problem, Sample
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K

_LOOKED_AT = 1000  # utterances


class SoundToText(Problem):
    """Sound → text. A subclass writes `given_splits` and `utterances`; missing splits are made of the training data.

    Sounds are brought to `sample_rate` and one channel; those that cannot be read, are empty or last longer than
    `most_seconds` are left out and listed.
    """

    command = "to-transcript"
    metrics = ("wer", "cer", "exact_match")
    vocabulary = MULTIMODEL_8K
    sample_rate = 16_000
    mel_bins = 80
    most_seconds = 40.0  # about what max_length of the hparams, 128 units of 0.32 s, lets through

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Audio(self.sample_rate, self.mel_bins), "targets": Text(self.vocabulary)}

    def given_splits(self, tmp_dir: str) -> Collection[str]:
        """The splits that have files; UserError that says what to put where if there are none."""
        raise NotImplementedError

    def utterances(self, split: str, tmp_dir: str) -> Iterator[Utterance]:
        """The utterances of a split that has files; no file of sound is opened."""
        raise NotImplementedError

    def check_sources(self, tmp_dir: str) -> None:
        for split in self.given_splits(tmp_dir):
            for utterance in itertools.islice(self.utterances(split, tmp_dir), 1):
                if isinstance(utterance.sound, Path):
                    check_can_read(utterance.sound)

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        return map(self._sample, self._divided(split, tmp_dir))

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        """The texts, without reading a sound."""
        return (utterance.text for utterance in self._divided("train", tmp_dir))

    def _sample(self, utterance: Utterance) -> Sample:
        sound = utterance.sound
        if isinstance(sound, Path):
            sound = SoundFile(sound, self.most_seconds, utterance.where)
        return {"inputs": sound, "targets": utterance.text}

    def _divided(self, split: str, tmp_dir: str) -> Iterator[Utterance]:
        def read(part: str) -> Iterator[Utterance]:
            return self.utterances(part, tmp_dir)

        given = self.given_splits(tmp_dir)
        return divided(split, given, read, _source(given, read, len(self.splits)), self.name)


def _source(given: Collection[str], read: Callable[[str], Iterator[Utterance]],
            splits: int) -> Callable[[Utterance], str]:
    """What must not be in two splits: the text; or, where texts come again and again, the recording."""
    if "train" not in given or len(given) == splits:
        return lambda utterance: utterance.text
    texts = [utterance.text for utterance in itertools.islice(read("train"), _LOOKED_AT)]
    if len(set(texts)) > len(texts) // 2:
        note("splits that are made by hash go by the text: no text is in two of them")
        return lambda utterance: utterance.text
    note("splits that are made by hash go by the names of the recordings: few texts are different")
    return lambda utterance: utterance.name
