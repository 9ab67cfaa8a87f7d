"""Beam search with a set of ended hypotheses and the length penalty of Wu et al. 2016 (arXiv:1609.08144, section 7)."""

from typing import NamedTuple

import tensorflow as tf

from t2t_mm.decoding.blocks import Room, loop
from t2t_mm.decoding.protocol import EOS, PAD, START, Decoded, State, StepFn, gather, same_shapes, tile, without_pad
from t2t_mm.decoding.top_k import log_largest, top_k

NEVER = float("-inf")


class _Search(NamedTuple):
    """The loop's variables; both sets are sorted, best first, and hold -inf in their empty places."""

    position: tf.Tensor      # []
    previous: tf.Tensor      # [N·K] the ids to feed
    ids: tf.Tensor           # [N, K, T] running hypotheses
    scores: tf.Tensor        # [N, K] their sums of log-probabilities
    ended_ids: tf.Tensor     # [N, K, T] hypotheses closed by EOS
    ended_scores: tf.Tensor  # [N, K] theirs, divided by the length penalty
    done: tf.Tensor          # [N] nothing that could still end would be returned
    state: State             # leaves [N·K, ...]


class _Candidates(NamedTuple):
    """The 2K best continuations of the running hypotheses of each sentence, best first."""

    ids: tf.Tensor      # [N, 2K, T]
    scores: tf.Tensor   # [N, 2K]
    parents: tf.Tensor  # [N, 2K] the beam each continues
    ends: tf.Tensor     # [N, 2K] True where it continues by EOS


def length_penalty(length: tf.Tensor, alpha: float) -> tf.Tensor:
    """((5 + length) / 6) ** alpha, length in tokens with EOS."""
    return ((5.0 + tf.cast(length, tf.float32)) / 6.0) ** alpha


def beam_search(step_fn: StepFn, state: State, batch: int | tf.Tensor, max_length: int | tf.Tensor, beam_size: int,
                alpha: float = 0.6, n_best: int | None = None, room: Room | None = None) -> Decoded:
    """The n_best (default: beam_size) hypotheses a sentence of the largest log p / ((5 + length) / 6) ** alpha.

    A hypothesis ends when its EOS is among the beam_size best continuations of its sentence. A sentence is done when no
    running hypothesis could still enter its n_best, even if it ended at max_length with no further loss; beam_size 1
    is done with its first end, and so is greedy. Sentences do not see each other: a done one is frozen while others
    run. Hypotheses cut at max_length are returned, scored with that length, only for a sentence of which none ended.

    `state` has leading axis N and is tiled here to N·K.
    room: how `state`, which then has none, grows. Returns ids [N, n_best, T] int32 and scores [N, n_best], sorted; an
    empty place has score -inf and PAD ids.
    Raises ValueError unless 1 <= n_best <= beam_size and alpha >= 0.
    """
    n_best = beam_size if n_best is None else n_best
    if not 1 <= n_best <= beam_size or alpha < 0:
        raise ValueError(f"want 1 <= n_best <= beam_size and alpha >= 0; got {n_best}, {beam_size}, {alpha}")
    batch, max_length = tf.convert_to_tensor(batch, tf.int32), tf.convert_to_tensor(max_length, tf.int32)

    def running(*variables) -> tf.Tensor:
        search = _Search(*variables)
        return (search.position < max_length) & ~tf.reduce_all(search.done)

    def body(*variables) -> _Search:
        search = _Search(*variables)
        logits, new_state = step_fn(search.previous, search.state)
        found = _candidates(search, without_pad(logits))
        ended_ids, ended_scores = _merge_ended(search, found, alpha)
        scores, places = tf.math.top_k(tf.where(found.ends, NEVER, found.scores), k=beam_size)
        ids = tf.gather(found.ids, places, batch_dims=1)
        parents = tf.gather(found.parents, places, batch_dims=1)
        longest = max_length if beam_size > 1 else search.position + 1
        hope = scores[:, 0] / length_penalty(longest, alpha)  # no running hypothesis can end with more
        done = search.done | (ended_scores[:, n_best - 1] >= hope)
        new_state = same_shapes(_follow(new_state, parents), search.state)
        previous = tf.reshape(ids[:, :, search.position], [-1])
        return _Search(search.position + 1, previous, ids, scores, ended_ids, ended_scores, done, new_state)

    start = _start(state, batch, max_length, beam_size)
    search = loop(running, body, start, max_length, room)
    return _results(_Search(*search), max_length, alpha, n_best)


