"""Which experts of each mixture-of-experts layer each problem uses, measured on held-out examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from t2t_mm.report.contents import Experts

BATCHES = 4                             # a problem
ENDING = "expert_load"                  # of the keys of ModelOutput.statistics that hold [experts] tensors


def shares(experiment: Any, decoder: Any, problems: Sequence[Any], split: str) -> list[Experts]:
    """One entry a layer; empty for a model without experts."""
    loads = {problem.name: problem_loads(experiment, decoder.model, problem, split) for problem in problems}
    layers = list(dict.fromkeys(key for found in loads.values() for key in found))
    entries = []
    for layer in layers:
        names = [name for name, found in loads.items() if layer in found]
        entries.append(Experts(title(layer), tuple(names), tuple(normalised(loads[name][layer]) for name in names)))
    return entries


def problem_loads(experiment: Any, model: Any, problem: Any, split: str) -> dict[str, np.ndarray]:
    """Expert loads summed over a few batches: statistics key → float64 [experts]."""
    from t2t_mm.data.pipeline import eval_batches

    totals: dict[str, np.ndarray] = {}
    for batch in eval_batches(problem, experiment.data_dir, split, experiment.buckets(problem), max_batches=BATCHES):
        statistics = model.call(batch, problem.name).statistics
        for key, value in statistics.items():
            if key.endswith(ENDING):
                totals[key] = totals.get(key, 0.0) + np.asarray(value, np.float64)
    return totals


def normalised(load: np.ndarray) -> tuple[float, ...]:
    """Shares that sum to 1, or zeros where nothing was routed."""
    total = float(np.sum(load))
    return tuple(float(x) / total if total > 0 else 0.0 for x in load)


def title(key: str) -> str:
    """The name of a layer from its statistics key, e.g. "encoder/moe/expert_load" → "encoder/moe"."""
    return key.removesuffix(ENDING).rstrip("/_.") or "experts"
