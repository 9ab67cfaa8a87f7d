"""Laws of audio: spectrograms agree with a plain NumPy computation, resampling keeps tones, wav files come back."""

import io
import wave

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data import audio
from t2t_mm.errors import UserError

RNG = np.random.default_rng(2)


def tone(hertz, rate, seconds, phase=0.3):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate + phase)).astype(np.float32)


def naive_log_mel(samples, rate, bins):
    """Frame by frame with the DFT as a sum and each filter drawn on its own, in float64."""
    window, hop = int(round(0.025 * rate)), int(round(0.010 * rate))
    size = 1
    while size < window:
        size *= 2
    samples = np.concatenate([samples, np.zeros(max(0, window - len(samples)))]).astype(np.float64)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frequencies = np.arange(size // 2 + 1) * rate / size
    basis = np.exp(-2j * np.pi * np.outer(np.arange(window), np.arange(size // 2 + 1)) / size)

    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)

    step = (mel(rate / 2) - mel(20)) / (bins + 1)
    frames = []
    for start in range(0, len(samples) - window + 1, hop):
        power = np.abs((samples[start:start + window] * hann) @ basis) ** 2
        distance = [np.abs(mel(frequencies) - (mel(20) + (b + 1) * step)) / step for b in range(bins)]
        frames.append([np.log(1e-3 + np.sum(power * np.clip(1 - d, 0, None))) for d in distance])
    frames = np.array(frames)
    return (frames - frames.mean(axis=0)) / np.sqrt(frames.var(axis=0) + 1e-6)


@pytest.mark.parametrize("rate, bins", [(8000, 16), (16000, 40), (22050, 80)])
def test_log_mel_agrees_with_the_plain_computation(rate, bins):
    samples = tone(440, rate, 0.2) * np.linspace(0, 1, int(rate * 0.2)) + RNG.normal(0, 0.05, int(rate * 0.2))
    ours = audio.log_mel(tf.constant(samples, tf.float32), rate, bins).numpy()
    np.testing.assert_allclose(ours, naive_log_mel(samples, rate, bins), atol=5e-3)


@pytest.mark.parametrize("length", [1, 199, 200, 201, 279, 280, 281, 1000])
def test_frame_count_is_the_number_of_frames(length):
    samples = tf.constant(RNG.uniform(-1, 1, length), tf.float32)
    frames = audio.log_mel(samples, 8000, 10)
    assert frames.shape == (int(audio.frame_count(samples, 8000)), 10)
    assert len(frames) == (1 if length < 280 else 1 + (length - 200) // 80)
    assert np.isfinite(frames).all()


def test_every_bin_has_mean_0_and_variance_1_whatever_the_loudness():
    samples = tf.constant(RNG.normal(0, 0.1, 8000), tf.float32)
    frames = audio.log_mel(samples, 8000, 20).numpy()
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-3)
    silence = audio.log_mel(tf.zeros(4000), 8000, 20).numpy()
    np.testing.assert_allclose(silence, 0, atol=1e-3)


@pytest.mark.parametrize("rate, bins", [(8000, 40), (16000, 80)])
def test_mel_filters_are_triangles_that_sum_to_one_between_their_peaks(rate, bins):
    filters = audio.mel_filters(rate, bins, 8192)
    frequencies = np.arange(4097) * rate / 8192
    peaks = frequencies[filters.argmax(axis=0)]
    assert (np.diff(peaks) > 0).all() and filters.min() >= 0 and filters.max() <= 1
    inside = (frequencies > peaks[0]) & (frequencies < peaks[-1])
    np.testing.assert_allclose(filters[inside].sum(axis=1), 1, atol=0.1)
    assert not filters[frequencies < 20].any()


@pytest.mark.parametrize("rate, new_rate", [(16000, 8000), (8000, 16000), (44100, 16000), (22050, 8000)])
def test_resampling_keeps_a_tone_and_its_phase(rate, new_rate):
    before, after = tone(440, rate, 0.5), tone(440, new_rate, 0.5)
    resampled = audio.resample(before, rate, new_rate)
    assert abs(len(resampled) - len(after)) <= 1
    middle = slice(new_rate // 20, -new_rate // 20)
    np.testing.assert_allclose(resampled[:len(after)][middle], after[middle], atol=5e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    resampled = audio.resample(tone(6000, 16000, 0.5), 16000, 8000)
    assert np.abs(resampled[400:-400]).max() < 0.01


@pytest.mark.parametrize("rate, new_rate", [(22050, 16000), (8000, 16000), (48000, 16000), (16001, 16000)])
def test_the_ends_of_a_resampled_sound_ring_little(rate, new_rate):
    """Though its end differs from its start, and a periodic transform takes them for neighbours."""
    steady, ramp = np.full(rate, 0.4, np.float32), np.linspace(-0.8, 0.8, rate, dtype=np.float32)
    np.testing.assert_allclose(audio.resample(steady, rate, new_rate), 0.4, atol=1e-6)
    np.testing.assert_allclose(audio.resample(ramp, rate, new_rate), np.linspace(-0.8, 0.8, new_rate), atol=2e-3)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 441, 1000])
def test_resampling_gives_the_length_rounded_up_and_finite_values(length):
    samples = RNG.uniform(-1, 1, length).astype(np.float32)
    for rate, new_rate in ((44100, 16000), (8000, 11025), (8000, 8000)):
        resampled = audio.resample(samples, rate, new_rate)
        assert len(resampled) == -(-length * new_rate // rate) and np.isfinite(resampled).all()
    np.testing.assert_array_equal(audio.resample(samples, 8000, 8000), samples)


def test_a_wav_file_comes_back(tmp_path):
    samples = RNG.uniform(-1, 1, 300).astype(np.float32)
    (tmp_path / "a.wav").write_bytes(audio.wav_bytes(samples, 8000))
    read, rate = audio.read_wav(tmp_path / "a.wav")
    assert rate == 8000
    np.testing.assert_allclose(read, samples, atol=1e-4)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_files_of_every_width_are_read_and_channels_averaged(width, tmp_path):
    left, right = RNG.uniform(-0.9, 0.9, (2, 50))
    scaled = np.rint(np.stack([left, right], axis=1) * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        scaled += 128
    content = b"".join(int(n).to_bytes(width, "little", signed=width > 1) for n in scaled.ravel())
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((2, width, 16000, 0, "NONE", ""))
        file.writeframes(content)
    (tmp_path / "b.wav").write_bytes(out.getvalue())
    read, rate = audio.read_wav(tmp_path / "b.wav")
    assert rate == 16000 and read.shape == (50,)
    np.testing.assert_allclose(read, (left + right) / 2, atol=1.5 / 2 ** (8 * width - 1) + 1e-6)


def test_what_is_no_wav_file_is_a_user_error(tmp_path):
    for content in (b"", b"RIFF", b"no wav file at all"):
        (tmp_path / "c.wav").write_bytes(content)
        with pytest.raises(UserError, match="not a PCM wav"):
            audio.read_wav(tmp_path / "c.wav")
    with pytest.raises(UserError, match="positive"):
        audio.resample(np.zeros(5, np.float32), 0, 8000)