def _start(state: State, batch: tf.Tensor, max_length: tf.Tensor, beam_size: int) -> _Search:
    """One running hypothesis a sentence, the empty one; the other beams are empty places."""
    empty = tf.fill([batch, beam_size, max_length], PAD)
    nothing = tf.fill([batch, beam_size], NEVER)
    scores = tf.concat([tf.zeros([batch, 1]), nothing[:, 1:]], axis=1)
    return _Search(tf.constant(0), tf.fill([batch * beam_size], START), empty, scores, empty, nothing,
                   tf.fill([batch], False), tile(state, beam_size))


def _candidates(search: _Search, logits: tf.Tensor) -> _Candidates:
    """2K continuations hold at least K that do not end, since every beam ends in one way only."""
    beams = search.scores.shape[1]
    best, columns = top_k(logits, 2 * beams)  # [N·K, M], M = min(2K, V - 1): no more of one beam have a place
    width = tf.shape(best)[1]
    log_total = best[:, 0] - log_largest(logits, columns[:, 0])  # [N·K]
    base = (tf.reshape(search.scores, [-1]) - log_total)[:, tf.newaxis]  # [N·K, 1]
    scores, places = tf.math.top_k(tf.reshape(base + best, [-1, beams * width]), k=2 * beams)  # [N, 2K]
    parents = places // width
    tokens = 1 + tf.gather(tf.reshape(columns, [-1, beams * width]), places, batch_dims=1)
    here = tf.range(tf.shape(search.ids)[2]) == search.position  # [T]
    ids = tf.where(here, tokens[:, :, tf.newaxis], tf.gather(search.ids, parents, batch_dims=1))
    return _Candidates(ids, scores, parents, tokens == EOS)


def _merge_ended(search: _Search, found: _Candidates, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The K best of the ended and the newly ended; only the first K candidates may end, and none of a done sentence."""
    beams = search.scores.shape[1]
    ends = found.ends[:, :beams] & ~search.done[:, tf.newaxis]
    new_scores = tf.where(ends, found.scores[:, :beams] / length_penalty(search.position + 1, alpha), NEVER)
    scores, places = tf.math.top_k(tf.concat([search.ended_scores, new_scores], axis=1), k=beams)  # of [N, 2K]
    ids = tf.concat([search.ended_ids, found.ids[:, :beams]], axis=1)
    return tf.gather(ids, places, batch_dims=1), scores


def _follow(state: State, parents: tf.Tensor) -> State:
    """The state's rows in the order of the surviving beams; nothing moves while every beam continues itself."""
    beams = parents.shape[1]
    if beams == 1 or not tf.nest.flatten(state):
        return state
    rows = tf.reshape(tf.range(tf.shape(parents)[0])[:, tf.newaxis] * beams + parents, [-1])  # [N·K]
    return tf.cond(tf.reduce_any(parents != tf.range(beams)), lambda: gather(state, rows), lambda: state)


def _results(search: _Search, max_length: tf.Tensor, alpha: float, n_best: int) -> Decoded:
    """The ended hypotheses, or the cut ones of a sentence without any."""
    ended = search.ended_scores[:, :1] > NEVER  # [N, 1]
    scores = tf.where(ended, search.ended_scores, search.scores / length_penalty(max_length, alpha))
    ids = tf.where(ended[:, :, tf.newaxis], search.ended_ids, search.ids)
    ids = tf.where(scores[:, :, tf.newaxis] > NEVER, ids, PAD)
    return Decoded(ids[:, :n_best], scores[:, :n_best])
