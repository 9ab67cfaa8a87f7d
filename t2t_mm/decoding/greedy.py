"""Greedy decoding: the most probable id at every position."""

import tensorflow as tf

from t2t_mm.decoding.blocks import Room
from t2t_mm.decoding.decode_loop import decode_loop
from t2t_mm.decoding.protocol import Decoded, State, StepFn
from t2t_mm.decoding.top_k import log_largest


def greedy(step_fn: StepFn, state: State, batch: int | tf.Tensor, max_length: int | tf.Tensor,
           room: Room | None = None) -> Decoded:
    """The most probable id at every position; the lowest id wins a tie.

    Returns ids [N, 1, T] int32 and scores [N, 1], the sum of log-probabilities in nats.
    """
    return decode_loop(step_fn, state, batch, max_length, _most_probable, room)


def _most_probable(logits: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    columns = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return columns, log_largest(logits, columns)
