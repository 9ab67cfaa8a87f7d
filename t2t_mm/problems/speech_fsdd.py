"""Speech recognition of digit strings: the Free Spoken Digit Dataset (Jackson et al.), its recordings strung together.

https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from t2t_mm import registry
from t2t_mm.data.audio import resample
from t2t_mm.data.features import Audio, Feature, Text
from t2t_mm.data.files.fsdd_folder import Clip, find_fsdd, whole_voices
from t2t_mm.data.files.skipped import skip
from t2t_mm.data.sound_files import EMPTY, UnusableSound, read_sound
from t2t_mm.data.sound_mixing import at_peak, finished, in_noise, louder_or_softer, strung_together
from t2t_mm.data.splitting import split_of
from t2t_mm.problems.problem import Problem, Sample
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K

_RATE = 8000  # Hz, of the recordings
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FEWEST, _MOST = 3, 6  # digits of a string
_SHORTEST = 0.05  # seconds; nobody says a digit faster


@registry.register_problem("speech_fsdd")
class SpeechFsdd(Problem):
    """Spoken digits → words, e.g. "seven three nine": 3,000 recordings of six speakers, strung together.

    Reads `<tmp_dir>/fsdd/`: recordings/*.wav and split.csv. 3 to 6 recordings of ONE speaker make a string, with pauses
    of 0.03 to 0.25 s; all are brought to the same peak. split.csv holds out takes, not speakers (numbers 0 to 4 of the
    50 takes of each digit of each speaker): test strings have new recordings of voices that were trained on. Of the
    training takes a tenth is dev. So no recording is in two splits, and no string of digits either.
    12,000 train, 500 dev and 500 test strings. Of the training strings a fifth has one digit and a fifth two, so that
    hearing can be learned before alignment; they are changed in speed (10 %) and loudness (6 dB), half of them are in
    white noise (25 to 50 dB below the voice). dev and test are as recorded.
    """

    command = "to-transcript"
    metrics = ("wer", "cer", "exact_match")
    vocabulary = MULTIMODEL_8K
    strings = {"train": 12_000, "dev": 500, "test": 500}

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Audio(_RATE, mel_bins=40), "targets": Text(self.vocabulary)}

    def check_sources(self, tmp_dir: str) -> None:
        for split in self.splits:
            self._voices(split, tmp_dir)

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        voices = self._voices(split, tmp_dir)
        recordings = {clip.name: sound for clips in voices.values() for clip in clips
                      if (sound := _recording(clip)) is not None}
        heard = [clip for clips in voices.values() for clip in clips if clip.name in recordings]
        voices = whole_voices(heard, split, self.name)
        for index, string in enumerate(_strings(split, voices, self.strings[split])):
            random = np.random.default_rng([_stream(split), 1, index])
            sounds = [recordings[clip.name] for clip in string]
            yield {"inputs": _spoken(sounds, random, varied=split == "train"), "targets": _text(string)}

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        """The strings, without reading a recording."""
        return map(_text, _strings("train", self._voices("train", tmp_dir), self.strings["train"]))

    def _voices(self, split: str, tmp_dir: str) -> dict[str, list[Clip]]:
        return whole_voices(find_fsdd(Path(tmp_dir, "fsdd"), self.name)[split], split, self.name)


def _strings(split: str, voices: dict[str, list[Clip]], count: int) -> Iterator[list[Clip]]:
    """The recordings of each string of a split; whose a string of three or more digits is, the hash of its text says.

    Every speaker of `voices` has all digits, so there is always such a string.
    """
    random = np.random.default_rng([_stream(split), 0])
    speakers = list(voices.values())
    made = 0
    while made < count:
        clips = speakers[random.integers(len(speakers))]
        string = [clips[number] for number in random.integers(len(clips), size=_draw_length(split, random))]
        if len(string) < _FEWEST or split_of(_text(string)) == split:
            made += 1
            yield string


def _draw_length(split: str, random: np.random.Generator) -> int:
    kind = int(random.integers(1, 6)) if split == "train" else _FEWEST
    return kind if kind < _FEWEST else int(random.integers(_FEWEST, _MOST + 1))


def _stream(split: str) -> int:
    return ("train", "dev", "test").index(split)


def _text(string: list[Clip]) -> str:
    return " ".join(_WORDS[clip.digit] for clip in string)


def _spoken(sounds: list[np.ndarray], random: np.random.Generator, varied: bool) -> np.ndarray:
    """A string as a waveform float32 [samples] in [-1, 1] at 8 kHz."""
    waveform = strung_together(sounds, _RATE, random, speed_change=0.1 if varied else 0.0)
    if varied:
        waveform = louder_or_softer(waveform, random)
        waveform = in_noise(waveform, random) if random.random() < 0.5 else waveform
    return finished(waveform)


def _recording(clip: Clip) -> np.ndarray | None:
    """A recording as float32 [samples], its mean 0 and its peak 0.5; None, and told, if it is of no use."""
    try:
        waveform, rate = read_sound(clip.path)
    except UnusableSound as error:
        skip(error.reason, clip.path, detail=error.detail)
        return None
    waveform = resample(waveform, rate, _RATE)
    if len(waveform) < _SHORTEST * _RATE or not np.ptp(waveform):
        skip(EMPTY, clip.path)
        return None
    return at_peak(waveform - waveform.mean()).astype(np.float32)
