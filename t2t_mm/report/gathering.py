"""Gathers what a report says from the folder of a finished run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from t2t_mm.metrics.accuracy import accuracy
from t2t_mm.report import experts, results
from t2t_mm.report import samples as sampling
from t2t_mm.report.contents import Contents, Curve, Trained
from t2t_mm.training.metrics_file import numbers, read_lines, train_totals


def gather(experiment: Any, output_dir: str, split: str = "dev", samples: int = 3, decoded: int = 200,
           which: str = "best", problems: Sequence[Any] = ()) -> Contents:
    """Evaluates and decodes problems of a run (all). Raises UserError where the run or its data is missing.

    Args:
        samples: examples of a problem that are shown.
        decoded: examples of a problem that are decoded to measure the text the model writes.
    """
    from t2t_mm.inference import Decoder, DecodeSettings
    from t2t_mm.training.evaluation import Evaluator

    lines = list(read_lines(output_dir))
    history = tuple(curves(lines))
    changing = experiment.hparams.mixing in ("schedule", "adaptive")
    decoder = Decoder(experiment, output_dir, DecodeSettings(), which=which)
    evaluator = Evaluator(decoder.model)
    trained_on, problems = len(experiment.problems), problems or experiment.problems
    return Contents(
        title=f"{experiment.model_name}: {trained_on} problem{'s' * (trained_on != 1)}, one set of parameters",
        split=split,
        facts=_facts(experiment, decoder, output_dir, history),
        rows=tuple(results.row(experiment, decoder, evaluator, problem, split, decoded) for problem in problems),
        curves=history,
        samples=tuple(sample for problem in problems
                      for sample in sampling.samples(experiment, decoder, problem, split, samples)),
        experts=tuple(experts.shares(experiment, decoder, problems, split)),
        trained=tuple(trained(lines, changing)),
    )


def curves(lines: Iterable[Mapping[str, Any]]) -> Iterator[Curve]:
    """The dev lines of metrics.jsonl (training/metrics_file.py) as one curve a problem, in order of appearance."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    for line in lines:
        if line["split"] == "dev" and line["problem"]:
            values = numbers(line)
            point = (line["step"], accuracy(values), values.get("log_perplexity", math.nan))
            found.setdefault(line["problem"], []).append(point)
    for problem, points in found.items():
        yield Curve(problem, *zip(*sorted(points, key=lambda point: point[0])))


def trained(lines: Sequence[Mapping[str, Any]], changing: bool) -> Iterator[Trained]:
    """What the train lines of metrics.jsonl say, problem by problem; `changing`: with shares by moment."""
    shares = {(line["problem"], line["step"]): line["metrics"]["share"] for line in lines if line["split"] == "train"}
    moments = tuple(sorted({step for _, step in shares})) if changing else ()
    for problem, sums in train_totals(lines).items():
        yield Trained(problem, *(int(sums[name]) for name in ("steps", "examples", "tokens")), moments,
                      tuple(shares.get((problem, moment), 0.0) for moment in moments))


def _facts(experiment: Any, decoder: Any, output_dir: str, history: tuple[Curve, ...]) -> dict[str, str]:
    parameters = sum(decoder.model.parameter_groups().values())
    return {
        "model": f"{experiment.model_name}, hparams set {experiment.hparams_set}",
        "parameters": f"{parameters:,}, shared by all problems",
        "steps": f"{max((curve.steps[-1] for curve in history), default=decoder.step):,}",
        "weights": f"of step {decoder.step:,}",
        "problems": ", ".join(problem.name for problem in experiment.problems),
        "run": str(output_dir),
    }
