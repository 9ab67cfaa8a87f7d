"""t2t-eval: teacher-forced and decoded measures of a trained run beside trivial baselines, as a table and as JSON."""

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from t2t_mm import experiment, registry
from t2t_mm.cli.countdown import Countdown
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program
from t2t_mm.cli.results import Journal
from t2t_mm.cli.run_flags import (
    check_checkpoint,
    check_file,
    define_run_flags,
    define_search_flags,
    take_flag,
    with_split,
)
from t2t_mm.cli.tensorflow_start import start_tensorflow
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.metrics.corpus import check_names


def define() -> Program:
    program = Program("t2t-eval", "evaluates a trained run: given the right past (teacher-forced), and writing by "
                                  "itself (decoded), beside what a trivial guesser reaches.")
    flags = program.flags
    define_run_flags(flags, several=True)
    flags.group("what is evaluated")
    flags.string("split", "dev", "the split")
    flags.integer("eval_steps", 0, "most teacher-forced batches of a problem; 0: the whole split", low=0)
    flags.boolean("decode", True, "decode as well")
    flags.integer("limit", 0, "most examples of a problem that are decoded; 0: the whole split", low=0)
    flags.folder("json_file", None, "where the figures go (default: eval-SPLIT.json in --output_dir; with --limit or "
                 "--eval_steps eval-SPLIT-part.json)")
    define_search_flags(flags)
    return program


def main(argv: list[str] | None = None) -> int:
    arguments, names = take_flag(sys.argv[1:] if argv is None else argv, "problem")
    return define().run(lambda flags: work(flags, names), arguments)


def work(flags: FlagSet, names: Sequence[str]) -> None:
    """Checks everything that needs no TensorFlow, evaluates the problems named (all), prints and writes."""
    flags.require("output_dir")
    settings = DecodeSettings(beam_size=flags.beam_size, alpha=flags.alpha)
    run = experiment.Experiment.load(flags.output_dir, flags.data_dir, flags.t2t_usr_dir)
    names = registry.expand(names)
    run = run.asked_for(names).in_precision(flags.mixed_precision)
    problems = with_split(run, [run.problem(name) for name in dict.fromkeys(names)], flags.split)
    for problem in problems:
        check_names(problem.metrics, f" (in the metrics of {problem.name})")
    check_checkpoint(flags.output_dir)
    part = "-part" if flags.limit or flags.eval_steps else ""
    path = Path(flags.json_file or Path(flags.output_dir, f"eval-{flags.split}{part}.json"))
    check_file("json_file", path)
    start_tensorflow(batches_at_once=True, output_dir=flags.output_dir)
    from t2t_mm.inference import Decoder
    from t2t_mm.report.eval_table import eval_text
    from t2t_mm.training.evaluation import Evaluator

    start = time.monotonic()
    decoder = Decoder(run, flags.output_dir, settings, flags.checkpoint, flags.batch_size, flags.xla)
    evaluator = Evaluator(decoder.model)
    decoding = {**dataclasses.asdict(settings), "batch_size": flags.batch_size, "limit": flags.limit or None}
    how = {"run": os.path.relpath(flags.output_dir, path.absolute().parent), "split": flags.split,
           "checkpoint": decoder.checkpoint, "step": decoder.step, "mixed_precision": run.hparams.mixed_precision,
           "eval_steps": flags.eval_steps or None, "decoding": decoding if flags.decode else None}
    data = {problem.name: _checksum(run, problem.name, flags.split) for problem in problems}
    with Journal(path, {**how, "data": data}) as journal:
        done = dict(journal)
        if done:
            print(f"t2t-eval: {', '.join(done)}: taken from {journal.kept}", file=sys.stderr)
        for problem in problems:
            if problem.name not in done:
                print(f"t2t-eval: {problem.name} ...", file=sys.stderr, flush=True)
                done[problem.name] = {"data": data[problem.name], **measure(decoder, evaluator, problem, flags)}
                journal.add([problem.name, done[problem.name]])
        figures = {**how, "problems": {problem.name: done[problem.name] for problem in problems},
                   "seconds": round(time.monotonic() - start, 1)}
        print(eval_text(figures), end="\n\n")
        others = _others(path, how, figures["problems"], lambda name: _checksum(run, name, flags.split))
        _write(_plain({**figures, "problems": {**others, **figures["problems"]}}), path)
        journal.remove()
    print(f"Figures: {path}")


def _checksum(run: Any, problem: str, split: str) -> str | None:
    """Of a problem's data; None if there are none."""
    from t2t_mm.data.manifest import read_manifest

    try:
        return read_manifest(run.data_dir, problem).split(split).checksum
    except UserError:
        return None


def _others(path: Path, how: dict[str, Any], problems: dict[str, Any],
            data: Callable[[str], str | None]) -> dict[str, Any]:
    """The figures of other problems that are in the file already and stay there: of the same settings and data."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        others = {name: figures for name, figures in before["problems"].items() if name not in problems}
        different = [key for key, value in how.items() if before.get(key) != value]
        same = {name: figures for name, figures in others.items() if not different and figures["data"] == data(name)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}
    gone = [name for name in others if name not in same]
    if gone:
        why = f"another {' and '.join(different)}" if different else "other data"
        print(f"t2t-eval: {path} had figures of {', '.join(gone)} too, of {why}; they are gone from it. --json_file "
              "writes elsewhere.", file=sys.stderr)
    return same


def measure(decoder: Any, evaluator: Any, problem: Any, flags: FlagSet) -> dict[str, Any]:
    """teacher_forced, decoded (None with --nodecode) and baseline of one problem.

    Also how many examples are stored, how many of them are too long for the teacher-forced figures, and the seconds
    that each part took.
    """
    from t2t_mm.data.manifest import read_manifest
    from t2t_mm.data.pipeline import eval_batches
    from t2t_mm.report.results import baseline

    run, split = decoder.experiment, flags.split
    examples = read_manifest(run.data_dir, problem.name).count(split)
    batches = eval_batches(problem, run.data_dir, split, run.buckets(problem), flags.eval_steps or None)
    start = time.monotonic()
    forced = evaluator.evaluate(problem, batches)
    middle = time.monotonic()
    countdown = Countdown("t2t-eval", "examples decoded", min(examples, flags.limit or examples))
    decoded = decoder.measure(problem, split, flags.limit or None, countdown.update) if flags.decode else None
    seconds = {"teacher_forced": round(middle - start, 1), "decoded": round(time.monotonic() - middle, 1)}
    value, kind = baseline(run, problem, split)
    return {"examples": examples, "teacher_forced": forced,
            "decoded": decoded, "baseline": {"accuracy": value, "kind": kind},
            "too_long": batches.too_long, "seconds": seconds}


def _write(figures: dict[str, Any], path: Path) -> None:
    from t2t_mm.data.atomic import atomic_file

    with atomic_file(path) as partial:
        partial.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """The value with None for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    raise SystemExit(main())
