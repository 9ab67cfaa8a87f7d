"""Sampling from the model: temperature, top-k and top-p (nucleus, arXiv:1904.09751), by a stateless seed."""

import tensorflow as tf

from t2t_mm.decoding.blocks import Room
from t2t_mm.decoding.decode_loop import decode_loop
from t2t_mm.decoding.protocol import Decoded, State, StepFn


def sample(step_fn: StepFn, state: State, batch: int | tf.Tensor, max_length: int | tf.Tensor, seed: tf.Tensor,
           temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, rows: tf.Tensor | None = None,
           room: Room | None = None) -> Decoded:
    """Draws every id from softmax(log p / temperature), cut to the top_k ids (0: all) and then to the nucleus.

    The nucleus is the smallest set of most probable ids whose probabilities sum to at least top_p (1: all).
    seed: int32 [2]. rows: int32 [N], the number of each sentence's random stream (default 0 .. N-1); a sentence's
    result depends on (seed, its row, its logits) alone, not on the sentences beside it.
    Returns ids [N, 1, T] int32 and scores [N, 1], the sum of log-probabilities under the model itself (temperature 1).
    Raises ValueError for temperature <= 0, top_k < 0, or top_p outside (0, 1].
    """
    if temperature <= 0 or top_k < 0 or not 0 < top_p <= 1:
        raise ValueError(f"want temperature > 0, top_k >= 0, 0 < top_p <= 1; got {temperature}, {top_k}, {top_p}")
    rows = tf.range(batch) if rows is None else rows

    def choose(logits: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        uniform = _uniform(seed, position, rows)
        columns = _draw(logits / temperature, uniform, top_k, top_p)
        return columns, tf.gather(logits, columns, batch_dims=1) - tf.reduce_logsumexp(logits, axis=1)

    return decode_loop(step_fn, state, batch, max_length, choose, room)


def _uniform(seed: tf.Tensor, position: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """A number in [0, 1) for each row, [N], by hashing row and position with two words drawn from the seed.

    The same with XLA and without, and no shape depends on the rows, so that XLA compiles it once.
    """
    first, second = tf.unstack(tf.bitcast(tf.random.stateless_uniform([2], seed, None, None, tf.int32), tf.uint32))
    mixed = _avalanche(_avalanche(_spread(rows) ^ first) ^ _avalanche(_spread(position) ^ second))
    return tf.cast(tf.bitwise.right_shift(mixed, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-24


def _spread(x: tf.Tensor) -> tf.Tensor:
    """Neighbours int32 far apart, uint32: a product with 2^32 over the golden ratio."""
    return tf.bitcast(x, tf.uint32) * tf.constant(0x9E3779B1, tf.uint32)


def _avalanche(x: tf.Tensor) -> tf.Tensor:
    """MurmurHash3's finalizer (Appleby 2011): every bit of uint32 x changes half of the bits."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = (x ^ tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32))) * tf.constant(factor, tf.uint32)
    return x


def _draw(logits: tf.Tensor, uniform: tf.Tensor, top_k: int, top_p: float) -> tf.Tensor:
    """Inverse-CDF draws [N] int32 from softmax(logits [N, V]) cut to top_k and top_p: one random number a row."""
    if not top_k and top_p >= 1:
        return _inverse_cdf(tf.nn.softmax(logits), uniform)
    size = tf.shape(logits)[-1]
    sorted_logits, ids = tf.math.top_k(logits, k=tf.minimum(top_k, size) if top_k else size)  # [N, k] descending
    probs = tf.nn.softmax(sorted_logits)
    before = tf.cumsum(probs, axis=-1, exclusive=True)  # mass of the more probable ids
    probs = tf.where(before < top_p, probs, 0.0)
    return tf.gather(ids, _inverse_cdf(probs, uniform), batch_dims=1)


def _inverse_cdf(probs: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """The first index whose cumulated mass exceeds uniform · total: never one of zero mass; int32 [N]."""
    cumulated = tf.cumsum(probs, axis=-1)  # [N, V]
    threshold = uniform[:, tf.newaxis] * cumulated[:, -1:]
    return tf.reduce_sum(tf.cast(cumulated <= threshold, tf.int32), axis=-1)
