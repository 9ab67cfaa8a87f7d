"""The loop: step, log, evaluate, checkpoint, and when to stop; a run that was killed goes on to the same numbers."""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from t2t_mm.errors import UserError
from t2t_mm.metrics.accuracy import accuracy
from t2t_mm.training.adaptive_mixing import AdaptiveMixing
from t2t_mm.training.checkpoints import Checkpoints
from t2t_mm.training.event_log import EventLog
from t2t_mm.training.progress import Progress, Taken
from t2t_mm.training.workers import Workers

READ_EVERY = 10  # steps between two looks at the results, each of which waits for the device
SUMMED = ("tokens", "examples", "skipped_updates")  # a train line has their sum, and the mean of the other metrics
FINISHED, STOPPED_EARLY, INTERRUPTED = "finished", "stopped early", "interrupted"


class Step(NamedTuple):
    """What one problem did in one step: its batch, and the scalars (still on the device) of TrainStep.step."""

    problem: str
    batch: Mapping[str, Any]
    scalars: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Intervals:
    """When what happens, in steps; `patience` in evaluations without a better one, 0: never stop early."""

    train_steps: int
    eval_interval: int
    checkpoint_interval: int
    log_interval: int = 50
    patience: int = 0


class Loop:
    """Runs steps until the end, an early stop or a signal.

    Args:
        take: number of steps done → the Steps of the next one.
        evaluate: () → {problem: dev metrics}, or {} where nothing can be evaluated.
        checkpoints: restored already; its `state` holds the loop's counters.
        log, progress: where results go.
        intervals: when what happens.
        output_dir: where the batch of a NaN goes.
        workers: the processes that train together, in every one of which such a loop runs.
        traces: () → what was traced → how many graphs so far; a curve each.
        adaptive: the mixing that `take` asks, if evaluations change it; its state is among the loop's counters.
    """

    def __init__(self, take: Callable[[int], list[Step]], evaluate: Callable[[], dict[str, dict[str, float]]],
                 checkpoints: Checkpoints, log: EventLog, progress: Progress, intervals: Intervals, output_dir: str,
                 workers: Workers | None = None, traces: Callable[[], dict[str, int]] = dict,
                 adaptive: AdaptiveMixing | None = None):
        self._take, self._evaluate, self._checkpoints = take, evaluate, checkpoints
        self._log, self._progress, self._intervals, self._output_dir = log, progress, intervals, output_dir
        self._workers, self._traces, self._adaptive = workers or Workers(), traces, adaptive
        self._pending: list[tuple[int, Step]] = []
        self._saved: int | None = None
        self._state = {"sums": {}, "best_value": None, "best_step": None, "evaluations_since_best": 0}
        self._state |= checkpoints.state
        if adaptive and "mixing" in self._state:
            adaptive.restore(self._state["mixing"])

    @property
    def state(self) -> dict[str, Any]:
        """best_value, best_step, evaluations_since_best; and the sums of the train lines to come."""
        return self._state

    def run(self, start: int, started: float | None = None) -> tuple[str, int]:
        """Trains on from `start` steps; returns why it ended and after how many steps.

        `started` is the moment (`time.monotonic()`) from which the time to the first update is counted; None: now.
        """
        started = time.monotonic() if started is None else started
        done, train_steps = start, self._intervals.train_steps
        self._saved = start or None
        with StopSignal() as stop:
            while done < train_steps and not self._out_of_patience() and not self._stops(stop, done):
                self._pending.extend((done, step) for step in self._take(done))
                done += 1
                if done == start + 1:
                    self._note_first_update(done, started)
                self._after_step(done)
            self._read(done)
            if self._saved != done and done > start:
                self._save(done)
        if done >= train_steps:
            return FINISHED, done
        return (STOPPED_EARLY if self._out_of_patience() else INTERRUPTED), done

    def _stops(self, stop: StopSignal, done: int) -> bool:
        """Whether a signal asked this process to stop, or any worker: these look only where they wait anyway."""
        if self._workers.count == 1:
            return stop.requested is not None
        return done % READ_EVERY == 0 and self._workers.any(stop.requested is not None)

    def _note_first_update(self, done: int, started: float) -> None:
        self._read(done)
        seconds = time.monotonic() - started
        self._log.write_curves(done, "train", {"seconds_to_first_update": seconds})
        self._progress.say(f"First update after {seconds:.1f} s.")

    def _after_step(self, done: int) -> None:
        last = done == self._intervals.train_steps
        log, evaluate, save = (last or done % every == 0 for every in (
            self._intervals.log_interval, self._intervals.eval_interval, self._intervals.checkpoint_interval))
        if log or evaluate or save or done % READ_EVERY == 0:
            self._read(done)
        if log:
            self._write_train_lines(done)
        if evaluate:
            self._write_dev_lines(done)
        if save or (evaluate and self._out_of_patience()):
            self._save(done)

    # Results of steps.

    def _read(self, done: int) -> None:
        """Fetches the scalars of the steps since the last look, in order, and adds them up."""
        taken = []
        for number, step in self._pending:
            scalars = {name: float(value) for name, value in step.scalars.items()}
            if not scalars.pop("finite", 1.0) or math.isnan(scalars["loss"]):
                raise _not_finite(number, step, scalars, self._output_dir, self._workers.chief)
            sums = self._state["sums"].setdefault(step.problem, {"steps": 0.0})
            sums["steps"] += 1.0
            if scalars.get("skipped_updates"):
                scalars["grad_norm"] = 0.0  # it overflowed
            for name, value in scalars.items():
                sums[name] = sums.get(name, 0.0) + value
            taken.append(Taken(step.problem, scalars["loss"], scalars["tokens"], scalars["examples"]))
        self._pending.clear()
        if taken:
            self._progress.update(done, taken)

    def _write_train_lines(self, done: int) -> None:
        """A train line per problem: means over its steps since the last line, and how many steps those were."""
        total = sum(sums["steps"] for sums in self._state["sums"].values())
        for problem in sorted(self._state["sums"]):
            sums = dict(self._state["sums"][problem])
            steps = sums.pop("steps")
            means = {name: value if name in SUMMED else value / steps for name, value in sums.items()}
            if "skipped_updates" in sums:
                means["grad_norm"] = sums["grad_norm"] / max(steps - sums["skipped_updates"], 1.0)
            self._log.write(done, "train", problem, {**means, "steps": steps, "share": steps / total})
        self._state["sums"] = {}
        counts = {f"graphs_traced/{what}": float(count) for what, count in self._traces().items()}
        self._log.write_curves(done, "train", {**self._progress.speeds(), **counts})
        self._progress.log()

    # Evaluations.

    def _write_dev_lines(self, done: int) -> None:
        with self._progress.pause():
            results = self._evaluate()
        for problem, metrics in results.items():
            self._log.write(done, "dev", problem, metrics)
        if results:
            mean = float(np.mean([metrics["log_perplexity"] for metrics in results.values()]))
            better = self._note_value(done, mean)
            self._progress.say(_dev_line(done, results, mean, better))
        if self._adaptive and results and done % self._intervals.eval_interval == 0:
            self._adapt(self._adaptive, done, results)

    def _adapt(self, mixing: AdaptiveMixing, done: int, results: Mapping[str, Mapping[str, float]]) -> None:
        """New shares; not at an evaluation that there is only because a run ends, so that a longer one has the same."""
        mixing.adapt(done, {problem: metrics["log_perplexity"] for problem, metrics in results.items()})
        self._state["mixing"] = mixing.state
        shares = {f"mixing_share/{name}": share for name, share in mixing.shares_at(done).items()}
        self._log.write_curves(done, "train", shares)
        self._progress.say(mixing.describe()[0])

    def _note_value(self, done: int, value: float) -> bool:
        """Whether `value`, the mean dev log-perplexity, is the best so far; if so the weights are kept."""
        best = self._state["best_value"]
        if math.isnan(value) or (best is not None and value >= best):
            self._state["evaluations_since_best"] += 1
            return False
        self._checkpoints.save_best(done, value)
        self._state.update(best_value=value, best_step=done, evaluations_since_best=0)
        return True

    def _out_of_patience(self) -> bool:
        return 0 < self._intervals.patience <= self._state["evaluations_since_best"]

    def _save(self, done: int) -> None:
        self._log.flush()  # a checkpoint at a step promises that the lines up to it are there
        self._checkpoints.state = self._state
        self._checkpoints.save(done)
        self._saved = done


