"""Laws of greedy decoding, which are also those of its loop."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.greedy import greedy


def best_path(model, sentence, length):
    """Greedy decoding in numpy: (ids, log-probability)."""
    ids, total = (), 0.0
    while len(ids) < length and 1 not in ids:
        log_probs = model.log_probs(sentence, ids)
        ids, total = (*ids, int(log_probs.argmax())), total + float(log_probs.max())
    return ids, total


@pytest.mark.parametrize("seed", range(5))
def test_greedy_takes_the_most_probable_id_everywhere(table_model, written, seed):
    model = table_model(seed, sentences=6, length=7, vocabulary=5)
    decoded = greedy(model.step, model.state(), 6, 7)
    assert decoded.ids.shape == (6, 1, 7) and decoded.ids.dtype == tf.int32
    assert decoded.scores.shape == (6, 1) and decoded.scores.dtype == tf.float32
    for sentence in range(6):
        ids, score = best_path(model, sentence, 7)
        assert written(decoded.ids[sentence, 0]) == ids
        assert float(decoded.scores[sentence, 0]) == pytest.approx(score, abs=1e-4)


def test_pad_is_never_produced_even_when_it_is_most_probable(table_model, written):
    model = table_model(0, length=6)
    model.table[..., 0] = 100
    decoded = greedy(model.step, model.state(), 3, 6)
    assert all(written(ids[0]) for ids in decoded.ids)


def test_step_is_called_once_per_position_and_no_more_after_all_have_ended(table_model):
    model = table_model(3, length=8)
    model.table[..., 1] = -100
    model.table[0, 2, :, 1] = model.table[1, 4, :, 1] = model.table[2, 1, :, 1] = 100  # ends after 3, 5 and 2 ids
    decoded = greedy(model.step, model.state(), 3, 8)
    assert model.calls == 5
    assert np.count_nonzero(decoded.ids[:, 0], axis=1).tolist() == [3, 5, 2]


def test_one_traced_function_serves_every_batch_and_length(table_model):
    model = table_model(5, sentences=4, length=6)
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None]), tf.TensorSpec([], tf.int32)])
    def run(table, length):
        traces.append(1)
        zeros = tf.zeros([tf.shape(table)[0]], tf.int32)
        state = {"table": table, "moving": (zeros, zeros)}
        return greedy(model.step, state, tf.shape(table)[0], length)

    for sentences, length in [(4, 6), (1, 6), (3, 2), (2, 0)]:
        state = model.state(range(sentences))
        eager, graph = greedy(model.step, state, sentences, length), run(state["table"], length)
        assert graph.ids.shape == (sentences, 1, length)
        np.testing.assert_array_equal(graph.ids, eager.ids)
        np.testing.assert_allclose(graph.scores, eager.scores, atol=1e-5)
    assert len(traces) == 1
