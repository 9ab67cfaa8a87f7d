"""Laws of the accuracy: it is found under both of its names."""

import math

import pytest

from t2t_mm.metrics.accuracy import OF_CLASSES, OF_TOKENS, accuracy


@pytest.mark.parametrize("metrics, value", [({OF_TOKENS: 0.6, "sequence_accuracy": 0.1}, 0.6),
                                            ({OF_CLASSES: 0.2, "top5_accuracy": 1.0}, 0.2)])
def test_both_names_are_known(metrics, value):
    assert accuracy(metrics) == value


def test_no_accuracy_is_no_number():
    assert math.isnan(accuracy({"log_perplexity": 1.0}))
