"""train: an experiment and a folder → a trained model, evaluated as it goes; the same call again goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.training import distribution, loop, run_folder, schedules, warm_start
from t2t_mm.training.adaptive_mixing import AdaptiveMixing
from t2t_mm.training.batches import Batches
from t2t_mm.training.checkpoints import BEST, LATEST, Checkpoints
from t2t_mm.training.evaluation import Evaluator
from t2t_mm.training.event_log import EventLog, NoLog
from t2t_mm.training.metrics_file import describe_totals, last_metrics, read_lines, train_totals
from t2t_mm.training.mixing import Mixing
from t2t_mm.training.mixing_hparams import loss_weights
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.progress import Progress
from t2t_mm.training.run_data import DEV, DevData, data_checksums, mixing_of, report_unused, training_data
from t2t_mm.training.train_step import TrainStep
from t2t_mm.training.workers import Workers


def train(experiment: Experiment, output_dir: str, train_steps: int = 0, eval_steps: int = 100, eval_interval: int = 0,
          checkpoint_interval: int = 0, xla: str = "auto", strategy: Any = "auto", early_stopping_patience: int = 0,
          keep: int = 3, log_interval: int = 50, report: Callable[[str], None] = print,
          started: float | None = None) -> dict[str, Any]:
    """Trains until `train_steps` updates have been made in all, counting those of earlier calls with this output_dir.

    Args:
        experiment: what to train; saved in output_dir, which must not hold another one.
        output_dir: gets experiment.json, vocabularies/, checkpoints/, best/, metrics.jsonl, tensorboard/.
        train_steps: 0: as the hparams say.
        eval_steps: most dev batches of a problem in an evaluation; 0: all.
        eval_interval: steps between evaluations; 0: as the hparams say. There is one at the end in any case.
        checkpoint_interval: steps between checkpoints; 0: as between evaluations.
        xla: "auto", "on" or "off" (`distribution.use_xla`).
        strategy: a kind of `distribution.make_strategy`, a tf.distribute.Strategy, or None. With several workers all
            call this with the same arguments; worker 0 alone reports, and writes for all.
        early_stopping_patience: stop after so many evaluations without a lower mean log-perplexity; 0: never.
        keep: how many checkpoints stay.
        log_interval: steps between train lines of metrics.jsonl.
        report: prints a line.
        started: the moment of `time.monotonic()` from which the time to the first update is counted; None: this call.

    Returns:
        status ("finished", "stopped early", "interrupted"), step, best_step, best_log_perplexity, dev (problem →
        last dev metrics), totals (problem → steps, examples and target tokens trained in all), traces (of this call:
        "train" and DEV → how many graphs), seconds (of this call), output_dir.

    Raises UserError for whatever can be known beforehand, and for a loss that is not finite.
    """
    start_time = time.monotonic()
    steps = _train_steps(experiment, train_steps)
    schedules.check(experiment.hparams.learning_rate_schedule, experiment.hparams.warmup_steps, steps)
    experiment.check_output_dir(output_dir)
    every = eval_interval or experiment.hparams.eval_interval
    intervals = loop.Intervals(steps, every, checkpoint_interval or every, log_interval, early_stopping_patience)
    scope = distribution.make_strategy(strategy) if isinstance(strategy, str) else strategy  # before the first tensor
    parts = distribution.parts(strategy)
    shapes = sum(len(experiment.buckets(problem).boundaries) for problem in experiment.problems)
    compiled = distribution.use_xla(xla, steps / shapes)
    workers = Workers(scope)
    report = workers.reporter(report)
    if not compiled and distribution.use_xla(xla):
        report(f"XLA compiles nothing: {steps:,} steps for {shapes} shapes of batches would not pay for it. --xla=on "
               "compiles in any case.")
    with workers.together():
        workers.check_same({**experiment.to_dict(), **dataclasses.asdict(intervals), "eval_steps": eval_steps,
                            "xla": xla, "data": data_checksums(experiment)})
        mixing = mixing_of(experiment, steps, every, report)
        report_unused(experiment, early_stopping_patience, report)
        with run_folder.held(output_dir) if workers.chief else contextlib.nullcontext():
            run = _Run(experiment, output_dir, mixing, workers, parts, compiled, steps, eval_steps, keep, report)
            status, done = run.go(intervals, report, start_time if started is None else started)
    summary = run.summary(status, done, time.monotonic() - start_time)
    report(describe(summary))
    return summary


class _Run:
    """The parts of a training run, made once: model, optimizer, data, checkpoints."""

    def __init__(self, experiment: Experiment, output_dir: str, mixing: Mixing, workers: Workers, parts: int,
                 xla: bool, train_steps: int, eval_steps: int, keep: int, report: Callable[[str], None]):
        self._experiment, self._output_dir, self._mixing = experiment, os.fspath(output_dir), mixing
        self._workers, self._compiled, self._checksums = workers, xla, data_checksums(experiment)
        hparams, scope = experiment.hparams, workers.strategy
        with _scope(scope):
            self._model = experiment.build_model()
            optimizer = make_optimizer(hparams, self._model.trainable_variables)
        weights = loss_weights(hparams, mixing.names)
        self._train_step = TrainStep(self._model, optimizer, hparams, xla, scope, experiment.seed, train_steps, weights,
                                     parts)
        self._evaluator = Evaluator(self._model)
        self._batches = Batches(
            {problem.name: iter(training_data(experiment, problem, xla)) for problem in experiment.problems},
            os.path.abspath(experiment.data_dir), self._checksums, report)
        self._dev = DevData(experiment, eval_steps)
        self._checkpoints = Checkpoints(output_dir, self._model, optimizer, self._batches, keep, workers.chief)
        self._best: dict[str, Any] = {}

    def go(self, intervals: loop.Intervals, report: Callable[[str], None], started: float) -> tuple[str, int]:
        """Restores, trains, and returns why it ended and after how many steps."""
        start = self._checkpoints.restore_latest() or 0
        self._workers.check_same({"the last checkpoint": start})
        if not start and self._experiment.warm_start:
            warm_start.load(self._model, self._experiment, report)
        if self._workers.chief:
            self._experiment.save(self._output_dir, self._checksums)
        if start:
            report(f"Going on from step {start:,} of {self._output_dir}.")
        if start >= intervals.train_steps:
            report(f"All {intervals.train_steps:,} steps are done already. Raise --train_steps to train on.")
        waits = ("XLA compiles each shape of batch when it first comes, which takes seconds, on a GPU up to minutes"
                 if self._compiled else "the first update of each kind of problem takes seconds longer than the others")
        report(f"{sum(self._model.parameter_groups().values()):,} parameters; {waits}.")
        event_log = EventLog(self._output_dir, start) if self._workers.chief else NoLog()
        with event_log as log, Progress(intervals.train_steps, start, report) as progress:
            adaptive = self._mixing if isinstance(self._mixing, AdaptiveMixing) else None
            training = loop.Loop(self._take, self._evaluate, self._checkpoints, log, progress, intervals,
                                 self._output_dir, self._workers, self._traces, adaptive)
            status, done = training.run(start, started)
        self._best = training.state
        return status, done

    def summary(self, status: str, done: int, seconds: float) -> dict[str, Any]:
        return {"status": status, "step": done, "best_step": self._best["best_step"],
                "best_log_perplexity": self._best["best_value"], "dev": last_metrics(self._output_dir, DEV),
                "totals": train_totals(read_lines(self._output_dir), self._best["sums"]), "seconds": seconds,
                "traces": self._traces(), "output_dir": self._output_dir}

    def _take(self, done: int) -> list[loop.Step]:
        """The next update: one batch of one problem, or several of several."""
        names = self._mixing.problems_at(done)
        batches = [self._batches.next(name) for name in names]
        if len(names) == 1:
            return [loop.Step(names[0], batches[0], self._train_step.step(names[0], batches[0], done))]
        return [loop.Step(*taken) for taken in zip(names, batches, self._train_step.step_many(names, batches, done))]

    def _evaluate(self) -> dict[str, dict[str, float]]:
        return self._workers.of_chief({name: self._evaluator.evaluate(name, data) for name, data in self._dev.items()})

    def _traces(self) -> dict[str, int]:
        """How many graphs have been traced to train on and to evaluate; it rises no more once all were needed."""
        return {"train": self._train_step.traces, DEV: self._evaluator.traces}


def describe(summary: dict[str, Any]) -> str:
    """How a run ended and where its results are, in a few lines."""
    lines = [f"Training {summary['status']} after {summary['step']:,} steps."]
    if summary["status"] == loop.INTERRUPTED:
        lines[0] += " Everything is saved: the same command goes on."
    if summary["best_step"] is not None:
        lines.append(f"Best dev log-perplexity {summary['best_log_perplexity']:.4f} at step {summary['best_step']:,}.")
    lines += ["Trained in all:", *describe_totals(summary["totals"])]
    traces, folder = summary["traces"], summary["output_dir"]
    lines.append(f"Graphs traced: {traces['train']} to train, {traces[DEV]} to evaluate.")
    weights = LATEST if summary["best_step"] is None else BEST
    lines.append(f"Results: {os.path.join(folder, 'metrics.jsonl')}; curves: tensorboard --logdir "
                 f"{shlex.quote(os.path.join(folder, 'tensorboard'))}; weights: {os.path.join(folder, weights)}")
    return "\n".join(lines)


def _train_steps(experiment: Experiment, asked: int) -> int:
    steps = asked or experiment.hparams.train_steps
    if steps < 1:
        raise UserError("How long to train is not said. Give --train_steps, or the hparam train_steps.")
    return steps


def _scope(strategy: Any) -> Any:
    return strategy.scope() if strategy else contextlib.nullcontext()
