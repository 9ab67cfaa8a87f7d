"""Laws of distribution: parts of a batch, replicas equal to one device, the XLA policy, wrong settings explained."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.training import distribution


def test_two_replicas_train_as_one_device_with_the_whole_batch():
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    program = Path(__file__).parent / "two_devices.py"
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0 and "equal" in done.stdout, done.stderr[-3000:]


@pytest.mark.parametrize("examples", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_parts_hold_every_example_equally_often_and_none_is_empty(examples, parts):
    batch = {"inputs": tf.reshape(tf.range(examples * 2), [examples, 2]), "targets": tf.range(examples)}
    cut = distribution.split_batch(batch, parts)
    sizes = [len(part["targets"]) for part in cut]
    assert len(cut) == parts and min(sizes) > 0 and max(sizes) - min(sizes) <= 1
    targets = np.concatenate([part["targets"] for part in cut])
    assert set(np.bincount(targets, minlength=examples)) == {max(1, -(-parts // examples))}
    np.testing.assert_array_equal(np.concatenate([part["inputs"] for part in cut])[:, 0], 2 * targets)


def test_examples_of_a_repeated_batch_are_counted_once():
    for examples, parts, copies in ((1, 4, 4), (3, 4, 2), (4, 4, 1), (7, 2, 1)):
        batch = {"targets": tf.range(examples)}
        sums = {"examples": tf.constant(float(examples * copies)), "tokens": tf.constant(5.0 * copies),
                "loss": tf.constant(0.5)}
        counted = distribution.count_once(sums, batch, distribution.split_batch(batch, parts))
        assert {name: float(value) for name, value in counted.items()} == {
            "examples": examples, "tokens": 5.0, "loss": 0.5}


@pytest.mark.parametrize("flag, devices, compiled", [
    ("auto", ["CPU"], False), ("auto", ["CPU", "GPU"], True),
    ("on", ["CPU"], True), ("off", ["CPU", "GPU"], False)])
def test_xla_is_on_where_it_helps_or_as_asked(flag, devices, compiled):
    assert distribution.use_xla(flag, devices=devices) is compiled


def test_a_gpu_compiles_what_comes_often():
    assert distribution.use_xla("auto", 1000, ["CPU", "GPU"]) and not distribution.use_xla("auto", 999, ["CPU", "GPU"])
    assert distribution.use_xla("on", 0, ["CPU", "GPU"])


def test_one_device_needs_no_strategy():
    assert distribution.make_strategy("none") is None
    assert distribution.replicas(None) == 1


def test_runs_of_one_process_share_a_strategy():
    assert distribution.make_strategy("mirrored") is distribution.make_strategy("mirrored")


@pytest.mark.parametrize("config", [
    "", "{}", "{broken", '{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}',
    '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
    '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
    '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}'])
def test_many_workers_need_a_cluster(config, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match="TF_CONFIG="):
        distribution.make_strategy("multi_worker")


def test_wrong_names_are_explained():
    with pytest.raises(UserError, match="'mirrored'"):
        distribution.make_strategy("mirorred")
    with pytest.raises(UserError, match="auto, on, off"):
        distribution.use_xla("maybe")