class StopSignal:
    """Within this context SIGTERM and the first Ctrl-C set `requested` instead of ending the process."""

    def __init__(self):
        self.requested: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self.requested = signal.Signals(number).name
        signal.signal(number, self._before[number])  # the second one ends the process as usual


def _dev_line(done: int, results: Mapping[str, Mapping[str, float]], mean: float, better: bool) -> str:
    accuracies = ", ".join(f"{problem} {accuracy(metrics):.1%}" for problem, metrics in results.items())
    best = " (best so far)" if better else ""
    return f"dev at step {done:,}: log-perplexity {mean:.4f}{best}; accuracy: {accuracies}"


def _not_finite(number: int, step: Step, scalars: Mapping[str, float], output_dir: str, writes: bool) -> UserError:
    """The error for a loss or gradient that is not a number; the batch is saved so that it can be looked at."""
    path = Path(output_dir, "nan_batch.npz")
    arrays = {name: np.asarray(tensor) for name, tensor in step.batch.items()}
    if writes:
        np.savez(path, **arrays)
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
    names = [name for name in ("loss", "grad_norm", "learning_rate") if name in scalars]
    figures = ", ".join(f"{name}={scalars[name]:.4g}" for name in names)
    strange = [name for name, array in arrays.items()
               if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all()]
    cause = f"The data themselves are not finite: {', '.join(strange)}. " if strange else ""
    return UserError(
        f"Training is no longer finite: problem {step.problem}, step {number + 1} ({figures}). Batch: {shapes}; it is "
        f"saved in {path}. {cause}Nothing was updated with it, and the last checkpoint is from before. Try, in another "
        "--output_dir, a lower learning_rate, more warmup_steps, a lower clip_norm, or mixed_precision=float32.")
