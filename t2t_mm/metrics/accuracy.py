"""The accuracy among teacher-forced metrics, which has two names: of tokens, and of classes."""

import math
from collections.abc import Mapping

OF_TOKENS, OF_CLASSES = "token_accuracy", "accuracy"


def accuracy(metrics: Mapping[str, float]) -> float:
    """The share of right target tokens, or of right classes; NaN where the metrics have neither."""
    return metrics.get(OF_CLASSES, metrics.get(OF_TOKENS, math.nan))
