"""A loop whose state has room for the next few positions only, and grows: what a position costs follows its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from t2t_mm.decoding.protocol import State

BLOCK = 32  # positions that the state grows by
MakeState = Callable[[Any], State]  # most positions → the state before the first of them


class Room:
    """How a state grows: by zeros along the axes that are the longer the more positions it has room for.

    Without it attention would read all `max_length` places of its state at every position, filled or not, and a dilated
    convolution its whole ring, of which beam search copies what there is.

    Args:
        make_state: makes the state for so many positions, a number or an int32 scalar.
    """

    def __init__(self, make_state: MakeState):
        self._make_state = make_state
        self.empty = make_state(0)
        pairs = zip(tf.nest.flatten(self.empty), tf.nest.flatten(make_state(1)), strict=True)
        self._axes = [_differing(none.shape, one.shape) for none, one in pairs]

    def grow(self, state: State, room: tf.Tensor) -> State:
        """`state`, whose rows may have been tiled, with room for `room` positions."""
        wanted = self._make_state(room)  # of which nothing but the lengths is asked
        return self._map(lambda leaf, axis, new: _lengthened(leaf, axis, tf.shape(new)[axis]), state, wanted)

    def shapes(self, state: State) -> Any:
        """The static shapes of the leaves, open where they grow."""
        return self._map(lambda leaf, axis: _open(leaf.shape, axis), state, keep=lambda leaf: leaf.shape)

    def _map(self, change: Callable, state: State, *others: State, keep: Callable = lambda leaf: leaf) -> Any:
        leaves = [keep(leaf) if axis is None else change(leaf, axis, *rest)
                  for axis, leaf, *rest in zip(self._axes, *map(tf.nest.flatten, (state, *others)), strict=True)]
        return tf.nest.pack_sequence_as(state, leaves)


def loop(running: Callable, body: Callable, start: tuple, max_length: tf.Tensor, room: Room | None) -> tuple:
    """tf.while_loop(running, body, start), with the position first and the state last in `start`; `room`: it grows."""
    if room is None:
        return tf.while_loop(running, body, start)

    def block(size: tf.Tensor, *variables: Any) -> tuple:
        size = tf.minimum(size + BLOCK, max_length)
        variables = (*variables[:-1], room.grow(variables[-1], size))
        return size, *tf.while_loop(lambda *now: running(*now) & (now[0] < size), body, variables)

    shapes = (*tf.nest.map_structure(lambda leaf: leaf.shape, start[:-1]), room.shapes(start[-1]))
    _, *end = tf.while_loop(lambda _, *now: running(*now), block, (tf.constant(0), *start),
                            shape_invariants=(tf.TensorShape([]), *shapes))
    return tuple(end)


def _differing(none: tf.TensorShape, one: tf.TensorShape) -> int | None:
    axes = [axis for axis, (a, b) in enumerate(zip(none, one, strict=True)) if a != b]
    return axes[0] if axes else None


def _open(shape: tf.TensorShape, axis: int) -> tf.TensorShape:
    return tf.TensorShape([None if i == axis else size for i, size in enumerate(shape)])


def _lengthened(leaf: tf.Tensor, axis: int, length: tf.Tensor) -> tf.Tensor:
    more = tf.one_hot(axis, leaf.shape.rank, length - tf.shape(leaf)[axis], 0)
    longer = tf.pad(leaf, tf.stack([tf.zeros_like(more), more], axis=1))
    return tf.ensure_shape(longer, _open(leaf.shape, axis))
