"""The data of a run: what it trains and evaluates on, in which mixture, and what is left out as too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from t2t_mm.data.buckets import length_features
from t2t_mm.data.manifest import read_manifest
from t2t_mm.data.pipeline import (EvalBatches, all_too_long, count_dropped, describe_drops, eval_batches,
                                  train_batches)
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.problems.problem import Problem
from t2t_mm.training.adaptive_mixing import AdaptiveMixing
from t2t_mm.training.mixing import Mixing
from t2t_mm.training.mixing_hparams import make_mixing

DEV = "dev"


class DevData:
    """The dev batches of the problems that have dev examples, made at the first evaluation."""

    def __init__(self, experiment: Experiment, eval_steps: int):
        self._experiment, self._eval_steps = experiment, eval_steps
        self._data: dict[str, EvalBatches] | None = None

    def items(self) -> list[tuple[str, EvalBatches]]:
        """(problem, its batches)."""
        if self._data is None:
            run = self._experiment
            self._data = {problem.name: eval_batches(problem, run.data_dir, DEV, run.buckets(problem),
                                                     self._eval_steps or None)
                          for problem in run.problems if read_manifest(run.data_dir, problem.name).has(DEV)}
        return list(self._data.items())


def training_data(experiment: Experiment, problem: Any, compiled: bool) -> tf.data.Dataset:
    """The training batches of a problem; `compiled`: few shapes of them."""
    buckets = experiment.buckets(problem)
    return train_batches(problem, experiment.data_dir, experiment.encoders, buckets, experiment.seed, compiled)


def mixing_of(experiment: Experiment, steps: int, eval_interval: int, report: Callable[[str], None]) -> Mixing:
    """Which problem is trained when, and a report of the shares; UserError for a mixing that the data do not allow."""
    manifests = {problem.name: read_manifest(experiment.data_dir, problem.name) for problem in experiment.problems}
    sizes = {name: manifest.count("train") for name, manifest in manifests.items()}
    mixing = make_mixing(experiment.hparams, sizes, experiment.seed)
    if isinstance(mixing, AdaptiveMixing):
        mixing.check({name: manifest.has(DEV) for name, manifest in manifests.items()}, eval_interval)
    warning = mixing.warning(steps)
    for line in ([warning] if warning else []) + mixing.describe(sizes):
        report(line)
    return mixing


def data_checksums(experiment: Experiment) -> dict[str, str]:
    """Problem → a checksum of its training data."""
    return {problem.name: read_manifest(experiment.data_dir, problem.name).split("train").checksum
            for problem in experiment.problems}


def report_unused(experiment: Experiment, patience: int, report: Callable[[str], None]) -> None:
    """Says what a run leaves out: evaluations without dev examples, and examples that are too long.

    UserError if early stopping waits for no evaluation, or if all examples of a split are too long.
    """
    _report_without_dev(experiment, patience, report)
    _report_drops(experiment, report)


def _report_without_dev(experiment: Experiment, patience: int, report: Callable[[str], None]) -> None:
    """Says which problems are not evaluated, as they have no dev examples. UserError if `patience` waits for none."""
    names = [problem.name for problem in experiment.problems]
    without = [name for name in names if not read_manifest(experiment.data_dir, name).has(DEV)]
    if without == names and patience:
        raise UserError(f"--early_stopping_patience={patience}: no problem has dev examples, so nothing is evaluated "
                        "that could get worse. Leave it out, or generate data with a dev split.")
    if without == names:
        report("Nothing is evaluated: there are no dev examples. The weights that count are the latest.")
    elif without:
        report(f"Not evaluated, as there are no dev examples: {', '.join(without)}.")


def _report_drops(experiment: Experiment, report: Callable[[str], None]) -> None:
    """Says how many examples are too long, problem by problem; reads only what may have some. UserError if all are."""
    for problem in experiment.problems:
        manifest, buckets = read_manifest(experiment.data_dir, problem.name), experiment.buckets(problem)
        for split in filter(manifest.has, ("train", DEV)):
            if surely_fit(experiment, problem, split):
                continue
            dropped = count_dropped(problem, experiment.data_dir, split, buckets)
            if dropped == manifest.count(split):
                raise UserError(all_too_long(problem, split, buckets))
            if dropped:
                report(describe_drops(problem, split, dropped, manifest.count(split)))


def surely_fit(experiment: Experiment, problem: Any, split: str) -> bool:
    """Whether the manifest rules out too long examples: where only texts have a length, and as they are stored."""
    features, splits = length_features(problem), read_manifest(experiment.data_dir, problem.name).splits
    if split not in splits or not all(feature.is_text for feature in features.values()):
        return split not in splits
    if features and type(problem).preprocess is not Problem.preprocess:
        return False
    most = experiment.buckets(problem).max_length
    return all(splits[split].lengths[name]["longest"] <= most for name in features)
