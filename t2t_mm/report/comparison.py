"""Several runs side by side: how good each was at its best, and which of their settings differ."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from t2t_mm.errors import UserError
from t2t_mm.metrics.accuracy import accuracy
from t2t_mm.report.eval_table import columns, percent
from t2t_mm.training import run_folder
from t2t_mm.training.metrics_file import numbers, read_lines

SETTINGS = ("model", "hparams_set", "hparams", "modalities", "seed", "trained_on")  # of experiment.json
SHORT = 8  # digits shown of a checksum


class Evaluation(NamedTuple):
    """The dev split after a step: means over the problems; of an accuracy that there is not, NaN."""

    step: int
    log_perplexity: float
    accuracy: float


class Run(NamedTuple):
    """A run and its evaluations; `comparable` is equal for runs whose log-perplexities mean the same."""

    folder: Path
    comparable: tuple[Any, ...]
    settings: Mapping[str, Any]
    step: int
    best: Evaluation | None


def runs_in(folders: Sequence[str | os.PathLike]) -> list[Run]:
    """The runs that lie in folders, at any depth, each once. UserError if a folder has none, or one is damaged."""
    found: dict[Path, Run] = {}
    for folder in (Path(folder).expanduser() for folder in folders):
        paths = sorted(folder.rglob(run_folder.FILE_NAME))
        if not paths:
            raise UserError(f"There is no run in {str(folder)!r}, at any depth. Name --output_dir of t2t-trainer runs, "
                            "or folders in which they lie.")
        found |= {path.parent.resolve(): _run(path.parent) for path in paths if path.parent.resolve() not in found}
    return list(found.values())


def evaluations(lines: Iterable[Mapping[str, Any]]) -> Iterator[Evaluation]:
    """Those of the dev lines of metrics.jsonl, in the order of their steps."""
    steps: dict[int, list[Mapping[str, float]]] = {}
    for line in lines:
        if line["split"] == "dev":
            steps.setdefault(line["step"], []).append(numbers(line))
    for step, problems in sorted(steps.items()):
        yield Evaluation(step, fmean(values["log_perplexity"] for values in problems), fmean(map(accuracy, problems)))


def comparison_text(runs: Sequence[Run]) -> str:
    """A table for each group of comparable runs, best first, with a column for each setting that differs in it."""
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(run.comparable, []).append(run)
    return "\n\n".join(map(_table, groups.values()))


def _run(folder: Path) -> Run:
    fields = run_folder.read(folder)
    lines = list(read_lines(folder))
    try:
        settings = run_folder.flattened({key: fields[key] for key in SETTINGS if key in fields})
        comparable = tuple(fields["problems"]), tuple(sorted(fields["vocabularies"].items()))
    except (KeyError, TypeError, AttributeError) as error:
        raise run_folder.damaged(folder, error) from None
    measured = [one for one in evaluations(lines) if math.isfinite(one.log_perplexity)]
    best = min(measured, key=lambda one: one.log_perplexity, default=None)
    return Run(folder, comparable, settings, max((line["step"] for line in lines), default=0), best)


def _table(runs: Sequence[Run]) -> str:
    runs = sorted(runs, key=lambda run: run.best.log_perplexity if run.best else math.inf)
    differing = [key for key in dict.fromkeys(key for run in runs for key in run.settings)
                 if len({_shown(key, run) for run in runs}) > 1]
    head = ("run", "step", "best at", "log-perplexity", "accuracy", *(_short(key) for key in differing))
    rows = [(str(run.folder), f"{run.step:,}", *_best(run.best), *(_shown(key, run) for key in differing))
            for run in runs]
    return f"dev split of {', '.join(runs[0].comparable[0])}\n\n" + columns(head, rows)


def _best(best: Evaluation | None) -> tuple[str, str, str]:
    if best is None:
        return "never", "", ""
    return f"{best.step:,}", f"{best.log_perplexity:.4f}", percent(best.accuracy)


def _shown(key: str, run: Run) -> str:
    """A setting of a run; "default" for one that is younger than the run."""
    if key not in run.settings:
        return "default" if key.startswith("hparams.") else "-"
    text = run_folder.shown(run.settings[key])
    return text[:SHORT] if key.startswith("trained_on.") else text


def _short(key: str) -> str:
    return key.removeprefix("hparams.").replace("trained_on.", "data of ")
