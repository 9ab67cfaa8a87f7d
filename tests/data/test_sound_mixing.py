"""Laws of sound made of recordings: pauses, speed, loudness and noise are as promised; old data can be made again."""

import numpy as np
import pytest

from t2t_mm.data import sound_mixing

RATE = 8000
CLIPS = [np.sin(np.arange(length) / 3) / 2 for length in (800, 1600, 400)]


def by_hand(clips, random):
    """A spoken code, in the order of draws of which data were made before."""
    parts = [np.zeros(int(random.uniform(0.03, 0.25) * RATE))]
    for clip in clips:
        times = np.arange(0, len(clip) - 1, random.uniform(0.9, 1.1))
        parts += [np.interp(times, np.arange(len(clip)), clip), np.zeros(int(random.uniform(0.03, 0.25) * RATE))]
    waveform = np.concatenate(parts) * 10 ** (random.uniform(-6, 6) / 20)
    noise = np.sqrt(np.mean(waveform**2)) * 10 ** (random.uniform(-50, -25) / 20)
    return np.clip(waveform + noise * random.standard_normal(len(waveform)), -1, 1).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_draws_make_the_same_sound_bit_by_bit(seed):
    random = np.random.default_rng([seed, 1])
    waveform = sound_mixing.strung_together(CLIPS, RATE, random, speed_change=0.1)
    waveform = sound_mixing.in_noise(sound_mixing.louder_or_softer(waveform, random), random)
    np.testing.assert_array_equal(sound_mixing.finished(waveform), by_hand(CLIPS, np.random.default_rng([seed, 1])))


def test_unchanged_clips_stand_between_pauses():
    waveform = sound_mixing.strung_together(CLIPS, RATE, np.random.default_rng(3))
    rest = waveform
    for clip in CLIPS:
        start = np.flatnonzero(rest)[0] - 1  # a clip begins with sin(0)
        assert 0.03 <= start / RATE <= 0.25
        np.testing.assert_array_equal(rest[start:start + len(clip)], clip)
        rest = rest[start + len(clip):]
    assert 0.03 <= len(rest) / RATE <= 0.25 and not rest.any()


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_a_faster_clip_is_shorter_and_higher(speed):
    clip = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)
    played = sound_mixing.at_speed(clip, speed)
    assert abs(len(played) * speed - len(clip)) <= 2
    peak = np.abs(np.fft.rfft(played)).argmax() * RATE / len(played)
    assert abs(peak - 100 * speed) < 1.5


def test_loudness_and_noise_keep_their_bounds():
    waveform = CLIPS[1]
    for seed in range(20):
        random = np.random.default_rng(seed)
        factor = sound_mixing.louder_or_softer(waveform, random)[5] / waveform[5]
        assert 10 ** (-6 / 20) <= factor <= 10 ** (6 / 20)
        noise = sound_mixing.in_noise(waveform, random) - waveform
        assert -51 < 20 * np.log10(noise.std() / np.sqrt(np.mean(waveform**2))) < -24


def test_a_sound_is_brought_to_its_peak_and_finished_within_full_scale():
    assert np.abs(sound_mixing.at_peak(CLIPS[0] / 70)).max() == pytest.approx(0.5)
    finished = sound_mixing.finished(CLIPS[0] * 3)
    assert finished.dtype == np.float32 and np.abs(finished).max() == 1
