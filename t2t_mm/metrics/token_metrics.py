"""In-graph metrics of teacher-forced outputs: functions of (logits, targets, weights) that return (sum, weight).

Shapes: logits [B, L, V], targets int [B, L], weights float [B, L], 1 where a target position counts. Both results
are float32 scalars; sum / weight over all batches is the metric, whatever the sizes of the batches.
"""

from typing import Any

from keras import ops

Pair = tuple[Any, Any]


def token_accuracy(logits: Any, targets: Any, weights: Any) -> Pair:
    """Positions whose most probable token is the target, and counted positions."""
    weights = ops.cast(weights, "float32")
    return ops.sum(_right(logits, targets) * weights), ops.sum(weights)


def sequence_accuracy(logits: Any, targets: Any, weights: Any) -> Pair:
    """Examples right at every counted position, and examples that have one."""
    counted = ops.cast(weights, "float32") > 0  # [B, L]
    right = ops.logical_or(_right(logits, targets) > 0, ops.logical_not(counted))
    present = ops.cast(ops.any(counted, axis=1), "float32")  # [B]
    return ops.sum(ops.cast(ops.all(right, axis=1), "float32") * present), ops.sum(present)


def top_k_accuracy(logits: Any, targets: Any, weights: Any, k: int = 5) -> Pair:
    """Positions whose target has fewer than `k` tokens above it, and counted positions."""
    weights, logits = ops.cast(weights, "float32"), ops.cast(logits, "float32")
    own = ops.take_along_axis(logits, ops.cast(targets, "int32")[..., None], axis=-1)  # [B, L, 1]
    above = ops.sum(ops.cast(logits > own, "int32"), axis=-1)  # [B, L]
    finite = ops.all(ops.isfinite(logits), axis=-1)  # nothing is above NaN, so it must not count as right
    right = ops.cast(ops.logical_and(above < k, finite), "float32")
    return ops.sum(right * weights), ops.sum(weights)


def _right(logits: Any, targets: Any) -> Any:
    """float32 [B, L]: 1 where the most probable token is the target."""
    return ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(targets, "int32")), "float32")
