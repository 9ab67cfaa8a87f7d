"""Laws of every program: installed, executable, helpful, answering without TensorFlow, status 2 for a mistake."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = sorted((ROOT / "bin").iterdir())
MODULES = {"t2t-datagen": "datagen", "t2t-trainer": "trainer", "t2t-decoder": "decoder", "t2t-eval": "evaluator",
           "t2t-report": "reporter", "t2t-compare": "comparer"}
# One subprocess runs all the command lines of a program and prints the exit statuses; then nothing slow is imported.
CHECK = """
import importlib, sys
main = importlib.import_module("t2t_mm.cli.{module}").main
statuses = [main(argv) for argv in {lines!r}]
slow = [name for name in ("tensorflow", "keras") if name in sys.modules]
print("STATUSES", statuses, slow)
"""


def in_fresh_python(module: str, lines: list[list[str]]) -> subprocess.CompletedProcess:
    code = CHECK.format(module=module, lines=lines)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_setup_installs_exactly_the_programs_of_bin():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["scripts"].split()
    assert sorted(listed) == [f"bin/{path.name}" for path in BIN]


@pytest.mark.parametrize("path", BIN, ids=lambda path: path.name)
def test_a_program_is_a_few_lines_and_executable(path):
    assert os.access(path, os.X_OK)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env python3\n") and len(text.splitlines()) <= 10


def test_a_program_runs_as_a_file():
    done = subprocess.run([sys.executable, ROOT / "bin" / "t2t-trainer", "--help"], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0 and "--train_steps" in done.stdout and not done.stderr


@pytest.mark.parametrize("name", [path.name for path in BIN])
def test_help_names_and_mistakes_are_answered_without_tensorflow(name):
    lines = [["--help"], ["--registry_help"], ["--registry_help=gettext"], ["--no_such_flag=1"], ["stray"], [],
             ["--output_dir=/nowhere/at/all"]]
    if MODULES[name] in ("trainer", "datagen"):
        lines.append(["--problem=image_digit", "--data_dir=/nowhere/at/all"])
    if MODULES[name] == "trainer":  # a set that does not fit the model
        lines.append(["--problem=image_digits", "--model=multimodel", "--hparams_set=transformer_tiny",
                      "--data_dir=/nowhere/at/all", "--output_dir=/nowhere/at/all", "--train_steps=1"])
    done = in_fresh_python(MODULES[name], lines)
    assert done.returncode == 0, done.stderr
    expected = [0, 0, 0] + [2] * (len(lines) - 3)
    assert f"STATUSES {expected} []" in done.stdout, (done.stdout[-500:], done.stderr)
    assert "usage" in done.stdout and "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert len(errors) == len(lines) - 3


def test_flags_keep_the_names_that_t2t_users_know():
    from t2t_mm.cli import datagen, trainer

    known = {"problem", "model", "hparams_set", "hparams", "data_dir", "tmp_dir", "output_dir", "train_steps",
             "eval_steps", "schedule", "generate_data", "t2t_usr_dir", "registry_help", "xla", "dry_run", "seed",
             "modality"}
    assert known <= set(trainer.define().flags.names())
    assert {"problem", "data_dir", "tmp_dir", "t2t_usr_dir", "registry_help"} <= set(datagen.define().flags.names())
