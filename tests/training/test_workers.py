"""Laws of several workers: they train as one process does, one of them writes, and none goes on without the others."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from t2t_mm import datagen, registry
from t2t_mm.errors import UserError
from t2t_mm.training.metrics_file import read_lines
from t2t_mm.training.workers import Workers

PROBLEMS = ("algorithmic_reverse", "algorithmic_shift")
HPARAMS = ("hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8,batch_size=64,"
           "warmup_steps=5")
STEPS = 18


# One process.

def test_one_process_is_the_chief_and_asks_nobody():
    said = []
    workers = Workers()
    assert workers.chief and workers.count == 1 and workers.reporter(said.append) == said.append
    workers.check_same({"train_steps": 1})
    assert workers.any(True) is True and workers.any(False) is False
    assert workers.of_chief({"a": {"loss": 0.1}}) == {"a": {"loss": 0.1}}


def test_errors_of_one_process_stay_as_they_are():
    with pytest.raises(tf.errors.InternalError):
        with Workers().together():
            raise tf.errors.InternalError(None, None, "broken")


class Two(Workers):
    """Worker `number` of two, the other of which answers with `others`."""

    def __init__(self, number, *others):
        super().__init__()
        self.count, self.number, self._others = 2, number, list(others)

    def _texts(self, text):
        return [text, *self._others] if self.number == 0 else [*self._others, text]


@pytest.mark.parametrize("number", [0, 1])
def test_other_settings_are_an_error_in_every_worker(number):
    mine, other = {"hparams": {"dropout": 0.1}}, {"hparams": {"dropout": 0.2}}
    Two(number, json.dumps(mine)).check_same(mine)
    values = "0.1 .worker 0., 0.2 .worker 1." if number == 0 else "0.2 .worker 0., 0.1 .worker 1."
    with pytest.raises(UserError, match=f"hparams.dropout: {values}"):
        Two(number, json.dumps(other)).check_same(mine)


def test_the_end_of_another_worker_is_explained():
    text = "Graph execution error:\n\nDetected at node x\n  File\n\npeer is gone\nRestart.\n\t [[x]]"
    with pytest.raises(UserError, match="lost another worker.*same command.*TensorFlow: peer is gone$"):
        with Two(1).together():
            raise tf.errors.UnavailableError(None, None, text)


def test_who_does_not_write_says_so_once():
    said = []
    report = Two(1).reporter(said.append)
    report("step 1")
    assert len(said) == 1 and "Worker 1 of 2" in said[0]


# Two processes.

@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    datagen.generate([registry.problem(name) for name in PROBLEMS], str(folder / "data"), str(folder / "tmp"),
                     processes=1)
    return folder / "data"


@pytest.fixture(scope="module")
def one(data_dir, tmp_path_factory):
    """The output_dir of a run of one process."""
    folder = tmp_path_factory.mktemp("one")
    [(status, _, errors)] = ends([start(data_dir, folder)])
    assert status == 0, errors
    return folder


def start(data_dir, output_dir, *more, ports=(0,), index=0):
    """A t2t-trainer; one of several workers if there are several ports. `more` replaces flags of the same name."""
    cores = sorted(os.sched_getaffinity(0))
    code = ("import os, sys; os.sched_setaffinity(0, [int(sys.argv[1])]); from t2t_mm.cli import trainer; "
            "sys.exit(trainer.main(sys.argv[2:]))")
    flags = [f"--problem={','.join(PROBLEMS)}", "--model=transformer", "--hparams_set=transformer_tiny",
             f"--data_dir={data_dir}", f"--output_dir={output_dir}", f"--hparams={HPARAMS}", f"--train_steps={STEPS}",
             "--eval_interval=6", "--eval_steps=2", "--checkpoint_interval=3", *more]
    flags = {flag.partition("=")[0]: flag for flag in flags}.values()
    command = [sys.executable, "-c", code, str(cores[index % len(cores)]), *flags]
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("TF_CONFIG", None)
    if len(ports) > 1:
        command.append("--strategy=multi_worker")
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]},
                                               "task": {"type": "worker", "index": index}})
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def start_two(data_dir, output_dir, more=((), ())):
    ports = []
    for _ in more:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    return [start(data_dir, output_dir, *flags, ports=ports, index=index) for index, flags in enumerate(more)]


def ends(processes, seconds=100):
    """(exit status, stdout, stderr) of each; none is left running."""
    try:
        texts = [process.communicate(timeout=seconds) for process in processes]
        return [(process.returncode, *text) for process, text in zip(processes, texts)]
    finally:
        for process in processes:
            process.kill()


def wait_for(path, processes):
    while not path.exists():
        assert all(process.poll() is None for process in processes), ends(processes)
        time.sleep(0.02)


def check_equal_lines(one, other):
    lines = [list(read_lines(folder)) for folder in (one, other)]
    assert len(lines[0]) > 6
    for a, b in zip(*lines, strict=True):
        assert {**a, "metrics": None} == {**b, "metrics": None}
        assert b["metrics"] == pytest.approx(a["metrics"], rel=1e-4, abs=1e-6)


@pytest.mark.slow
def test_two_workers_train_as_one_process_and_one_writes(data_dir, one, tmp_path):
    two = start_two(data_dir, tmp_path)
    (status0, said0, errors0), (status1, said1, errors1) = ends(two)
    assert (status0, status1) == (0, 0), errors0 + errors1
    check_equal_lines(one, tmp_path)
    files = [sorted(path.relative_to(run) for path in run.rglob("*")
                    if path.is_file() and "tfevents" not in path.name) for run in (one, tmp_path)]
    assert files[0] == files[1]
    writers = {path.name.split(".")[-3] for path in tmp_path.rglob("*tfevents*")}
    assert writers == {str(two[0].pid)}
    assert "dev at step 18" in said0 and said1.strip().count("\n") == 0 and "Worker 1 of 2" in said1


@pytest.mark.slow
def test_when_one_is_killed_all_end_and_all_go_on_from_the_chiefs_checkpoint(data_dir, one, tmp_path):
    two = start_two(data_dir, tmp_path)
    wait_for(tmp_path / "checkpoints" / "step-00000006.index", two)
    two[1].send_signal(signal.SIGKILL)
    status, _, errors = ends(two)[0]
    assert status == 2 and "lost another worker" in errors, errors
    again = ends(start_two(data_dir, tmp_path))
    assert [status for status, *_ in again] == [0, 0], again
    assert "Going on from step" in again[0][1]
    check_equal_lines(one, tmp_path)


@pytest.mark.slow
def test_a_signal_to_one_stops_all_at_the_same_step(data_dir, tmp_path):
    two = start_two(data_dir, tmp_path, [["--train_steps=100000", "--eval_interval=100000"]] * 2)
    wait_for(tmp_path / "checkpoints" / "step-00000006.index", two)
    two[1].send_signal(signal.SIGTERM)
    (status0, said, errors0), (status1, _, errors1) = ends(two)
    assert (status0, status1) == (130, 130), errors0 + errors1
    assert "Training interrupted" in said and "Everything is saved" in said


@pytest.mark.slow
def test_a_worker_with_other_arguments_is_refused_before_anything_is_written(data_dir, tmp_path):
    two = start_two(data_dir, tmp_path / "two", [[], ["--seed=2", f"--hparams={HPARAMS},dropout=0.3"]])
    for status, _, errors in ends(two):
        assert status == 2 and "seed: 1 (worker 0), 2 (worker 1)" in errors and "hparams.dropout" in errors
    assert not (tmp_path / "two").exists()
