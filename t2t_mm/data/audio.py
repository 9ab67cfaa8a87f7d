"""Audio: waveforms on the host (NumPy), log-mel spectrograms inside tf.data (tf.signal).

The mel scale and its triangular filters follow Young et al., The HTK Book (version 3.4), section 5.4:
mel(f) = 2595 log10(1 + f / 700), filters with corners evenly spaced on that scale.
"""

from __future__ import annotations

import io
import math
import pathlib
import wave

import numpy as np

from t2t_mm.errors import UserError

WINDOW_SECONDS = 0.025
HOP_SECONDS = 0.010
LOG_FLOOR = 1e-3  # added to mel energies before the logarithm: silence stays finite
VARIANCE_FLOOR = 1e-6


def window_and_hop(sample_rate: int) -> tuple[int, int]:
    """Samples in a window of 25 ms and in a hop of 10 ms."""
    return round(WINDOW_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)


def check_waveform(waveform) -> np.ndarray:
    """A mono waveform as float32 [samples] in [-1, 1]; raises UserError for other shapes, types or values."""
    array = np.asarray(waveform)
    if array.ndim != 1 or array.size == 0 or not (array.dtype == np.int16 or array.dtype.kind == "f"):
        raise UserError("A waveform must be a non-empty array [samples] of one channel, float in [-1, 1] or int16; "
                        f"got {array.dtype} of shape {array.shape}.")
    if array.dtype == np.int16:
        return np.maximum(array.astype(np.float32) / 32767, -1)
    if not np.isfinite(array).all() or np.abs(array).max() > 1.0 + 1e-3:
        raise UserError("A float waveform must be finite and lie in [-1, 1]; "
                        f"this one reaches {np.abs(array).max():.4g}. Divide it by its full scale.")
    return np.clip(array, -1, 1).astype(np.float32)


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Band-limited resampling of a float waveform [samples] from `rate` to `new_rate` Hz, without any delay.

    The spectrum is cut or extended with zeros, which is linear-phase. A periodic Fourier transform sees the end beside
    the start: between them the signal goes on mirrored, from the one fading into the other, so that it sees no step.
    """
    if rate < 1 or new_rate < 1:
        raise UserError(f"Sample rates must be positive; asked for {rate} → {new_rate} Hz.")
    if rate == new_rate:
        return waveform
    divisor = math.gcd(rate, new_rate)
    up, down = new_rate // divisor, rate // divisor
    blocks = _fast_length(math.ceil(len(waveform) / down) + math.ceil(0.1 * rate / down))  # of `down` samples each
    margin = blocks * down - len(waveform)
    mirrored = np.pad(waveform.astype(np.float64), (margin, margin), mode="symmetric")
    fade = 0.5 + 0.5 * np.cos(np.pi * (np.arange(margin) + 0.5) / margin)
    between = mirrored[-margin:] * fade + mirrored[:margin] * (1 - fade)
    spectrum = np.fft.rfft(np.concatenate([mirrored[margin:-margin], between]))
    resampled = np.fft.irfft(spectrum, blocks * up) * (up / down)
    wanted = math.ceil(len(waveform) * new_rate / rate)
    return np.clip(resampled[:wanted], -1, 1).astype(np.float32)


def _fast_length(least: int) -> int:
    """The next number with the prime factors 2, 3 and 5 only: transforms take 0.3 to 0.8 of the time (10 s, 22 kHz)."""
    number = least
    while True:
        rest = number
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return number
        number += 1


def to_int16_bytes(waveform: np.ndarray) -> bytes:
    """A float waveform in [-1, 1] as little-endian int16 (full scale 32767)."""
    return np.rint(waveform * 32767).astype("<i2").tobytes()


def read_wav(path: str | pathlib.Path) -> tuple[np.ndarray, int]:
    """A PCM wav file of 8, 16, 24 or 32 bits → (float32 [samples] in [-1, 1], rate); channels are averaged."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise UserError(f"{path} is not a PCM wav file ({error}). Convert it to one first.") from error
    raw = np.frombuffer(data, np.uint8).reshape(-1, channels, width)
    if width == 2:
        samples = np.maximum(raw.view("<i2")[..., 0] / 32767.0, -1).astype(np.float32)
    elif width == 1:
        samples = raw[..., 0].astype(np.float32) / 127.5 - 1
    else:  # shift into the high bytes of an int32
        wide = np.zeros((*raw.shape[:2], 4), np.uint8)
        wide[..., 4 - width:] = raw
        full_scale = 2.0**31 - 2.0 ** (32 - 8 * width)  # so that int16 samples are stored as they are
        samples = np.maximum(wide.view("<i4")[..., 0] / full_scale, -1).astype(np.float32)
    return mixed_down(samples), rate


def mixed_down(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels: float32 [samples, channels] → [samples]."""
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def wav_bytes(waveform: np.ndarray, rate: int) -> bytes:
    """A float waveform [samples] in [-1, 1] as a wav file of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(to_int16_bytes(waveform))
    return out.getvalue()


def mel_filters(sample_rate: int, mel_bins: int, fft_size: int) -> np.ndarray:
    """Triangular filters, float32 [fft_size // 2 + 1, mel_bins], from 20 Hz to half the rate (HTK Book 5.4).

    As in HTK the triangles are linear on the mel scale.
    """
    def mel(hertz):
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    corners = np.linspace(mel(20.0), mel(sample_rate / 2), mel_bins + 2)
    bins = mel(np.arange(fft_size // 2 + 1) * sample_rate / fft_size)[:, None]  # [F, 1]
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def parse_int16_bytes(data):
    """Little-endian int16 bytes (scalar string tensor) → float32 [samples] in [-1, 1]."""
    import tensorflow as tf
    return tf.cast(tf.io.decode_raw(data, tf.int16, little_endian=True), tf.float32) / 32767.0


def frame_count(samples, sample_rate: int):
    """The number of frames of `log_mel`, an int32 scalar tensor; a sound shorter than a window has one."""
    import tensorflow as tf
    window, hop = window_and_hop(sample_rate)
    return 1 + tf.maximum(tf.shape(samples)[0] - window, 0) // hop


def log_mel(samples, sample_rate: int, mel_bins: int):
    """float32 [samples] → log-mel energies [frames, mel_bins], each bin with mean 0 and variance 1 over the frames.

    Periodic Hann windows of 25 ms every 10 ms, all inside the utterance: frames do not depend on the batch it is in.
    """
    import tensorflow as tf
    window, hop = window_and_hop(sample_rate)
    fft_size = 2 ** math.ceil(math.log2(window))
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
    samples = tf.pad(samples, [[0, tf.maximum(window - tf.shape(samples)[0], 0)]])
    spectrum = tf.signal.stft(samples, window, hop, fft_size, lambda *_, **__: hann)  # [frames, fft_size // 2 + 1]
    power = tf.math.real(spectrum * tf.math.conj(spectrum))
    energies = tf.math.log(power @ mel_filters(sample_rate, mel_bins, fft_size) + LOG_FLOOR)  # [frames, mel_bins]
    mean, variance = tf.nn.moments(energies, axes=[0], keepdims=True)
    return tf.ensure_shape((energies - mean) * tf.math.rsqrt(variance + VARIANCE_FLOOR), [None, mel_bins])
