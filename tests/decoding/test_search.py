"""The settings choose the decoder; samples come sorted, and classes in the order of their probability."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.beam_search import beam_search
from t2t_mm.decoding.greedy import greedy
from t2t_mm.decoding.search import search, top_classes
from t2t_mm.decoding.settings import DecodeSettings


def run(model, settings, length=5):
    return search(model.step, model.state(), tf.range(model.sizes[0]), length, settings)


def test_greedy_and_beam_settings_run_these(table_model):
    model = table_model(1, sentences=4, length=5, vocabulary=5)
    best = greedy(model.step, model.state(), 4, 5)
    np.testing.assert_array_equal(run(model, DecodeSettings()).ids, best.ids)
    beams = beam_search(model.step, model.state(), 4, 5, 4, alpha=1.0, n_best=2)
    found = run(model, DecodeSettings(beam_size=4, alpha=1.0, n_best=2))
    np.testing.assert_array_equal(found.ids, beams.ids)
    np.testing.assert_array_equal(found.scores, beams.scores)


def test_samples_are_sorted_scored_by_the_model_and_different(table_model, written):
    model = table_model(2, sentences=3, length=5, vocabulary=6)
    found = run(model, DecodeSettings(temperature=1.0, n_best=16))
    assert found.ids.shape == (3, 16, 5)
    assert np.all(np.diff(found.scores, axis=1) <= 0)
    for sentence in range(3):
        texts = [written(ids) for ids in found.ids[sentence]]
        assert len(set(texts)) > 2
        own = [model.log_prob(sentence, ids) for ids in texts]
        np.testing.assert_allclose(found.scores[sentence], own, atol=1e-4)


@pytest.mark.parametrize("n_best", [1, 3, 10])
def test_top_classes_are_the_most_probable_ones(n_best):
    logits = np.random.default_rng(0).normal(0, 2, (5, 4)).astype(np.float32)
    found = top_classes(tf.constant(logits), n_best)
    kept = min(n_best, 4)
    np.testing.assert_array_equal(found.ids[:, :, 0], np.argsort(-logits, axis=1)[:, :kept])
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.scores, -np.sort(-log_probs, axis=1)[:, :kept], atol=1e-5)
