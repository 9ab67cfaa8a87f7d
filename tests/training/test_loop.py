"""Laws of the loop, with steps that cost nothing: what happens when, and the same lines after any interruption."""

import copy
import math
import os
import signal

import numpy as np
import pytest

from t2t_mm.errors import UserError
from t2t_mm.training.adaptive_mixing import AdaptiveMixing
from t2t_mm.training.event_log import EventLog
from t2t_mm.training.loop import FINISHED, INTERRUPTED, STOPPED_EARLY, Intervals, Loop, Step
from t2t_mm.training.metrics_file import describe_totals, last_metrics, read_lines, shortest, train_totals
from t2t_mm.training.progress import Progress

INTERVALS = Intervals(train_steps=47, eval_interval=10, checkpoint_interval=7, log_interval=5)


class MemoryCheckpoints:
    """Keeps copies of the loop's state instead of files."""

    def __init__(self):
        self.state, self.saved, self.best = {}, {}, []

    def save(self, step):
        self.saved[step] = copy.deepcopy(self.state)

    def save_best(self, step, value):
        self.best.append((step, value))

    def back_to(self, step):
        self.state = copy.deepcopy(self.saved[step]) if step else {}


class Script:
    """A run whose losses are a function of the step, and whose dev values are a function of the step."""

    def __init__(self, folder, intervals=INTERVALS, dev=lambda step: 1.0 / step, event=lambda step: None):
        self.folder, self.intervals, self.dev, self.event = str(folder), intervals, dev, event
        self.checkpoints, self.done, self.said = MemoryCheckpoints(), 0, []

    def take(self, step):
        self.done = step + 1
        problem = ("a", "b", "a")[step % 3]
        loss = np.float32(self.event(step) or math.sin(step) / 3)
        scalars = {"loss": loss, "tokens": step, "examples": 2, "finite": loss == loss}
        return [Step(problem, {"inputs": np.full((2, 3), step), "targets": np.ones((2,))},
                     {name: np.float32(value) for name, value in scalars.items()})]

    def evaluate(self):
        return {"a": {"log_perplexity": self.dev(self.done)}, "b": {"log_perplexity": self.dev(self.done)}}

    adaptive = None

    def run(self, start=0):
        self.done = start
        self.checkpoints.back_to(start)
        with EventLog(self.folder, start) as log:
            progress = Progress(self.intervals.train_steps, start, self.said.append)
            loop = Loop(self.take, self.evaluate, self.checkpoints, log, progress, self.intervals, self.folder,
                        adaptive=self.adaptive)
            return loop.run(start)


class AdaptiveScript(Script):
    """A run whose problems are those of an adaptive mixing; b learns until step 60, a afterwards."""

    def run(self, start=0):
        self.adaptive = AdaptiveMixing(("a", "b"), floor=0.4, seed=2)
        return super().run(start)

    def take(self, step):
        (only,) = super().take(step)
        (problem,) = self.adaptive.problems_at(step)
        return [only._replace(problem=problem)]

    def evaluate(self):
        losses = {"a": 9.0 - max(0, self.done - 60) / 20, "b": 9.0 - min(self.done, 60) / 20}
        return {problem: {"log_perplexity": loss} for problem, loss in losses.items()}


def lines(folder):
    return (folder / "metrics.jsonl").read_text()


def test_everything_happens_when_it_should(tmp_path):
    script = Script(tmp_path)
    assert script.run() == (FINISHED, 47)
    written = list(read_lines(tmp_path))
    assert sorted({line["step"] for line in written if line["split"] == "train"}) == [*range(5, 46, 5), 47]
    assert sorted({line["step"] for line in written if line["split"] == "dev"}) == [10, 20, 30, 40, 47]
    assert list(script.checkpoints.saved) == [*range(7, 43, 7), 47]
    assert script.checkpoints.best == [(step, 1.0 / step) for step in (10, 20, 30, 40, 47)]
    assert [line.startswith("First update after ") for line in script.said].index(True) == 0
    assert last_metrics(tmp_path)["a"] == {"log_perplexity": shortest(1 / 47)}


def test_train_lines_hold_means_sums_and_shares(tmp_path):
    Script(tmp_path).run()
    line = next(line for line in read_lines(tmp_path) if line["step"] == 10 and line["problem"] == "a")
    mine = [step for step in range(5, 10) if step % 3 != 1]
    mean = sum(float(np.float32(math.sin(step) / 3)) for step in mine) / len(mine)
    assert line["metrics"] == {"loss": shortest(mean), "tokens": sum(mine), "examples": 2 * len(mine),
                               "steps": len(mine), "share": shortest(len(mine) / 5)}


@pytest.mark.parametrize("asked", [1, 4, 5, 7, 10, 23, 46])
def test_a_stopped_run_goes_on_to_the_same_lines(tmp_path, asked):
    Script(tmp_path / "whole").run()
    script = Script(tmp_path / "stopped",
                    event=lambda step: os.kill(os.getpid(), signal.SIGTERM) if step + 1 == asked else None)
    assert script.run() == (INTERRUPTED, asked)
    assert asked in script.checkpoints.saved
    script.event = lambda step: None
    assert script.run(start=asked) == (FINISHED, 47)
    assert lines(tmp_path / "stopped") == lines(tmp_path / "whole")
    assert script.checkpoints.saved[47] == {
        "sums": {}, "best_value": 1 / 47, "best_step": 47, "evaluations_since_best": 0}


