"""Sound as its samples."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from t2t_mm.data import audio
from t2t_mm.data.features.audio import TOKEN_SECONDS, Audio


@dataclasses.dataclass(frozen=True)
class Waveform(Audio):
    """Sound as float32 [samples, 1] in [-1, 1]; values and storage as of Audio. `x_length` counts samples."""

    mel_bins: int = 1  # columns of the batch
    modality: ClassVar[str] = "audio_waveform"

    @property
    def frames_per_token(self) -> int:
        """Samples that count as one token where the size of a batch is set: those of 0.32 s."""
        return round(TOKEN_SECONDS * self.sample_rate)

    def parse(self, name: str, columns: dict) -> dict:
        import tensorflow as tf
        samples = audio.parse_int16_bytes(columns[name])  # [samples]
        return {name: samples[:, None], f"{name}_length": tf.shape(samples)[0]}
