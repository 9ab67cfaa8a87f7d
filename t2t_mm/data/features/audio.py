"""Sound as log-mel frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from t2t_mm.data import audio
from t2t_mm.data.features.feature import Feature, Stored, existing_file
from t2t_mm.data.files.skipped import skip
from t2t_mm.data.sound_files import SoundFile, UnusableSound, read_sound
from t2t_mm.errors import UserError

TOKEN_SECONDS = 0.32  # of sound fill a batch as much as a token of text does; speech has about a subword in that time


@dataclasses.dataclass(frozen=True)
class Audio(Feature):
    """Sound as log-mel frames, float32 [frames, mel_bins]: windows of 25 ms every 10 ms, normalised per utterance.

    Values are mono waveforms [samples]: float in [-1, 1], or int16; at `sample_rate`, or as a pair
    (waveform, rate) at any rate; or files (data/sound_files.py, `SoundFile`), of which those without a usable sound
    are left out when many are encoded. Stored as little-endian int16. `x_length` (int32 scalar) counts the frames.
    """

    sample_rate: int
    mel_bins: int = 40
    modality: ClassVar[str] = "audio"

    def __post_init__(self):
        if self.sample_rate < 1000 or self.mel_bins < 1:
            raise UserError(f"Audio needs a sample rate of at least 1000 Hz and at least one mel bin; got {self}.")

    def encode(self, value: Any, encoder: Any = None) -> Stored:
        if isinstance(value, SoundFile):
            value = value.read()
        waveform, rate = value if isinstance(value, tuple) else (value, self.sample_rate)
        samples = audio.resample(audio.check_waveform(waveform), rate, self.sample_rate)
        return {"": audio.to_int16_bytes(samples)}

    def encode_many(self, values: Sequence[Any], encoder: Any = None) -> list[Stored | None]:
        encoded: list[Stored | None] = []
        for value in values:
            try:
                encoded.append(self.encode(value, encoder))
            except UnusableSound as error:
                skip(error.reason, value.path, detail=", ".join(filter(None, [error.detail, value.where])))
                encoded.append(None)
        return encoded

    def parse(self, name: str, columns: dict) -> dict:
        samples = audio.parse_int16_bytes(columns[name])  # [samples]
        frames = audio.log_mel(samples, self.sample_rate, self.mel_bins)  # [frames, mel_bins]
        return {name: frames, f"{name}_length": audio.frame_count(samples, self.sample_rate)}

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: (None, self.mel_bins), f"{name}_length": ()}

    @property
    def frames_per_token(self) -> int:
        """Frames that count as one token where the size of a batch is set: 32."""
        return round(TOKEN_SECONDS / audio.HOP_SECONDS)

    def length(self, tensors: dict, name: str):
        return -(-tensors[f"{name}_length"] // self.frames_per_token)

    def describe(self, value: Any) -> str:
        if isinstance(value, bytes):
            return f"audio {len(value) / 2 / self.sample_rate:.1f} s"
        if isinstance(value, SoundFile):
            return f"audio {value.path.name}"
        waveform, rate = value if isinstance(value, tuple) else (value, self.sample_rate)
        return f"audio {len(waveform) / rate:.1f} s"

    def read(self, argument: str) -> tuple[np.ndarray, int]:
        return read_sound(existing_file(argument))
