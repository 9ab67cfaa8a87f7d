"""Laws of the in-graph metrics: against a plain loop, and blind to what does not count."""

import numpy as np
import pytest

from t2t_mm.metrics import token_metrics

METRICS = (token_metrics.token_accuracy, token_metrics.sequence_accuracy, token_metrics.top_k_accuracy)


def batch(seed: int):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(6, 5, 7)).astype("float32")
    targets = np.where(random.random((6, 5)) < 0.7, logits.argmax(-1), random.integers(0, 7, (6, 5))).astype("int32")
    lengths = np.array([5, 0, 1, 3, 4, 2])
    return logits, targets, (np.arange(5)[None] < lengths[:, None]).astype("float32")


def numbers(pair) -> list[float]:
    return [float(value) for value in pair]


@pytest.mark.parametrize("seed", range(5))
def test_agree_with_a_plain_loop(seed):
    logits, targets, weights = batch(seed)
    right = top = sequences = 0
    for row in range(6):
        places = [t for t in range(5) if weights[row, t]]
        hits = [logits[row, t].argmax() == targets[row, t] for t in places]
        right += sum(hits)
        sequences += bool(places) and all(hits)
        top += sum(targets[row, t] in np.argsort(-logits[row, t])[:5] for t in places)
    assert numbers(token_metrics.token_accuracy(logits, targets, weights)) == [right, 15]
    assert numbers(token_metrics.sequence_accuracy(logits, targets, weights)) == [sequences, 5]
    assert numbers(token_metrics.top_k_accuracy(logits, targets, weights)) == [top, 15]


@pytest.mark.parametrize("metric", METRICS)
def test_what_does_not_count_changes_nothing(metric):
    logits, targets, weights = batch(1)
    noisy = np.where(weights[..., None] > 0, logits, 9.0 - logits)
    padded = [np.pad(array, [(0, 2), (0, 3)] + [(0, 0)] * (array.ndim - 2)) for array in (logits, targets, weights)]
    expected = numbers(metric(logits, targets, weights))
    assert numbers(metric(noisy, targets, weights)) == expected
    assert numbers(metric(*padded)) == expected


@pytest.mark.parametrize("metric", METRICS)
def test_parts_of_a_batch_add_up(metric):
    logits, targets, weights = batch(2)
    parts = [numbers(metric(logits[rows], targets[rows], weights[rows])) for rows in (slice(0, 2), slice(2, 6))]
    assert np.sum(parts, axis=0).tolist() == numbers(metric(logits, targets, weights))


def test_top_k_has_no_more_classes_than_there_are_and_forgives_no_nan():
    logits, targets, weights = batch(3)
    assert numbers(token_metrics.top_k_accuracy(logits, targets, weights, k=50))[0] == 15
    assert numbers(token_metrics.top_k_accuracy(logits * np.nan, targets, weights))[0] == 0
    assert numbers(token_metrics.top_k_accuracy(logits, targets, weights, k=1)) == numbers(
        token_metrics.token_accuracy(logits, targets, weights))
