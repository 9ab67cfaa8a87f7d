"""Launch: from the start of a program to its first update, part by part. `python -m benchmarks.launch [--cases ...]`.

Starts the real programs, with an empty environment, on data that t2t-datagen makes first. The parts of a launch end
with lines of t2t-trainer: TensorFlow is imported ("Share of the steps"), model and data are made ("parameters"), the
first update is done.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import chosen, emit, matmul_rate, note
from t2t_mm.cli.demo import PROBLEMS

PARTS = {"import": "Share of the steps", "build": " parameters;", "first_step": "First update after"}

# case: its problems; no problem: `t2t-trainer --help`
CASES = {
    "help": (),
    "algorithmic": ("algorithmic_reverse",),
    "text": ("translate_ende_gettext",),
    "eight": PROBLEMS,
}
QUICK = ("help", "algorithmic")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}, twice each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen(QUICK if arguments.quick else CASES, arguments.cases):
            run(case, Path(folder), 2 if arguments.quick else arguments.repeats)


def run(case: str, folder: Path, repeats: int) -> None:
    """Launches a case again and again, each time as a new run, and prints its line."""
    if CASES[case]:
        note(f"{case}: t2t-datagen")
        subprocess.run([_program("t2t-datagen"), f"--problem={','.join(CASES[case])}", f"--data_dir={folder / 'data'}",
                        f"--tmp_dir={folder / 'tmp'}"], env={}, check=True, stdout=subprocess.DEVNULL)
    before = matmul_rate()
    launches = [_launch(case, folder, f"{case}{number}") for number in range(repeats)]
    rate = (before + matmul_rate()) / 2
    totals = [sum(parts.values()) for parts in launches]
    medians = {f"{part}_ms": _ms(statistics.median(parts[part] for parts in launches)) for part in launches[0]}
    emit({"case": case, "ms": _ms(statistics.median(totals)), "ms_min": _ms(min(totals)), "ms_max": _ms(max(totals)),
          "repeats": repeats, "first_ms": _ms(totals[0]), **medians, "matmul_gflop_per_s": round(rate / 1e9, 1)})


def _launch(case: str, folder: Path, name: str) -> dict[str, float]:
    """Part → seconds."""
    start = time.perf_counter()
    if not CASES[case]:
        subprocess.run([_program("t2t-trainer"), "--help"], env={}, check=True, stdout=subprocess.DEVNULL)
        return {"help": time.perf_counter() - start}
    command = [_program("t2t-trainer"), f"--problem={','.join(CASES[case])}", "--model=multimodel",
               "--hparams_set=multimodel_tiny", f"--data_dir={folder / 'data'}", f"--output_dir={folder / name}",
               "--train_steps=1000"]
    moments, waiting = [start], list(PARTS.values())
    with subprocess.Popen(command, env={}, stdout=subprocess.PIPE, text=True) as trainer:
        for line in trainer.stdout:
            if waiting[0] in line:
                moments.append(time.perf_counter())
                waiting.pop(0)
            if not waiting:
                trainer.kill()
                break
    if waiting:
        raise SystemExit(f"t2t-trainer ended before it said {waiting[0]!r}.")
    return {part: end - begin for part, begin, end in zip(PARTS, moments, moments[1:])}


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 1)


if __name__ == "__main__":
    main()
