"""Timing, shifting and presence."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import sequence

from t2t_mm.layers.sequence import Timing, add_timing, add_timing_at, presence_of_lengths, shift_right, timing_signal


@pytest.mark.parametrize("channels", [2, 7, 8, 64])
def test_the_timing_signal_is_its_formula(channels):
    positions, half = np.array([0, 1, 5, 333]), (channels + 1) // 2
    wanted = np.zeros((4, 2 * half))
    for row, t in enumerate(positions):
        for i in range(half):
            delta = 1e4 ** (-2 * i / channels)
            wanted[row, i], wanted[row, half + i] = np.sin(t * delta), np.cos(t * delta)
    np.testing.assert_allclose(timing_signal(tf.constant(positions), channels), wanted[:, :channels], atol=1e-4)


def test_no_two_positions_have_the_same_signal():
    signal = timing_signal(tf.range(500), 16).numpy()
    distances = np.abs(signal[:, None] - signal[None]).max(-1) + np.eye(500)
    assert distances.min() > 1e-2


def test_one_position_at_a_time_gives_the_same_signal():
    x = sequence(2, 9, 1)
    y = add_timing(x)
    for position in range(9):
        np.testing.assert_allclose(add_timing_at(x[:, position], tf.constant(position)), y[:, position], atol=1e-6)
    np.testing.assert_array_equal(Timing()(x), y)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_shifting_puts_the_first_vector_before_all_and_drops_the_last(length):
    x, first = sequence(3, length, 1), sequence(1, 1, 2)[0, 0]
    y = shift_right(x, first)
    assert y.shape == x.shape
    np.testing.assert_array_equal(y[:, 0], np.tile(first, (3, 1)))
    np.testing.assert_array_equal(y[:, 1:], x[:, :-1])


def test_presence_is_one_below_the_length():
    np.testing.assert_array_equal(presence_of_lengths(tf.constant([0, 2, 3]), 3), [[0, 0, 0], [1, 1, 0], [1, 1, 1]])
