"""The table of results: a problem's metrics beside what a trivial guesser reaches that saw the same training data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from t2t_mm.report.contents import Row


def row(experiment: Any, decoder: Any, evaluator: Any, problem: Any, split: str, decoded: int) -> Row:
    """Evaluates (teacher-forced, whole split) and decodes (the first `decoded` different inputs) one problem."""
    from t2t_mm.data.manifest import read_manifest
    from t2t_mm.data.pipeline import eval_batches

    batches = eval_batches(problem, experiment.data_dir, split, experiment.buckets(problem))
    metrics = evaluator.evaluate(problem, batches)
    measures = decoder.measure(problem, split, decoded) if decoded else {}
    count = measures.get("decoded_examples", 0)
    value, kind = baseline(experiment, problem, split)
    examples = read_manifest(experiment.data_dir, problem.name).count(split)
    return Row(problem.name, task(problem), examples, metrics, measures, count, value, kind)


def task(problem: Any) -> str:
    """What goes in and what comes out, e.g. "image → class"."""
    inputs = " + ".join(_kind(feature) for feature in problem.inputs.values())
    return f"{inputs or 'nothing'} → {_kind(problem.targets)}"


def baseline(experiment: Any, problem: Any, split: str) -> tuple[float, str]:
    """Accuracy of the most frequent class, or of the most frequent token given the previous one, and which of them."""
    from t2t_mm.metrics.baselines import bigram_baseline, majority_class

    train = target_ids(experiment.data_dir, problem, "train")
    held_out = target_ids(experiment.data_dir, problem, split)
    if problem.targets.is_text:
        return bigram_baseline(train, held_out), "most frequent token given the previous one"
    label = majority_class(Counter(int(ids[0]) for ids in train))
    right = [ids[0] == label for ids in held_out]
    return sum(right) / max(len(right), 1), "most frequent class"


def target_ids(data_dir: str, problem: Any, split: str) -> Iterator[Any]:
    """The stored target ids of a split, example by example: int64 [ids], EOS-closed for text, one id for a class."""
    return (example["targets"] for example in stored(data_dir, problem, split))


def stored(data_dir: str, problem: Any, split: str) -> Iterator[dict]:
    """The stored examples of a split, in order: record column → values."""
    from t2t_mm.data.manifest import read_manifest
    from t2t_mm.data.records import read_stored

    return read_stored(read_manifest(data_dir, problem.name).paths(split))


def _kind(feature: Any) -> str:
    return {"language": "text", "categorical": "class", "image_small": "image"}.get(feature.modality, feature.modality)
