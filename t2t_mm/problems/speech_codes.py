"""Speech recognition of spoken codes: recordings of letters and digits, strung together."""

from __future__ import annotations

import functools
import importlib.util
import pathlib
import wave
from collections.abc import Iterator

import numpy as np

from t2t_mm import registry
from t2t_mm.data.features import Audio, Feature, Text
from t2t_mm.data.sound_mixing import at_peak, finished, in_noise, louder_or_softer, strung_together
from t2t_mm.data.splitting import split_of
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Problem, Sample

_RATE = 8000  # Hz, of the recordings
_SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"
_COUNTS = {"train": 6000, "dev": 300, "test": 300}
_MOST_SIGNS = 6
_QUIET = 0.0035  # root mean square of 10 ms below which ends are cut off; the hiss of "s" and "f" has 0.005


@registry.register_problem("speech_codes")
class SpeechCodes(Problem):
    """Spoken code of letters and digits → its signs, e.g. "7 k 2": recordings inside `captcha`, strung together.

    Source: the 36 recordings (0 to 9, a to z; 8 kHz) of the captcha package (BSD-3-Clause). This is thin: one take of
    each sign, so one voice; variety comes from the order, pauses (0.03 to 0.25 s), speed (± 10 %), loudness (± 6 dB)
    and white noise (25 to 50 dB below the voice). It shows that listening and alignment are learned, not that the
    model would understand anybody else.
    6,000 train, 300 dev and 300 test codes. A quarter of the training codes has one sign, a quarter two, the rest 3 to
    6, so that hearing can be learned before alignment; dev and test have codes of 2 to 6 signs, each once and in one
    split only, while training codes of one or two signs come again with another noise.
    """

    command = "to-transcript"
    needs = ("captcha",)
    extra = "demo"
    metrics = ("cer", "wer", "exact_match")

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Audio(_RATE, mel_bins=26), "targets": Text("subwords:demo")}

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        voice = _recordings()
        for index, code in enumerate(_codes(split)):
            random = np.random.default_rng([_stream(split), 1, index])
            yield {"inputs": _speak(code, voice, random), "targets": code}

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        """The codes, without speaking them."""
        return _codes("train")


def _codes(split: str) -> Iterator[str]:
    """The codes of a split, e.g. "7 k 2"; which split a code of two or more signs is in, its hash decides."""
    random = np.random.default_rng([_stream(split), 0])
    seen: set[str] = set()
    while len(seen) < _COUNTS[split]:
        code = " ".join(_SIGNS[i] for i in random.integers(len(_SIGNS), size=_draw_length(split, random)))
        if split == "train":
            if len(code) == 1 or split_of(code) == split:
                seen.add(f"{len(seen)} {code}")  # may come again
                yield code
        elif split_of(code) == split and code not in seen:
            seen.add(code)
            yield code


def _draw_length(split: str, random: np.random.Generator) -> int:
    if split != "train":
        return int(random.integers(2, _MOST_SIGNS + 1))
    kind = random.integers(4)
    return int(kind + 1) if kind < 2 else int(random.integers(3, _MOST_SIGNS + 1))


def _stream(split: str) -> int:
    return list(_COUNTS).index(split)


def _speak(code: str, voice: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A code as a waveform float32 [samples] in [-1, 1] at 8 kHz."""
    waveform = strung_together((voice[sign] for sign in code.split()), _RATE, random, speed_change=0.1)
    return finished(in_noise(louder_or_softer(waveform, random), random))


@functools.lru_cache(maxsize=1)
def _recordings() -> dict[str, np.ndarray]:
    """Sign → waveform float64 [samples] in [-0.5, 0.5], without the silence at its ends."""
    folder = pathlib.Path(importlib.util.find_spec("captcha").submodule_search_locations[0], "data")
    voice = {}
    for sign in _SIGNS:
        takes = sorted(path for name in {sign, sign.upper()} for path in folder.glob(f"{name}/*.wav"))
        if not takes:
            raise UserError(f"speech_codes needs the recordings of 0-9 and A-Z inside the package captcha, but this "
                            f"version has none of {sign.upper()!r}. Install with: pip install -U captcha")
        voice[sign] = _trimmed(_read(takes[0]))
    return voice


def _read(path: pathlib.Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getsampwidth(), file.getnchannels()) != (_RATE, 1, 1):
            raise UserError(f"speech_codes needs 8-bit mono recordings at {_RATE} Hz; {path} is of another kind. "
                            "Install the version of captcha that setup.cfg names.")
        return np.frombuffer(file.readframes(-1), np.uint8) / 128.0 - 1.0


def _trimmed(waveform: np.ndarray) -> np.ndarray:
    """Without quiet ends, the loudest sample at 0.5."""
    waveform = waveform - waveform.mean()
    power = np.convolve(waveform**2, np.full(_RATE // 100, 100 / _RATE), "same")
    loud = np.flatnonzero(power > _QUIET**2)
    waveform = waveform[loud[0]:loud[-1] + 1]
    return at_peak(waveform)
