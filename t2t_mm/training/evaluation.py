"""Teacher-forced evaluation: log-perplexity and accuracies of a problem's batches, traced once per graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import partial
from typing import Any

import tensorflow as tf

from t2t_mm.cores import side_by_side
from t2t_mm.errors import UserError
from t2t_mm.metrics import token_metrics
from t2t_mm.metrics.accuracy import OF_CLASSES, OF_TOKENS
from t2t_mm.training.signatures import specification

_TEXT_METRICS = {OF_TOKENS: token_metrics.token_accuracy, "sequence_accuracy": token_metrics.sequence_accuracy}
_CLASS_METRICS = {OF_CLASSES: token_metrics.token_accuracy}
_MANY_CLASSES_METRICS = {**_CLASS_METRICS, "top5_accuracy": token_metrics.top_k_accuracy}  # of more than five


class Evaluator:
    """Evaluates one model again and again without tracing again: problems of one `model.graph_key` share a graph."""

    def __init__(self, model: Any):
        self._model = model
        self._functions: dict[Hashable, Any] = {}

    def evaluate(self, problem: Any, batches: Iterable[dict[str, tf.Tensor]]) -> dict[str, float]:
        """Metrics of a problem (or its name) over all batches, each weighted by its target positions.

        Returns:
            log_perplexity (nats per target position, no smoothing), tokens (target positions), examples; for text
            token_accuracy and sequence_accuracy (every position right), for classes accuracy, and top5_accuracy
            where there are more than five.

        Raises UserError if there is no batch.
        """
        name = problem if isinstance(problem, str) else problem.name
        command = tf.constant(self._model.command_id(name), tf.int32)
        calls = ((self._function(name, batch), batch) for batch in batches)
        pairs = list(side_by_side(lambda call: call[0](call[1], command), calls))
        if not pairs:
            raise UserError(f"There is nothing to evaluate {name} on: no batch. Give --eval_steps at least 1.")
        return _averages(pairs)

    @property
    def traces(self) -> int:
        """How many graphs have been traced so far."""
        return sum(function.experimental_get_tracing_count() for function in self._functions.values())

    def _function(self, name: str, batch: dict[str, tf.Tensor]) -> Any:
        signature = {key: specification(tensor) for key, tensor in batch.items()}
        key = (self._model.graph_key(name), tuple(sorted(signature.items())))
        if key not in self._functions:
            self._functions[key] = tf.function(
                partial(self._pairs, name), autograph=False, input_signature=[signature, tf.TensorSpec([], tf.int32)])
        return self._functions[key]

    def _pairs(self, name: str, batch: dict[str, tf.Tensor], command: tf.Tensor) -> dict[str, tuple]:
        """Metric → (sum, weight) of one batch; in graph."""
        output = self._model.call(batch, name, training=False, seed=None, command=command)
        targets, weights = self._model.targets(batch, name), self._model.target_weights(batch, name)
        metrics = _metrics(self._model.autoregressive(name), output.logits.shape[-1])
        examples = tf.cast(tf.shape(targets)[0], tf.float32)
        nats, tokens = self._model.loss(batch, name, output, training=False)
        pairs = {"log_perplexity": (nats, tokens), "tokens": (tokens, 1.0), "examples": (examples, 1.0)}
        pairs |= {metric: function(output.logits, targets, weights) for metric, function in metrics.items()}
        return {key: tuple(tf.cast(number, tf.float32) for number in pair) for key, pair in pairs.items()}


def _metrics(autoregressive: bool, size: int) -> dict[str, Any]:
    if autoregressive:
        return _TEXT_METRICS
    return _MANY_CLASSES_METRICS if size > 5 else _CLASS_METRICS


def _averages(pairs: list[dict[str, tuple]]) -> dict[str, float]:
    averages = {}
    for metric in pairs[0]:
        total = sum(float(pair[metric][0]) for pair in pairs)
        weight = sum(float(pair[metric][1]) for pair in pairs)
        averages[metric] = total if metric in ("tokens", "examples") else total / max(weight, 1.0)
    return averages
