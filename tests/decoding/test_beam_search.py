"""Laws of beam search: brute force over everything a table can say, greedy, length penalty, and independence."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.beam_search import beam_search, length_penalty
from t2t_mm.decoding.greedy import greedy

WIDE = 24  # all continuations (by 3 ids) of all running hypotheses (2 words, up to 3 ids) have a place


def ranked(model, sentence, length, alpha):
    """Everything that ends, best first, by normalised score."""
    scored = [(score / ((5 + len(ids)) / 6) ** alpha, ids) for ids, score in model.everything(sentence, length)]
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_finds_exactly_what_brute_force_finds(table_model, written, seed, alpha):
    model = table_model(seed)
    decoded = beam_search(model.step, model.state(), 3, 4, WIDE, alpha)
    for sentence in range(3):
        want = ranked(model, sentence, 4, alpha)
        got = [(float(score), written(ids)) for score, ids in zip(decoded.scores[sentence], decoded.ids[sentence])
               if score > float("-inf")]
        assert [ids for _, ids in got] == [ids for _, ids in want]
        np.testing.assert_allclose([score for score, _ in got], [score for score, _ in want], atol=1e-4)


@pytest.mark.parametrize("n_best", [1, 2, 5])
def test_stopping_early_never_loses_one_of_the_n_best(table_model, written, n_best):
    model = table_model(11)
    decoded = beam_search(model.step, model.state(), 3, 4, WIDE, 0.6, n_best=n_best)
    assert decoded.ids.shape == (3, n_best, 4)
    for sentence in range(3):
        want = [ids for _, ids in ranked(model, sentence, 4, 0.6)[:n_best]]
        assert [written(ids) for ids in decoded.ids[sentence]] == want


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_early_ends_of_small_probability_do_not_stop_the_search(alpha):
    """EOS is second at every position, far behind the word until position 6, where it is first."""
    def step(ids, position):
        ending = tf.where(position[:, tf.newaxis] == 6, [[0.0, 9.0, 0.0, 0.0]], [[0.0, 1.0, 0.0, 9.0]])
        return ending, position + 1

    decoded = beam_search(step, tf.zeros([1], tf.int32), 1, 10, 3, alpha)
    assert decoded.ids[0, 0].numpy().tolist() == [3] * 6 + [1, 0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.0, 0.6, 3.0])
def test_beam_one_is_greedy(table_model, seed, alpha):
    model = table_model(seed, sentences=5, length=8, vocabulary=5)
    beam = beam_search(model.step, model.state(), 5, 8, 1, alpha)
    best = greedy(model.step, model.state(), 5, 8)
    np.testing.assert_array_equal(beam.ids, best.ids)
    lengths = tf.math.count_nonzero(best.ids, axis=2, dtype=tf.int32)
    np.testing.assert_allclose(beam.scores * length_penalty(lengths, alpha), best.scores, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_scores_are_log_probabilities_over_the_length_penalty_and_sorted(table_model, written, alpha):
    model = table_model(21, sentences=4, length=7, vocabulary=6)
    decoded = beam_search(model.step, model.state(), 4, 7, 4, alpha)
    for sentence in range(4):
        scores = [float(score) for score in decoded.scores[sentence] if score > float("-inf")]
        assert scores and scores == sorted(scores, reverse=True)
        found = [written(ids) for ids in decoded.ids[sentence][:len(scores)]]
        assert len(set(found)) == len(found)
        for ids, score in zip(found, scores):
            assert score * ((5 + len(ids)) / 6) ** alpha == pytest.approx(model.log_prob(sentence, ids), abs=1e-4)


def test_more_alpha_never_prefers_shorter_hypotheses(table_model):
    model = table_model(8, sentences=8, scale=0.3)
    lengths = [np.count_nonzero(beam_search(model.step, model.state(), 8, 4, WIDE, alpha).ids[:, 0], axis=1)
               for alpha in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert np.all(np.diff(lengths, axis=0) >= 0)
    assert np.sum(lengths[-1]) > np.sum(lengths[0])


@pytest.mark.parametrize("beam_size", [2, 3, 6])
def test_a_sentence_does_not_depend_on_its_neighbours(table_model, beam_size):
    model = table_model(31, sentences=6, length=7, vocabulary=6)
    together = beam_search(model.step, model.state(), 6, 7, beam_size)
    backwards = beam_search(model.step, model.state(range(5, -1, -1)), 6, 7, beam_size)
    np.testing.assert_array_equal(together.ids, backwards.ids[::-1])
    for sentence in range(6):
        alone = beam_search(model.step, model.state([sentence]), 1, 7, beam_size)
        np.testing.assert_array_equal(alone.ids[0], together.ids[sentence])
        np.testing.assert_allclose(alone.scores[0], together.scores[sentence], rtol=1e-5)


def test_pad_is_never_produced_even_when_it_is_most_probable(table_model, written):
    model = table_model(1, length=6)
    model.table[..., 0] = 100
    decoded = beam_search(model.step, model.state(), 3, 6, 4)
    for ids, score in zip(tf.reshape(decoded.ids, [-1, 6]), tf.reshape(decoded.scores, [-1])):
        assert written(ids) or score == float("-inf")


def test_hypotheses_are_cut_only_where_nothing_ends(table_model, written):
    model = table_model(13, vocabulary=5)
    model.table[1:, ..., 1] = float("-inf")  # sentences 1 and 2 cannot end
    decoded = beam_search(model.step, model.state(), 3, 4, 3, alpha=0.6)
    assert all(1 in written(ids) for ids in decoded.ids[0])
    for sentence in (1, 2):
        for ids, score in zip(decoded.ids[sentence], decoded.scores[sentence]):
            assert len(written(ids)) == 4 and 1 not in ids
            own = model.log_prob(sentence, written(ids)) / (9 / 6) ** 0.6
            assert float(score) == pytest.approx(own, abs=1e-4)


def test_empty_places_have_no_score_and_no_ids(table_model):
    model = table_model(17, length=2)
    decoded = beam_search(model.step, model.state(), 3, 2, 8)
    assert np.all((np.asarray(decoded.scores) > -np.inf).sum(axis=1) == 3)  # EOS, "2 EOS" and "3 EOS"
    assert np.all(np.asarray(decoded.ids)[np.isneginf(decoded.scores)] == 0)


def test_step_is_called_once_per_position_and_no_more_after_all_are_done(table_model):
    model = table_model(3, length=8)
    model.table[..., 1] = -100
    model.table[:, 2, :, 1] = 100  # every hypothesis ends with its third id
    beam_search(model.step, model.state(), 3, 8, 2)
    assert model.calls == 3


def test_one_traced_function_serves_every_batch_and_length(table_model):
    model = table_model(5, sentences=4, length=6)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None]), tf.TensorSpec([], tf.int32)])
    def run(table, length):
        zeros = tf.zeros([tf.shape(table)[0]], tf.int32)
        state = {"table": table, "moving": (zeros, zeros)}
        return beam_search(model.step, state, tf.shape(table)[0], length, 3)

    for sentences, length in [(4, 6), (1, 6), (3, 2)]:
        state = model.state(range(sentences))
        eager = beam_search(model.step, state, sentences, length, 3)
        graph = run(state["table"], length)
        np.testing.assert_array_equal(graph.ids, eager.ids)
        np.testing.assert_allclose(graph.scores, eager.scores, atol=1e-5)


@pytest.mark.parametrize("options", [{"n_best": 0}, {"n_best": 4}, {"alpha": -0.1}])
def test_impossible_settings_are_refused(table_model, options):
    model = table_model(0)
    with pytest.raises(ValueError, match="n_best"):
        beam_search(model.step, model.state(), 3, 4, 3, **options)
