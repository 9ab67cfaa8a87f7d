"""Utterances made of recordings: strung together with pauses, played at another speed, in other loudness, in noise.

Random draws are in the order in which they are written here, so that the same generator makes the same sound.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

PAUSE_SECONDS = (0.03, 0.25)
PEAK = 0.5  # of a recording, so that 6 dB more are not clipped


def strung_together(clips: Iterable[np.ndarray], rate: int, random: np.random.Generator,
                    speed_change: float = 0.0) -> np.ndarray:
    """Clips [samples] one after the other, float64 [samples]; a pause of 0.03 to 0.25 s before, between and after.

    Each is played at its own speed, up to `speed_change` (0.1: 10 %) slower or faster; with 0 it is left as it is.
    """
    parts = [_pause(rate, random)]
    for clip in clips:
        if speed_change:
            clip = at_speed(clip, random.uniform(1 - speed_change, 1 + speed_change))
        parts += [clip, _pause(rate, random)]
    return np.concatenate(parts)


def at_speed(waveform: np.ndarray, speed: float) -> np.ndarray:
    """The recording [samples] played faster (> 1) or slower (< 1), pitch and all."""
    return np.interp(np.arange(0, len(waveform) - 1, speed), np.arange(len(waveform)), waveform)


def louder_or_softer(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Up to 6 dB louder or softer."""
    return waveform * 10 ** (random.uniform(-6, 6) / 20)


def in_noise(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """With white noise, 25 to 50 dB below the voice."""
    noise = np.sqrt(np.mean(waveform**2)) * 10 ** (random.uniform(-50, -25) / 20)
    return waveform + noise * random.standard_normal(len(waveform))


def at_peak(waveform: np.ndarray) -> np.ndarray:
    """Scaled so that the loudest sample is `PEAK`."""
    return waveform * (PEAK / np.abs(waveform).max())


def finished(waveform: np.ndarray) -> np.ndarray:
    """As float32 in [-1, 1]."""
    return np.clip(waveform, -1, 1).astype(np.float32)


def _pause(rate: int, random: np.random.Generator) -> np.ndarray:
    return np.zeros(int(random.uniform(*PAUSE_SECONDS) * rate))