@pytest.mark.parametrize("restored", [0, 7, 21, 35])
def test_a_killed_run_goes_on_from_a_checkpoint_to_the_same_lines(tmp_path, restored):
    script = Script(tmp_path)
    script.run()
    whole = lines(tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 47, "split": "tr')  # cut short by the kill
    assert script.run(start=restored) == (FINISHED, 47)
    assert lines(tmp_path) == whole


LONG = Intervals(train_steps=137, eval_interval=20, checkpoint_interval=7, log_interval=10)


def test_shares_follow_the_evaluations(tmp_path):
    script = AdaptiveScript(tmp_path, LONG)
    script.run()
    shares = {step: state["mixing"]["shares"] for step, state in script.checkpoints.saved.items() if "mixing" in state}
    assert shares[21] == shares[35] == [0.5, 0.5]                # the first evaluation has nothing to compare
    assert shares[42][1] > 0.6 and shares[63][1] > shares[42][1]
    assert shares[84][0] > shares[77][0] and shares[133][0] > 0.7
    assert script.checkpoints.saved[137]["mixing"]["since"] == 120   # that at the end is there only because it ends
    steps = {line["step"]: line["metrics"]["steps"] for line in read_lines(tmp_path)
             if line["split"] == "train" and line["problem"] == "b"}
    assert steps[10] == 5 and steps[70] >= 7 and steps[130] <= 3


@pytest.mark.parametrize("restored", [0, 7, 14, 21, 35, 56, 63, 119, 126])
def test_killed_before_or_after_shares_changed_the_run_goes_on_to_the_same_lines(tmp_path, restored):
    """Of steps 20, 40, 60 there is an evaluation and no checkpoint: a kill in between loses the new shares."""
    script = AdaptiveScript(tmp_path, LONG)
    script.run()
    whole, state = lines(tmp_path), script.checkpoints.saved[137]
    assert script.run(start=restored) == (FINISHED, 137)
    assert lines(tmp_path) == whole and script.checkpoints.saved[137] == state


def test_what_was_trained_in_all_is_summed_over_the_lines(tmp_path):
    Script(tmp_path).run()
    totals = train_totals(read_lines(tmp_path))
    mine = [step for step in range(47) if step % 3 == 1]
    assert totals["b"] == {"steps": len(mine), "examples": 2 * len(mine), "tokens": sum(mine)}
    assert describe_totals(totals)[1] == f"  b: 16 steps (34.0%), 32 examples, {sum(mine)} target tokens"
    more = train_totals(read_lines(tmp_path), {"b": {"steps": 1.0, "examples": 2.0, "tokens": 5.0, "loss": 3.0}})
    assert more["b"] == {name: value + {"steps": 1, "examples": 2, "tokens": 5}[name]
                         for name, value in totals["b"].items()}
    assert more["a"] == totals["a"]


def test_signals_are_as_before_afterwards(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    Script(tmp_path, event=lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 3 else None).run()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_second_ctrl_c_ends_it_at_once(tmp_path):
    def twice(step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            Script(tmp_path, event=twice).run()
    finally:
        signal.signal(signal.SIGINT, before)


def test_early_stopping_waits_as_long_as_its_patience_also_after_a_restart(tmp_path):
    intervals = Intervals(train_steps=90, eval_interval=10, checkpoint_interval=7, patience=2)
    script = Script(tmp_path, intervals, dev=lambda step: abs(step - 30) + 1.0)
    assert script.run() == (STOPPED_EARLY, 50)
    assert script.checkpoints.best[-1] == (30, 1.0) and 50 in script.checkpoints.saved
    assert script.run(start=35) == (STOPPED_EARLY, 50)
    assert script.run(start=50) == (STOPPED_EARLY, 50)


def test_a_dev_value_that_is_no_number_is_never_the_best(tmp_path):
    script = Script(tmp_path, dev=lambda step: math.nan if step < 30 else 2.0)
    script.run()
    assert script.checkpoints.best == [(30, 2.0)]
    assert next(line for line in read_lines(tmp_path) if line["split"] == "dev")["metrics"] == {"log_perplexity": None}


@pytest.mark.parametrize("step", [0, 13, 46])
def test_a_loss_that_is_no_number_is_explained_and_its_batch_saved(tmp_path, step):
    script = Script(tmp_path, event=lambda now: math.nan if now == step else None)
    with pytest.raises(UserError) as error:
        script.run()
    for part in (f"problem {'aba'[step % 3]}", f"step {step + 1} ", "inputs [2, 3]", "learning_rate", "nan_batch.npz"):
        assert part in str(error.value)
    assert (np.load(tmp_path / "nan_batch.npz")["inputs"] == step).all()
    assert all(saved <= step for saved in script.checkpoints.saved)


def test_a_finished_run_does_nothing_more(tmp_path):
    script = Script(tmp_path)
    script.run()
    before, saved = lines(tmp_path), dict(script.checkpoints.saved)
    assert script.run(start=47) == (FINISHED, 47)
    assert lines(tmp_path) == before and script.checkpoints.saved == saved


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-9, 123456.789, 7.0])
def test_numbers_are_written_as_short_as_a_float32_allows(value):
    assert np.float32(shortest(value)) == np.float32(value)
    assert len(repr(shortest(value))) <= 14
