"""Laws of decoding a batch with a real model: growing states, transposed kernels and XLA give what plain steps give."""

import numpy as np
import pytest
import tensorflow as tf
from model_cases import MODELS, batch_of, shared_model, take_rows

from t2t_mm.decoding import blocks
from t2t_mm.decoding.search import search
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.inference import decode_batch
from t2t_mm.layers.compiling import compiling

PROBLEM, LENGTH = "toy_text_to_text", 11
SETTINGS = {"greedy": DecodeSettings(), "beam": DecodeSettings(beam_size=3, n_best=2),
            "sample": DecodeSettings(method="sample", n_best=2, seed=3)}
each_model = pytest.mark.parametrize("name", MODELS)
each_search = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def plain(model, inputs, settings):
    """The search over a state with room for everything, by steps as they are outside of a decoder."""
    rows = tf.range(inputs["inputs"].shape[0])
    source = model.encode(inputs, PROBLEM)
    memory, state = model.memory(source, PROBLEM), model.initial_state(source, LENGTH)
    return search(lambda ids, state: model.step(ids, state, PROBLEM, memory), state, rows, LENGTH, settings)


def decoded(model, inputs, settings):
    """As programs do it, in a graph."""
    command = tf.constant(model.command_id(PROBLEM))

    @tf.function(autograph=False)
    def run(inputs, limit):
        rows = tf.range(tf.shape(inputs["inputs"])[0])
        return decode_batch(model, PROBLEM, inputs, rows, limit, command, settings)

    return run(inputs, tf.constant(LENGTH))


def same(found, wanted):
    np.testing.assert_array_equal(found.ids, wanted.ids)
    np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-3, atol=1e-3)


@each_model
@each_search
def test_decoding_is_the_search_over_plain_steps(name, settings, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 4)
    model = shared_model(name)
    inputs = {"inputs": batch_of(PROBLEM)["inputs"]}
    found = decoded(model, inputs, settings)
    assert found.ids.shape[2] == LENGTH
    same(found, plain(model, inputs, settings))


@each_model
def test_a_sentence_does_not_depend_on_its_batch(name):
    model, inputs = shared_model(name), {"inputs": batch_of(PROBLEM)["inputs"]}
    together = decoded(model, inputs, SETTINGS["beam"])
    padded = {"inputs": tf.pad(take_rows(inputs, [1])["inputs"], [[0, 0], [0, 3]])}
    alone = decoded(model, padded, SETTINGS["beam"])
    np.testing.assert_array_equal(alone.ids[0], together.ids[1])
    np.testing.assert_allclose(alone.scores[0], together.scores[1], rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@each_model
@each_search
def test_xla_gives_the_same(name, settings):
    model, inputs = shared_model(name), {"inputs": batch_of(PROBLEM)["inputs"]}
    command = tf.constant(model.command_id(PROBLEM))

    @tf.function(jit_compile=True, autograph=False)
    def compiled(inputs):
        rows = tf.range(inputs["inputs"].shape[0])
        with compiling():
            return decode_batch(model, PROBLEM, inputs, rows, LENGTH, command, settings)

    same(compiled(inputs), plain(model, inputs, settings))
