"""The demo: one model learns eight real problems from four domains, and shows what it learned.

    python -m t2t_mm.cli.demo        (or: make demo)

It runs the programs datagen, trainer and report with the flags it prints, in one process. Stopped, it goes on where
it was; finished, it shows its results again.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program

PROBLEMS = ("image_digits", "translate_ende_gettext", "translate_deen_gettext", "translate_enfr_gettext",
            "translate_fren_gettext", "caption_glyphs", "speech_codes", "parse_python")
MODEL, HPARAMS_SET = "multimodel", "multimodel_tiny"
TRAIN_STEPS = 2600
EVAL_INTERVAL = 1300
VOCABULARY_SIZE = 4096
HPARAMS: dict[str, str] = {}            # changes to the set
MIXING: dict[str, float] = {            # problem → weight: digits are learned soon, speech and names of signs late
    "image_digits": 0.6, "translate_ende_gettext": 1, "translate_deen_gettext": 1, "translate_enfr_gettext": 1,
    "translate_fren_gettext": 1, "caption_glyphs": 1.8, "speech_codes": 1.9, "parse_python": 1.4}


def define() -> Program:
    program = Program("demo", "one model learns eight problems (text, images, sound) and shows what it learned.")
    program.flags.group("demo")
    program.flags.integer("train_steps", TRAIN_STEPS, "steps in all", low=1)
    program.flags.folder("dir", "demo", "the folder for data and run")
    return program


def main(argv: list[str] | None = None) -> int:
    return define().run(work, argv)


def work(flags: FlagSet) -> int:
    """Runs the three programs, unless that has been done; the exit status of the first that fails."""
    start = time.monotonic()
    home = Path(flags.dir)
    plan = commands(home, flags.train_steps)
    if is_finished(home, plan):
        print(f"Already trained ({flags.train_steps} steps): showing the results. To start afresh, remove {home}.\n")
        print((home / "run" / "report.txt").read_text(encoding="utf-8"))
    else:
        status = run(plan)
        if status:
            return status
        _finished_file(home).write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    show_places(home, time.monotonic() - start)
    return 0


def commands(home: Path, train_steps: int) -> list[tuple[str, list[str]]]:
    """The programs with their flags, in order."""
    problems = f"--problem={','.join(PROBLEMS)}"
    data, output = f"--data_dir={home / 'data'}", f"--output_dir={home / 'run'}"
    return [
        ("t2t-datagen", [problems, data, f"--tmp_dir={home / 'tmp'}", f"--vocabulary_size={VOCABULARY_SIZE}"]),
        ("t2t-trainer", [problems, f"--model={MODEL}", f"--hparams_set={HPARAMS_SET}", f"--hparams={hparams()}", data,
                         output, f"--train_steps={train_steps}", f"--eval_interval={min(EVAL_INTERVAL, train_steps)}"]),
        ("t2t-report", [output]),
    ]


def hparams() -> str:
    """HPARAMS and MIXING as one `--hparams` value."""
    changes = dict(HPARAMS)
    if MIXING:
        changes |= {"mixing": "weights", "mixing_weights": ":".join(str(MIXING[name]) for name in PROBLEMS)}
    return ",".join(f"{key}={value}" for key, value in changes.items())


def run(plan: list[tuple[str, list[str]]]) -> int:
    """Prints and runs each program in this process."""
    for name, arguments in plan:
        print(f"\n$ {name} {' '.join(argument for argument in arguments if not argument.endswith('='))}", flush=True)
        status = program(name)(arguments)
        if status:
            return status
    return 0


def program(name: str) -> Callable[[list[str]], int]:
    """The main function of a program."""
    from t2t_mm.cli import datagen, reporter, trainer

    return {"t2t-datagen": datagen.main, "t2t-trainer": trainer.main, "t2t-report": reporter.main}[name]


def is_finished(home: Path, plan: list[tuple[str, list[str]]]) -> bool:
    """Whether exactly this plan has been carried out here, and its report is still there."""
    try:
        done = json.loads(_finished_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    report = home / "run" / "report"
    there = all(report.with_suffix(suffix).is_file() for suffix in (".html", ".txt"))
    return there and done == json.loads(json.dumps(plan))


def show_places(home: Path, seconds: float) -> None:
    decoder = os.path.relpath(Path(sys.executable).with_name("t2t-decoder"))
    print(f"""
Done in {seconds / 60:.1f} min. Where things are:
  {home / 'run' / 'report.html'}   open it in a browser: curves, results, samples to see and hear, experts
  {home / 'run'}   the model: checkpoints, experiment.json, metrics.jsonl, TensorBoard
  {home / 'data'}   the examples
Try it on a text of your own:
  {decoder} --output_dir={home / 'run'} --problem=translate_ende_gettext 'Save changes'""")


def _finished_file(home: Path) -> Path:
    return home / "run" / "demo_finished.json"


if __name__ == "__main__":
    sys.exit(main())
