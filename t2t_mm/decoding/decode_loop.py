"""The loop of the decoders that keep one hypothesis a sentence: feed, choose, write, until all have ended."""

from collections.abc import Callable

import tensorflow as tf

from t2t_mm.decoding.blocks import Room, loop
from t2t_mm.decoding.protocol import EOS, PAD, START, Decoded, State, StepFn, same_shapes, without_pad

# (logits [N, V - 1], position []) -> columns [N] int32 and their log-probabilities under the model [N]
Choose = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def decode_loop(step_fn: StepFn, state: State, batch: int | tf.Tensor, max_length: int | tf.Tensor, choose: Choose,
                room: Room | None = None) -> Decoded:
    """Calls `step_fn` once per position and lets `choose` take the next ids; stops when every sentence has ended.

    batch: N. max_length: T. room: how `state`, which then has none, grows.
    Returns ids [N, 1, T] and scores [N, 1], the sum of the chosen ids' log-probabilities (EOS included) under the
    model, whatever `choose` preferred.
    """
    batch, max_length = tf.convert_to_tensor(batch, tf.int32), tf.convert_to_tensor(max_length, tf.int32)

    def running(position, previous, finished, scores, ids, state):
        return (position < max_length) & ~tf.reduce_all(finished)

    def body(position, previous, finished, scores, ids, state):
        logits, new_state = step_fn(previous, state)
        columns, gained = choose(without_pad(logits), position)  # [N]
        scores = tf.where(finished, scores, scores + gained)
        chosen = tf.where(finished, PAD, columns + 1)
        ids = tf.tensor_scatter_nd_update(ids, [[position]], chosen[tf.newaxis])
        after = (position + 1, chosen, finished | (chosen == EOS), scores, ids)
        return (*after, same_shapes(new_state, state))

    start = (tf.constant(0), tf.fill([batch], START), tf.fill([batch], False), tf.zeros([batch]),
             tf.fill([max_length, batch], PAD), state)  # ids are [T, N]: a position is one contiguous row
    _, _, _, scores, ids, _ = loop(running, body, start, max_length, room)
    return Decoded(tf.transpose(ids)[:, tf.newaxis], scores[:, tf.newaxis])
