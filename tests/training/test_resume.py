"""The law of resuming: killed at any moment and started again by the same command, a run ends with the same numbers."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import datagen, registry
from t2t_mm.cli import trainer
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.training import distribution, run_folder
from t2t_mm.training.checkpoints import load_weights

PROBLEMS = ("algorithmic_reverse", "algorithmic_shift")  # one graph for both: less to trace
TRANSFORMER = ("transformer", "transformer_tiny", "hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,"
               "decoder_layers=1,exit_filters=8:8,batch_size=64,dropout=0.1,warmup_steps=5")
ADAPTIVE = (*TRANSFORMER[:2], f"{TRANSFORMER[2]},mixing=adaptive,mixing_floor=0.3,loss_weights=1:0.5")
SCHEDULED = (*TRANSFORMER[:2], f"{TRANSFORMER[2]},mixing=schedule,mixing_schedule=0:1:3~20:1:0/27:2:1")
MULTIMODEL = ("multimodel", "multimodel_tiny", "hidden_size=16,num_heads=2,encoder_blocks=2,mixer_blocks=1,"
              "decoder_blocks=1,num_experts=4,expert_size=16,exit_filters=8:8,batch_size=64,dropout=0.1,warmup_steps=5")
STEPS = 40


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    problems = [registry.problem(name) for name in PROBLEMS]
    datagen.generate(problems, str(folder / "data"), str(folder / "tmp"), processes=1)
    return folder / "data"


@pytest.mark.parametrize("parts", [TRANSFORMER, *(pytest.param(parts, marks=pytest.mark.slow) for parts in (
    MULTIMODEL, ADAPTIVE, SCHEDULED))], ids=["transformer", "multimodel", "adaptive", "scheduled"])
def test_killed_at_a_random_moment_it_ends_with_the_same_numbers(data_dir, tmp_path, parts):
    after = random.choice(range(0, STEPS, 6)[1:-1])
    killed_in = start_and_kill(command(data_dir, tmp_path / "killed", parts), tmp_path / "killed", after)
    for name in ("killed", "whole"):
        assert trainer.main(command(data_dir, tmp_path / name, parts)) == 0
    where = f"killed after the checkpoint of step {after}, at most {killed_in:.2f} s later"
    assert same_files(tmp_path, "metrics.jsonl"), where
    assert differing_tensors(*(final_checkpoint(tmp_path / name) for name in ("killed", "whole"))) == [], where
    assert best_step(tmp_path / "killed") == best_step(tmp_path / "whole"), where


def command(data_dir, output_dir, parts):
    model, hparams_set, hparams = parts
    return [f"--problem={','.join(PROBLEMS)}", f"--model={model}", f"--hparams_set={hparams_set}",
            f"--hparams={hparams}", f"--data_dir={data_dir}", f"--output_dir={output_dir}", f"--train_steps={STEPS}",
            "--eval_interval=15", "--eval_steps=2", "--checkpoint_interval=6", "--seed=3"]


def start_and_kill(arguments, output_dir, step):
    """Runs t2t-trainer, kills it (SIGKILL) a random moment after the checkpoint of a step; returns that moment."""
    code = "import sys; from t2t_mm.cli import trainer; sys.exit(trainer.main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    index, moment = output_dir / "checkpoints" / f"step-{step:08d}.index", random.uniform(0, 0.3)
    while not index.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert index.exists() or list(index.parent.glob("*.index")), errors
    return moment


def same_files(folder, name):
    one, other = ((folder / run / name).read_text() for run in ("killed", "whole"))
    assert one.count("\n") > 6
    return one == other


def final_checkpoint(output_dir):
    return tf.train.load_checkpoint(str(output_dir / "checkpoints" / f"step-{STEPS:08d}"))


def differing_tensors(one, other):
    """Names of weights, moments, counters and iterator states that are not equal to the last bit."""
    names = sorted(set(one.get_variable_to_shape_map()) | set(other.get_variable_to_shape_map()))
    comparable = [name for name in names if "OBJECT_GRAPH" not in name and "ITERATOR_STATE" not in name]
    assert any("commands" in name for name in comparable) and any("second_moment" in name for name in comparable)
    return [name for name in comparable if not np.array_equal(one.get_tensor(name), other.get_tensor(name))]


def best_step(output_dir):
    return load_weights(Experiment.load(output_dir).build_model(), output_dir, "best")[0]


def test_with_a_part_of_each_batch_a_core_it_goes_on_as_if_it_had_not_stopped(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(distribution, "at_once", lambda: 2)
    constant = (*TRANSFORMER[:2], f"{TRANSFORMER[2]},learning_rate_schedule=constant")
    for run, stops in (("killed", (3, 6)), ("whole", (6,))):
        for steps in stops:
            flags = [*command(data_dir, tmp_path / run, constant), f"--train_steps={steps}", "--strategy=cores"]
            assert trainer.main(flags) == 0
    one, other = (tf.train.load_checkpoint(str(tmp_path / run / "checkpoints" / "step-00000006"))
                  for run in ("killed", "whole"))
    assert differing_tensors(one, other) == []


def test_where_the_data_were_moved_it_goes_on_as_if_they_had_not(data_dir, tmp_path, capsys, monkeypatch):
    constant = (*TRANSFORMER[:2], f"{TRANSFORMER[2]},learning_rate_schedule=constant")
    elsewhere = shutil.copytree(data_dir, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    for run, stops in (("killed", ((3, data_dir), (5, elsewhere), (7, "elsewhere"))), ("whole", ((7, data_dir),))):
        for steps, data in stops:
            assert trainer.main([*command(data, tmp_path / run, constant), f"--train_steps={steps}"]) == 0
    assert capsys.readouterr().out.count("batches trained on so far are passed over first") == 1
    one, other = (tf.train.load_checkpoint(str(tmp_path / run / "checkpoints" / "step-00000007"))
                  for run in ("killed", "whole"))
    assert [name for name in differing_tensors(one, other) if not name.startswith("values")] == []


def test_another_experiment_does_not_touch_the_run(data_dir, tmp_path, capsys):
    fields = {"format_version": 1, "problems": ["other"], "seed": 3}
    (tmp_path / "experiment.json").write_text(json.dumps(fields))
    assert trainer.main(command(data_dir, tmp_path, TRANSFORMER)) == 2
    assert "another experiment" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.json"]


def test_a_folder_that_is_being_trained_in_is_not_touched(data_dir, tmp_path, capsys):
    with run_folder.held(tmp_path):
        assert trainer.main(command(data_dir, tmp_path, TRANSFORMER)) == 2
        assert "Another process is training in" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())
    with run_folder.held(tmp_path):
        pass


def test_a_folder_is_free_again_after_a_kill(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", f"""
import time
from t2t_mm.training import run_folder
with run_folder.held({str(tmp_path)!r}):
    print("held", flush=True)
    time.sleep(600)
"""], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UserError, match="Another process"), run_folder.held(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with run_folder.held(tmp_path):
        pass
