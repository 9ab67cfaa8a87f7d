"""What every decoder agrees on: the step function, the result, and how state nests are tiled and gathered.

Letters: N sentences, K beams, V vocabulary, T positions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

PAD = 0      # stands after the end of a sentence and is never chosen (the ids of data/text_encoders)
EOS = 1      # closes a sentence
START = -1   # the id fed at the first position: it stands for the problem's command token

# A nest of tensors, each with leading axis N (N·K in beam search). Steps keep their shapes; where they have room for
# a few positions only they grow between blocks of steps (decoding/blocks.py).
State = Any
StepFn = Callable[[tf.Tensor, State], tuple[tf.Tensor, State]]  # (ids [N] int32, state) -> (logits [N, V], state)


class Decoded(NamedTuple):
    """The K hypotheses of each sentence, best first.

    ids: int32 [N, K, T], closed by EOS (unless cut at T) and PAD after it.
    scores: float32 [N, K] in nats; -inf where a sentence has fewer than K hypotheses.
    """

    ids: tf.Tensor
    scores: tf.Tensor


def without_pad(logits: tf.Tensor) -> tf.Tensor:
    """Float32 logits [N, V - 1] of the ids that may come next: column c is id c + 1.

    The log-probability of one is its logit minus `tf.reduce_logsumexp` of the row; no decoder needs those of all, which
    cost more to write than to add up.
    """
    return tf.cast(logits[:, 1:], tf.float32)


def tile(state: State, times: int) -> State:
    """Every row of every leaf `times` times in a row: [N, ...] -> [N·times, ...]."""
    return tf.nest.map_structure(lambda leaf: tf.repeat(leaf, times, axis=0), state)


def gather(state: State, rows: tf.Tensor) -> State:
    """The given rows [M] of every leaf: [N, ...] -> [M, ...]."""
    return tf.nest.map_structure(lambda leaf: tf.gather(leaf, rows), state)


def same_shapes(new: State, old: State) -> State:
    """`new` with the static shapes of `old`, which tf.while_loop wants to see unchanged; a grown leaf raises."""
    if tf.executing_eagerly():
        return new

    def pin(leaf: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
        leaf = tf.convert_to_tensor(leaf)
        leaf.set_shape(before.shape)
        return leaf

    return tf.nest.map_structure(pin, new, old)
