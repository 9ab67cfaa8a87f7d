"""Laws of a state that grows: the results are those of one with room for everything, and no step sees more than a block
beyond its place."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding import blocks
from t2t_mm.decoding.beam_search import beam_search
from t2t_mm.decoding.blocks import Room
from t2t_mm.decoding.greedy import greedy
from t2t_mm.decoding.sampling import sample

SENTENCES, VOCABULARY, MOST = 3, 7, 6
TABLE = np.random.default_rng(1).normal(0, 2, (11, VOCABULARY)).astype(np.float32)
TABLE[:, 1] -= 3  # ends are rare


def make_state(length):
    """All ids so far are in `log`, the last MOST of them in `ring`; `sentence` and `position` do not grow."""
    return {"log": tf.zeros([SENTENCES, length, 1]), "ring": tf.zeros([SENTENCES, tf.minimum(length, MOST)]),
            "sentence": tf.range(SENTENCES), "position": tf.zeros([SENTENCES], tf.int32)}


def step(ids, state):
    """Logits by sums over the whole log and ring, which other rows' ids or a lost one would change."""
    position, log, ring = state["position"], state["log"], state["ring"]
    here = tf.cast(tf.range(tf.shape(log)[1]) == position[0], tf.float32)[None, :, None]  # [1, T, 1]
    log = log * (1 - here) + here * tf.cast(ids, tf.float32)[:, None, None]
    ring = tf.where(tf.range(tf.shape(ring)[1]) == position[0] % MOST, tf.cast(ids, tf.float32)[:, None], ring)
    sums = tf.reduce_sum(log, axis=[1, 2]) + 2 * tf.reduce_sum(ring, axis=1)
    seen = tf.cast(sums, tf.int32) + 3 * state["sentence"] + position
    return tf.gather(tf.constant(TABLE), seen % 11), {**state, "log": log, "ring": ring, "position": position + 1}


DECODERS = {
    "greedy": lambda state, length, room: greedy(step, state, SENTENCES, length, room=room),
    "beam": lambda state, length, room: beam_search(step, state, SENTENCES, length, 3, room=room),
    "sample": lambda state, length, room: sample(step, state, SENTENCES, length, tf.constant([1, 2]), room=room),
}


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "graph"])
def test_growing_changes_nothing(decode, traced, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 4)

    def grown(length):
        room = Room(make_state)
        return decode(room.empty, length, room)

    run = tf.function(grown, input_signature=[tf.TensorSpec([], tf.int32)], autograph=False) if traced else grown
    for length in (0, 3, 4, 5, 8, 13):
        wanted, found = decode(make_state(length), length, None), run(tf.constant(length))
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
    assert (np.asarray(wanted.ids)[:, 0, 5] > 0).any()  # some sentence lasted into the second block


def test_a_state_has_room_for_one_block_more_than_it_holds(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 4)
    rooms, room = [], Room(make_state)

    def spy(ids, state):
        rooms.append((state["log"].shape[1], state["ring"].shape[1]))
        return tf.zeros([SENTENCES, VOCABULARY]) + [0, -9, 1, 0, 0, 0, 0], state

    greedy(spy, room.empty, SENTENCES, 10, room=room)
    assert rooms == [(4, 4)] * 4 + [(8, MOST)] * 4 + [(10, MOST)] * 2


def test_what_does_not_grow_is_handed_through_as_it_is():
    room = Room(make_state)
    state = make_state(2)
    longer = room.grow(state, tf.constant(5))
    assert longer["sentence"] is state["sentence"] and longer["position"] is state["position"]
    assert longer["log"].shape == (SENTENCES, 5, 1) and longer["ring"].shape == (SENTENCES, 5)
