"""What a report says, as plain data: gathered here from a finished run, drawn elsewhere (html.py, the demo's table)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DECODED = 200                           # examples a problem that are decoded to measure the text the model writes


@dataclass(frozen=True)
class Row:
    """One problem's line in the table of results. Accuracies are shares, 0 to 1."""

    problem: str
    task: str                           # e.g. "image → class"
    examples: int                       # in the split
    metrics: Mapping[str, float]        # teacher-forced, as training/evaluation.py names them
    measures: Mapping[str, Any]         # of decoded text, as metrics/corpus.py names them
    decoded: int                        # examples behind `measures`
    baseline: float
    baseline_kind: str

    @property
    def accuracy(self) -> float:
        """Share of right target tokens, or of right classes."""
        return self.metrics.get("accuracy", self.metrics.get("token_accuracy", math.nan))

    @property
    def beats_baseline(self) -> bool:
        return self.accuracy > self.baseline


@dataclass(frozen=True)
class Curve:
    """Dev figures of one problem over training: equally long tuples."""

    problem: str
    steps: tuple[int, ...]
    accuracy: tuple[float, ...]
    log_perplexity: tuple[float, ...]


@dataclass(frozen=True)
class Trained:
    """What training took of one problem, in all; and its share of the steps before each moment that was logged."""

    problem: str
    steps: int
    examples: int
    tokens: int                         # of targets
    moments: tuple[int, ...]            # in steps of the run; none where the mixing does not change
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Piece:
    """One input of a sample: kind "text" (str), "picture" (encoded bytes) or "sound" (int16 [samples])."""

    kind: str
    name: str
    value: Any
    sample_rate: int = 0

    def __str__(self) -> str:
        if self.kind == "sound":
            return f"[sound of {len(self.value) / self.sample_rate:.1f} s]"
        return "[picture]" if self.kind == "picture" else str(self.value)


@dataclass(frozen=True)
class Sample:
    """One example with what the model made of it: n best (text, score), best first."""

    problem: str
    inputs: tuple[Piece, ...]
    reference: str
    outputs: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Experts:
    """Of one mixture-of-experts layer: the share of each problem's tokens that each expert receives."""

    name: str
    problems: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Contents:
    title: str
    split: str
    facts: Mapping[str, str]
    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    samples: tuple[Sample, ...]
    experts: tuple[Experts, ...]
    trained: tuple[Trained, ...] = ()


def gather(experiment: Any, output_dir: str, split: str = "dev", samples: int = 3, decoded: int = DECODED,
           which: str = "best", problems: Sequence[Any] = ()) -> Contents:
    """Evaluates and decodes problems of a run (all). Raises UserError where the run or its data is missing."""
    from t2t_mm.inference import Decoder, DecodeSettings
    from t2t_mm.report import experts, results, samples as sampling
    from t2t_mm.training.evaluation import Evaluator
    from t2t_mm.training.event_log import read_lines

    history = tuple(curves(read_lines(output_dir)))
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
        trained=tuple(trained(list(read_lines(output_dir)), changing)),
    )


def curves(lines: Iterable[Mapping[str, Any]]) -> Iterator[Curve]:
    """The dev lines of metrics.jsonl (training/event_log.py) as one curve a problem, in order of appearance."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    for line in lines:
        if line["split"] == "dev" and line["problem"]:
            values = {name: math.nan if value is None else value for name, value in line["metrics"].items()}
            accuracy = values.get("accuracy", values.get("token_accuracy", math.nan))
            point = (line["step"], accuracy, values.get("log_perplexity", math.nan))
            found.setdefault(line["problem"], []).append(point)
    for problem, points in found.items():
        yield Curve(problem, *zip(*sorted(points, key=lambda point: point[0])))


def trained(lines: Sequence[Mapping[str, Any]], changing: bool) -> Iterator[Trained]:
    """What the train lines of metrics.jsonl say, problem by problem; `changing`: with shares by moment."""
    from t2t_mm.training.event_log import train_totals

    shares = {(line["problem"], line["step"]): line["metrics"]["share"] for line in lines if line["split"] == "train"}
    moments = tuple(sorted({step for _, step in shares})) if changing else ()
    for problem, sums in train_totals(lines).items():
        yield Trained(problem, *(int(sums[name]) for name in ("steps", "examples", "tokens")), moments,
                      tuple(shares.get((problem, moment), 0.0) for moment in moments))


def measure_text(measures: Mapping[str, Any]) -> str:
    """Decoded measures as one short line, e.g. "bleu 21.2, chrf 48.0"; signatures and counts of examples left out."""
    return ", ".join(f"{name} {value}" for name, value in measure_values(measures).items())


def measure_values(measures: Mapping[str, Any]) -> dict[str, str]:
    """Decoded measures as they are shown: name → three figures, or a whole count."""
    return {name: f"{value:,}" if isinstance(value, int) else f"{value:.3g}" for name, value in measures.items()
            if isinstance(value, int | float) and not name.startswith("decoded_")}


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
