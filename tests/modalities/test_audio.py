"""The audio door: frames become fewer positions, and padding, whatever it holds, stays outside."""

import numpy as np
import pytest
import tensorflow as tf
from door_cases import door

BINS = 10


def sound(rows, frames, seed=1):
    return tf.random.stateless_normal([rows, frames, BINS], [seed, 2])


@pytest.mark.parametrize("filters, shorter", [((4, 4), 4), ((4, 4, 6), 8), ((4, 4, 6, 8), 16)])
@pytest.mark.parametrize("frames", [1, 7, 32])
def test_four_frames_are_stacked_and_each_block_halves_the_rest(frames, filters, shorter):
    stream = door("audio", audio_filters=filters).bottom(sound(2, frames), tf.constant([frames, frames]))
    positions = -(-frames // shorter)
    assert stream.x.shape == (2, positions, 16)
    np.testing.assert_array_equal(stream.presence, np.ones((2, positions)))


def test_without_lengths_all_frames_count():
    audio = door("audio")
    one, other = audio.bottom(sound(2, 12)), audio.bottom(sound(2, 12), tf.constant([12, 12]))
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.presence, other.presence)


@pytest.mark.parametrize("length", [1, 5, 12])
@pytest.mark.parametrize("extra", [1, 20])
def test_padded_frames_change_nothing_whatever_they_hold(length, extra):
    audio, x = door("audio"), sound(1, length)
    stream = audio.bottom(x, tf.constant([length]))
    longer = audio.bottom(tf.concat([x, 5 * sound(1, extra, 3)], 1), tf.constant([length]))
    positions = stream.x.shape[1]
    np.testing.assert_allclose(longer.x[:, :positions], stream.x, rtol=1e-4, atol=1e-4)
    assert (longer.x.numpy()[:, positions:] == 0).all()
    np.testing.assert_array_equal(longer.presence[0], np.arange(longer.x.shape[1]) < positions)


def test_every_frequency_is_heard():
    audio, x = door("audio", audio_filters=(16, 16, 16)), tf.zeros([BINS + 1, 8, BINS]).numpy()
    for band in range(BINS):
        x[band, :, band] = 1
    y = audio.bottom(tf.constant(x)).x.numpy()
    assert min(np.abs(y[band] - y[-1]).max() for band in range(BINS)) > 1e-3


@pytest.mark.parametrize("samples", [1, 256, 700])
def test_a_waveform_becomes_256_times_shorter(samples):
    x = tf.random.stateless_normal([2, samples, 1], [1, 2])
    stream = door("audio_waveform").bottom(x, tf.constant([samples, 1]))
    positions = -(-samples // 256)
    assert stream.x.shape == (2, positions, 16)
    np.testing.assert_array_equal(stream.presence, [[1] * positions, [1] + [0] * (positions - 1)])


def test_padded_samples_change_nothing_whatever_they_hold():
    waveform, x = door("audio_waveform"), tf.random.stateless_normal([1, 300, 1], [1, 2])
    stream = waveform.bottom(x, tf.constant([300]))
    longer = waveform.bottom(tf.concat([x, 5 * x], 1), tf.constant([300]))
    np.testing.assert_allclose(longer.x[:, :2], stream.x, rtol=1e-4, atol=1e-4)
    assert (longer.x.numpy()[:, 2:] == 0).all()
