"""One entrance to all decoders: the settings decide which of them runs."""

import tensorflow as tf

from t2t_mm.decoding.beam_search import beam_search
from t2t_mm.decoding.blocks import Room
from t2t_mm.decoding.greedy import greedy
from t2t_mm.decoding.protocol import Decoded, State, StepFn, tile
from t2t_mm.decoding.sampling import sample
from t2t_mm.decoding.settings import DecodeSettings


def search(step_fn: StepFn, state: State, rows: tf.Tensor, max_length: int | tf.Tensor,
           settings: DecodeSettings, room: Room | None = None) -> Decoded:
    """Ids [N, K, T] and scores [N, K] of the K = settings.n_best results of each sentence, best first.

    rows: int32 [N], the sentences' numbers, which choose their random streams where the settings say to sample.
    room: how `state`, which then has none, grows; None: it has room for max_length positions.
    """
    batch = tf.shape(rows)[0]
    if settings.method == "beam":
        return beam_search(step_fn, state, batch, max_length, settings.beam_size, settings.alpha,
                           n_best=settings.n_best, room=room)
    if settings.method == "sample":
        return _sample_best(step_fn, state, rows, max_length, settings, room)
    return greedy(step_fn, state, batch, max_length, room=room)


def top_classes(logits: tf.Tensor, n_best: int) -> Decoded:
    """The most probable classes of logits [N, V] as hypotheses of one id: ids [N, K, 1], log-probabilities [N, K]."""
    log_probs = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    scores, ids = tf.math.top_k(log_probs, k=tf.minimum(n_best, tf.shape(logits)[-1]))
    return Decoded(ids[:, :, tf.newaxis], scores)


def _sample_best(step_fn: StepFn, state: State, rows: tf.Tensor, max_length: int | tf.Tensor,
                 settings: DecodeSettings, room: Room | None) -> Decoded:
    """n_best independent samples of each sentence, sorted by score."""
    count = settings.n_best
    streams = tf.reshape(rows[:, tf.newaxis] * count + tf.range(count), [-1])  # [N·K]
    drawn = sample(step_fn, tile(state, count), tf.shape(streams)[0], max_length, tf.constant([settings.seed, 0]),
                   settings.temperature or 1.0, settings.top_k, settings.top_p, rows=streams, room=room)
    scores, order = tf.math.top_k(tf.reshape(drawn.scores, [-1, count]), k=count)  # [N, K]
    ids = tf.reshape(drawn.ids, tf.stack([-1, count, max_length]))
    return Decoded(tf.gather(ids, order, batch_dims=1), scores)
