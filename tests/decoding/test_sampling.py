"""Laws of sampling: the distribution, its cuts, and what a result depends on."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from t2t_mm.decoding.greedy import greedy
from t2t_mm.decoding.sampling import _uniform, sample

DRAWS = 20000
LOGITS = np.array([9.0, 1.0, -1.0, 0.5, 2.0, 0.0, -3.0])  # PAD first


def constant_step(ids, state):
    return tf.broadcast_to(tf.constant(LOGITS, tf.float32), [tf.shape(ids)[0], len(LOGITS)]), state


def counts(**options):
    ids = sample(constant_step, tf.zeros([DRAWS]), DRAWS, 1, tf.constant([7, 11]), **options).ids
    return np.bincount(np.ravel(ids), minlength=len(LOGITS))


def expected(temperature=1.0, keep=range(1, 7)):
    weights = np.where(np.isin(np.arange(7), list(keep)), np.exp(LOGITS / temperature), 0)
    return weights / weights.sum()


@pytest.mark.parametrize(("options", "law"), [
    ({}, expected()),
    ({"temperature": 0.5}, expected(0.5)),
    ({"temperature": 3.0}, expected(3.0)),
    ({"top_k": 3}, expected(keep=[4, 1, 3])),
    ({"top_k": 100}, expected()),
    ({"top_p": 0.7}, expected(keep=[4, 1])),  # 0.57 + 0.21 reach 0.7
    ({"top_p": 0.5}, expected(keep=[4])),
    ({"top_k": 4, "top_p": 0.9, "temperature": 2.0}, expected(2.0, keep=[4, 1, 3, 5])),
])
def test_draws_follow_the_tempered_and_cut_distribution(options, law):
    seen = counts(**options)
    assert seen[law == 0].sum() == 0
    if (law > 0).sum() > 1:
        assert scipy.stats.chisquare(seen[law > 0], DRAWS * law[law > 0]).pvalue > 1e-3


def test_scores_are_the_models_own_log_probabilities(table_model, written):
    model = table_model(2, sentences=5, length=4)
    decoded = sample(model.step, model.state(), 5, 4, tf.constant([1, 2]), temperature=2.5, top_k=2)
    for sentence in range(5):
        own = model.log_prob(sentence, written(decoded.ids[sentence, 0]))
        assert float(decoded.scores[sentence, 0]) == pytest.approx(own, abs=1e-4)


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}])
def test_the_narrowest_cuts_are_greedy(table_model, options):
    model = table_model(4, sentences=6, length=6, vocabulary=6)
    sampled = sample(model.step, model.state(), 6, 6, tf.constant([3, 4]), **options)
    best = greedy(model.step, model.state(), 6, 6)
    np.testing.assert_array_equal(sampled.ids, best.ids)
    np.testing.assert_allclose(sampled.scores, best.scores, atol=1e-5)


def test_xla_draws_the_same_and_compiles_once_whatever_the_rows():
    def draw(rows):
        return sample(constant_step, tf.zeros([3]), 3, 8, tf.constant([7, 11]), temperature=3.0, rows=rows).ids

    compiled = tf.function(draw, jit_compile=True, autograph=False)
    for rows in ([0, 1, 2], [40_000, 5, 2**31 - 1]):
        np.testing.assert_array_equal(compiled(tf.constant(rows)), draw(tf.constant(rows)))
    assert compiled.experimental_get_tracing_count() == 1


def test_rows_and_positions_have_numbers_of_their_own():
    seed = tf.constant([0, 0])
    numbers = np.stack([_uniform(seed, tf.constant(position), tf.range(2000)) for position in range(40)])
    assert 0 <= numbers.min() and numbers.max() < 1
    assert scipy.stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    for one, other in ((numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.015  # four deviations


def test_a_seed_gives_the_same_result_again_and_another_seed_another():
    def run(*seed):
        return sample(constant_step, tf.zeros([50]), 50, 8, tf.constant(seed)).ids.numpy()

    np.testing.assert_array_equal(run(1, 2), run(1, 2))
    assert (run(1, 2) != run(1, 3)).any() and (run(1, 2) != run(2, 2)).any()
    ids = run(1, 2)[:, 0]
    assert len(np.unique(ids, axis=0)) > 25  # rows draw from streams of their own


def test_a_sentence_does_not_depend_on_its_neighbours_nor_on_the_longest_length(table_model, written):
    model = table_model(6, sentences=4, length=6)
    seed = tf.constant([5, 6])
    together = sample(model.step, model.state(), 4, 6, seed)
    for sentence in range(4):
        alone = sample(model.step, model.state([sentence]), 1, 6, seed, rows=tf.constant([sentence]))
        np.testing.assert_array_equal(alone.ids[0], together.ids[sentence])
    shorter = sample(model.step, model.state(), 4, 3, seed)
    np.testing.assert_array_equal(shorter.ids, together.ids[:, :, :3])


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match="temperature > 0"):
        sample(constant_step, tf.zeros([1]), 1, 1, tf.constant([0, 0]), **options)
