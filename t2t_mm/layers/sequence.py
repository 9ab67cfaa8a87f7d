"""Sequences: the stream that flows through a body, the timing signal, masks and the shift to the right."""

import math
from typing import NamedTuple

import keras
from keras import ops

from t2t_mm.layers.layer import Layer


class Stream(NamedTuple):
    """A batch of sequences: x [B, L, D] and presence [B, L], 1 at real positions and 0 at padding.

    `grid` is the (height, width) of the picture whose places, row by row, are the L positions; None if there is none.
    """

    x: keras.KerasTensor
    presence: keras.KerasTensor
    grid: tuple | None = None


def timing_signal(positions, channels: int):
    """The timing signal at `positions` [L]: [L, D], `[sin(tΔ), cos(tΔ)]` with Δ_2i = 1e4^(−2i/D).

    Vaswani et al. 2017 (1706.03762) section 3.5 interleave sine and cosine; here, as in the MultiModel, they are
    concatenated, which is the same up to the order of channels.
    """
    half = (channels + 1) // 2
    rates = ops.exp(ops.arange(half, dtype="float32") * (-math.log(1e4) * 2 / channels))
    angles = ops.cast(positions, "float32")[:, None] * rates  # [L, D/2]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=1)[:, :channels]


def add_timing(x):
    """x [B, L, D] plus the timing signal of its positions."""
    signal = timing_signal(ops.arange(ops.shape(x)[1]), x.shape[-1])
    return x + ops.cast(signal, x.dtype)


def add_timing_at(x, position):
    """x [B, D], the inputs of one position, plus that position's timing signal."""
    return x + ops.cast(timing_signal(ops.reshape(position, (1,)), x.shape[-1]), x.dtype)


def shift_right(x, first):
    """[B, L, D] → [B, L, D]: `first` [D] stands before position 0, and the last position falls off."""
    head = ops.broadcast_to(ops.cast(first, x.dtype), (ops.shape(x)[0], 1, x.shape[-1]))
    return ops.concatenate([head, x[:, :-1]], axis=1)


def join(streams):
    """Streams one after another along the length, all real positions before all padding; the grid is lost.

    What pads one input would otherwise stand between two, and move the second.
    """
    x, presence = (ops.concatenate([stream[i] for stream in streams], axis=1) for i in (0, 1))
    length = ops.shape(presence)[1]
    order = ops.argsort(ops.arange(length) + length * ops.cast(presence == 0, "int32"), axis=1)  # [B, L]
    return Stream(ops.take_along_axis(x, order[..., None], axis=1), ops.take_along_axis(presence, order, axis=1))


def presence_of_lengths(lengths, max_length):
    """lengths [B] → float32 [B, L]: 1 at positions below the length."""
    return ops.cast(ops.arange(max_length)[None, :] < lengths[:, None], "float32")


class Timing(Layer):
    """x plus the timing signal: [B, L, D] → [B, L, D]; causal, and without variables."""

    def call(self, x, source=None, presence=None, training=False):
        return add_timing(x)

    def step(self, x, state, position, memory):
        return add_timing_at(x, position), state
