"""Every mistake in t2t-trainer's flags or data: one short error that says what to do, status 2, nothing written."""

import os
import shutil
import subprocess
import sys

import pytest

from t2t_mm import registry
from t2t_mm.cli import datagen, trainer
from t2t_mm.experiment import create_experiment

PROBLEM = "algorithmic_reverse"
FLAGS = {"problem": PROBLEM, "model": "transformer", "hparams_set": "transformer_tiny", "train_steps": "2"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data_dir with one problem in it."""
    data_dir = tmp_path_factory.mktemp("data")
    assert datagen.main([f"--problem={PROBLEM}", f"--data_dir={data_dir}", "--num_processes=1"]) == 0
    return data_dir


@pytest.fixture
def data_dir(made, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(made, tmp_path / "data")


def lines(**flags) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items() if value is not None]


def refused(capsys, tmp_path, **flags) -> str:
    """The error of a run that must be refused, after checking what holds for every error."""
    output = tmp_path / "run"
    arguments = lines(**{**FLAGS, "output_dir": output, "data_dir": tmp_path / "data", **flags})
    assert trainer.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("t2t-trainer: error: ") and "Traceback" not in error and len(error.splitlines()) <= 20
    assert not output.exists() or not any(output.iterdir())
    return error


def test_all_missing_flags_are_named_at_once(capsys, tmp_path):
    assert trainer.main([]) == 2
    error = capsys.readouterr().err
    assert all(f"--{name}" in error for name in ("problem", "model", "hparams_set", "data_dir", "output_dir"))
    assert "--train_steps" in refused(capsys, tmp_path, train_steps=None)


@pytest.mark.parametrize("flags,words", [
    ({"problem": "algorithmic_revers"}, ["algorithmic_revers", "Did you mean 'algorithmic_reverse'"]),
    ({"problem": f"{PROBLEM},nothing_like_it"}, ["nothing_like_it"]),
    ({"problem": "image_digits_rev"}, ["image_digits_rev"]),
    ({"model": "multimodal"}, ["multimodal", "Did you mean 'multimodel'"]),
    ({"hparams_set": "transformer_tinny"}, ["transformer_tinny", "'transformer_tiny'"]),
    ({"hparams": "hiden_size=3"}, ["hiden_size", "'hidden_size'"]),
    ({"hparams": "hidden_size=large"}, ["hidden_size", "whole number", "large"]),
    ({"hparams": "hidden_size=-4"}, ["hidden_size", "at least 1", "-4"]),
    ({"hparams": "dropout"}, ["dropout", "key=value"]),
    ({"modality": "inputs:langauge"}, ["langauge", "'language'"]),
    ({"modality": "inputs"}, ["feature:modality"]),
    ({"xla": "maybe"}, ["xla", "auto", "on", "off"]),
    ({"schedule": "trian"}, ["schedule", "train_and_evaluate"]),
    ({"strategy": "telepathy"}, ["strategy", "mirrored"]),
    ({"train_steps": "many"}, ["train_steps", "many"]),
    ({"train_steps": "-1"}, ["train_steps", "-1"]),
    ({"eval_steps": "99999999999"}, ["eval_steps", "2147483647"]),
    ({"hparams": "max_length=99999999999"}, ["max_length", "at least 1, at most 2147483647"]),
    ({"hparams": "image_filters=1:2:3:99999999999"}, ["image_filters", "at most 2147483647"]),
    ({"train_step": "1"}, ["train_step", "--train_steps"]),
    ({"t2t_usr_dir": "/nowhere/at/all"}, ["/nowhere/at/all", "does not exist"]),
    ({"hparams_range": "transformer_rang", "trial": "1"}, ["ranged hparams set", "'transformer_range'"]),
    ({"hparams_range": "multimodel_range", "trial": "1"}, ["MultimodelHparams", "transformer_tiny"]),
    ({"hparams_range": "transformer_range"}, ["missing: --trial"]),
    ({"trial": "1"}, ["missing: --hparams_range"]),
    ({"hparams_range": "transformer_range", "trial": "0"}, ["trial", "0"]),
    ({"hparams_range": "transformer_range", "trial": "1", "hparams": "dropou=1"}, ["'dropou'", "'dropout'"]),
    ({"hparams": "num_heads=3"}, ["hidden_size=128 is no multiple of num_heads=3"]),
    ({"hparams": "audio_filters=32"}, ["audio_filters", "2 or more whole numbers"]),
    ({"hparams": "mixing_weights=1"}, ["mixing_weights is given", "mixing=weights"]),
    ({"schedule": "train", "eval_interval": "5"}, ["--schedule=train", "--eval_interval would do nothing"]),
    ({"schedule": "train", "hparams": "mixing=adaptive"}, ["--schedule=train", "mixing=adaptive would do nothing"]),
    ({"strategy": "multi_worker", "generate_data": "true"}, ["every worker", f"t2t-datagen --problem={PROBLEM}"]),
    ({"strategy": "multi_worker", "schedule": "evaluate"}, ["one process", "t2t-eval --output_dir="]),
])
def test_a_wrong_flag_is_refused(capsys, tmp_path, flags, words):
    error = refused(capsys, tmp_path, **flags)
    assert all(word in error for word in words), error


def test_missing_data_says_which_command_makes_them(capsys, tmp_path):
    error = refused(capsys, tmp_path)
    assert f"t2t-datagen --problem={PROBLEM} --data_dir={tmp_path / 'data'}" in error


def test_a_truncated_shard_is_refused(capsys, tmp_path, data_dir):
    shard = next((data_dir / PROBLEM).glob("train-*"))
    shard.write_bytes(shard.read_bytes()[:-100])
    error = refused(capsys, tmp_path)
    assert shard.name in error and "truncated" in error and "t2t-datagen" in error


def test_a_lost_shard_is_refused(capsys, tmp_path, data_dir):
    shard = next((data_dir / PROBLEM).glob("dev-*"))
    shard.unlink()
    assert shard.name in refused(capsys, tmp_path)


def test_a_damaged_manifest_is_refused(capsys, tmp_path, data_dir):
    (data_dir / PROBLEM / "manifest.json").write_text('{"format', encoding="utf-8")
    assert "manifest.json" in refused(capsys, tmp_path)


def test_a_changed_vocabulary_is_refused(capsys, tmp_path, data_dir):
    from t2t_mm.data import text_encoders

    (path,) = (data_dir / "vocabularies").iterdir()
    encoder = text_encoders.load(path)
    text_encoders.Tokens(encoder.tokens[::-1]).save(path)
    error = refused(capsys, tmp_path)
    assert "vocabulary" in error and "digits" in error


def test_a_lost_vocabulary_is_refused(capsys, tmp_path, data_dir):
    shutil.rmtree(data_dir / "vocabularies")
    assert "vocabular" in refused(capsys, tmp_path)


def test_an_error_in_a_users_file_is_shown_whole(capsys, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("def half():\n    return 1 / 0\n\n\nhalf()\n", encoding="utf-8")
    assert trainer.main(lines(**FLAGS, t2t_usr_dir=own, data_dir=tmp_path, output_dir=tmp_path / "run")) == 2
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error and "own.py" in error and "half()" in error


def test_a_dry_run_writes_nothing(capsys, tmp_path, data_dir):
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    flags = {**FLAGS, "hparams": "hidden_size=16,num_heads=2", "data_dir": data_dir, "train_steps": None}
    assert trainer.main([*lines(**flags), "--dry_run"]) == 0
    shown = capsys.readouterr().out
    assert PROBLEM in shown and "encoder" in shown
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_steps_come_from_the_flag_or_the_hparams():
    def steps(**flags):
        parsed = trainer.define().parse(lines(**flags))
        return trainer.train_steps(parsed, registry.hparams(parsed.hparams_set).override(parsed.hparams))

    assert steps(**FLAGS) == 2
    assert steps(**{**FLAGS, "train_steps": None}, hparams="train_steps=7") == 7
    assert steps(**FLAGS, hparams="train_steps=7") == 2
    assert registry.hparams("transformer_tiny").train_steps == 0


def test_the_schedule_evaluate_is_t2t_eval(monkeypatch, tmp_path, data_dir):
    from t2t_mm.cli import evaluator

    asked = []
    monkeypatch.setattr(evaluator, "main", lambda arguments: asked.append(arguments) or 7)
    flags = {**FLAGS, "train_steps": None, "schedule": "evaluate", "data_dir": data_dir, "output_dir": tmp_path / "run"}
    assert trainer.main(lines(**flags)) == 7
    assert trainer.main(lines(**flags, eval_steps=3)) == 7
    given = [f"--output_dir={tmp_path / 'run'}", f"--data_dir={data_dir}"]
    assert asked == [given, [*given, "--eval_steps=3"]]


def test_another_experiment_is_neither_evaluated_nor_has_its_data_made(tmp_path, data_dir, capsys):
    run = create_experiment([PROBLEM], "transformer", "transformer_tiny", data_dir=str(data_dir))
    run.save(tmp_path / "run")
    flags = {**FLAGS, "output_dir": tmp_path / "run", "seed": 5}
    for more in ({"schedule": "evaluate", "data_dir": data_dir},
                 {"generate_data": "true", "data_dir": tmp_path / "nowhere"}):
        assert trainer.main(lines(**flags, **more)) == 2
        assert "seed: 1 (before), 5 (now)" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_tensorflow_takes_for_a_pattern_is_refused(tmp_path, data_dir, capsys):
    assert trainer.main(lines(**FLAGS, data_dir=data_dir, output_dir=tmp_path / "run[1]")) == 2
    assert "run[1]: TensorFlow takes [ for the beginning of a pattern" in capsys.readouterr().err
    assert not (tmp_path / "run[1]").exists()


def test_without_evaluations_checkpoints_are_written_all_the_same(tmp_path, data_dir, monkeypatch):
    from t2t_mm.training import run

    asked = []
    monkeypatch.setattr(run, "train", lambda *arguments, **_: asked.append(arguments) or {"status": "finished"})
    flags = {**FLAGS, "data_dir": data_dir, "output_dir": tmp_path / "run", "train_steps": 9000, "schedule": "train"}
    assert trainer.main(lines(**flags)) == trainer.main(lines(**flags, checkpoint_interval=7)) == 0
    assert [arguments[4:6] for arguments in asked] == [(9000, 500), (9000, 7)]  # evaluations, checkpoints


def test_a_dry_run_refuses_what_training_would(tmp_path, data_dir, capsys):
    flags = {**FLAGS, "data_dir": data_dir, "train_steps": 10, "dry_run": "true"}
    assert trainer.main(lines(**flags)) == 2
    assert "warmup_steps" in capsys.readouterr().err
    assert trainer.main(lines(**flags, hparams="warmup_steps=1,max_length=1")) == 2
    assert "is longer than max_length=1" in capsys.readouterr().err
    assert trainer.main(lines(**flags, hparams="warmup_steps=1,mixing=adaptive", eval_interval=1)) == 2
    assert "--eval_interval is 1" in capsys.readouterr().err


OWN = '''
from t2t_mm import registry
from t2t_mm.data.features import Text
from t2t_mm.problems.problem import Problem

@registry.register_problem("own_without_dev")
class OwnWithoutDev(Problem):
    """Letters twice."""

    splits = ("train",)
    command = "to-twice"

    def define_features(self):
        return {"inputs": Text("bytes"), "targets": Text("bytes")}

    def samples(self, split, tmp_dir):
        return ({"inputs": letter, "targets": 2 * letter} for letter in "abc")
'''


def test_a_run_says_what_it_does_not_evaluate_and_cannot_wait_for_it(tmp_path, data_dir, capsys):
    own = tmp_path / "own.py"
    own.write_text(OWN, encoding="utf-8")
    with registry.temporary():
        assert datagen.main(lines(problem="own_without_dev", data_dir=data_dir, t2t_usr_dir=own)) == 0
        flags = {**FLAGS, "data_dir": data_dir, "t2t_usr_dir": own, "dry_run": "true", "train_steps": None}
        assert trainer.main(lines(**{**flags, "problem": f"{PROBLEM},own_without_dev"})) == 0
        assert "Not evaluated, as there are no dev examples: own_without_dev." in capsys.readouterr().out
        alone = {**flags, "problem": "own_without_dev"}
        assert trainer.main(lines(**alone)) == 0
        assert "Nothing is evaluated: there are no dev examples." in capsys.readouterr().out
        assert trainer.main(lines(**alone, early_stopping_patience=3)) == 2
        assert "--early_stopping_patience=3: no problem has dev examples" in capsys.readouterr().err


def test_a_terminal_that_lacks_letters_gets_their_codes(tmp_path):
    done = subprocess.run([sys.executable, "-m", "t2t_mm.cli.trainer", "--registry_help=zwölf"], capture_output=True,
                          env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, timeout=120)
    assert done.returncode == 0 and b"'zw\\xf6lf'" in done.stdout and not done.stderr
