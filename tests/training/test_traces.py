"""The law of traces: after one pass over all problems and buckets nothing is traced again; equal graphs are one."""

import dataclasses
import math
from typing import Any, NamedTuple

import pytest

from t2t_mm import datagen, registry
from t2t_mm.data.pipeline import count_dropped
from t2t_mm.experiment import create_experiment
from t2t_mm.inference import Decoder
from t2t_mm.training import distribution
from t2t_mm.training.event_log import EventLog
from t2t_mm.training.run import train
from t2t_mm.training.run_data import surely_fit
from t2t_mm.training.train_step import TrainStep

PROBLEMS = ("algorithmic_reverse", "algorithmic_shift", "algorithmic_parity_label")
GRAPHS = 2  # the first two share one
STEPS, INTERVAL = 24, 6
SMALL = ("hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8,batch_size=64,"
         "min_bucket=2,learning_rate_schedule=constant")


class Run(NamedTuple):
    folder: Any
    summary: dict
    said: list  # lines
    curves: dict  # step → name → number
    shapes: list  # of the batches, step by step


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    problems = [registry.problem(name) for name in PROBLEMS]
    datagen.generate(problems, str(folder / "data"), str(folder / "tmp"), processes=1)
    return create_experiment(PROBLEMS, "transformer", "transformer_tiny", SMALL, str(folder / "data"))


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    folder, said, curves, shapes = tmp_path_factory.mktemp("run"), [], {}, []
    step = TrainStep.step

    def noted(self, problem, batch, number):
        shapes.append((problem, tuple(batch["inputs"].shape)))
        return step(self, problem, batch, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainStep, "step", noted)
        patch.setattr(EventLog, "write_curves",
                      lambda log, step, split, values: curves.setdefault((step, split), {}).update(values))
        summary = train(experiment, str(folder), STEPS, eval_steps=2, eval_interval=INTERVAL, log_interval=INTERVAL,
                        report=said.append, strategy=None)
    return Run(folder, summary, said, {step: values for (step, split), values in curves.items() if split == "train"},
               shapes)


def test_after_one_pass_over_problems_and_buckets_nothing_is_traced(experiment, run):
    assert GRAPHS == len({experiment.build_model().graph_key(name) for name in PROBLEMS})
    assert {name for name, _ in run.shapes[:INTERVAL]} == set(PROBLEMS)
    assert len(set(run.shapes)) > len(PROBLEMS) and set(run.shapes[INTERVAL:]) - set(run.shapes[:INTERVAL])
    counts = [run.curves[step]["graphs_traced/train"] for step in range(INTERVAL, STEPS + 1, INTERVAL)]
    assert counts == [GRAPHS] * (STEPS // INTERVAL)
    assert run.summary["traces"] == {"train": GRAPHS, "dev": GRAPHS}


def test_a_run_says_what_it_traced_and_when_its_first_update_was_done(run):
    assert sum(line.startswith("First update after ") for line in run.said) == 1
    assert run.curves[1]["seconds_to_first_update"] > 0
    assert f"Graphs traced: {GRAPHS} to train, {GRAPHS} to evaluate." in run.said[-1]
    assert "traced" not in (run.folder / "metrics.jsonl").read_text()  # which is the same after a stop


def test_a_run_too_short_to_compile_says_so_where_a_longer_one_is_compiled(experiment, run, tmp_path, monkeypatch):
    assert not any("XLA compiles nothing" in line for line in run.said)  # a CPU, for which it never does
    monkeypatch.setattr(distribution, "use_xla", lambda flag, calls=math.inf: flag == "auto" and calls > 1000)
    said = []
    train(experiment, str(tmp_path), 1, eval_steps=1, report=said.append, strategy=None)
    assert [line for line in said if "XLA compiles nothing: 1 steps for " in line and "--xla=on" in line]


def test_a_decoder_traces_a_graph_once(experiment, run):
    decoder = Decoder(experiment, run.folder, batch_size=8)
    counts = []
    for _ in range(2):
        for problem in experiment.problems:
            assert len(list(decoder.decode_split(problem, "dev", 40))) == 40
        counts.append(decoder.traces)
    assert counts == [GRAPHS] * 2


@pytest.mark.parametrize("most", [3, 8, 9, 30])
def test_what_surely_fits_is_what_a_count_of_all_lengths_finds(experiment, most):
    problem = experiment.problems[0]
    short = dataclasses.replace(experiment, hparams=experiment.hparams.replace(max_length=most))
    for split in ("train", "dev"):
        dropped = count_dropped(problem, experiment.data_dir, split, short.buckets(problem))
        assert surely_fit(short, problem, split) == (dropped == 0)
