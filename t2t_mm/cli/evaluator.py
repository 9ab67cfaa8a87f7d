"""t2t-eval: teacher-forced and decoded measures of a trained run beside trivial baselines, as a table and as JSON."""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from t2t_mm import experiment
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program, start_tensorflow
from t2t_mm.cli.run_flags import check_checkpoint, check_split, define_run_flags, take_flag
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError


def define() -> Program:
    program = Program("t2t-eval", "evaluates a trained run: given the right past (teacher-forced), and writing by "
                                  "itself (decoded), beside what a trivial guesser reaches.")
    flags = program.flags
    define_run_flags(flags)
    flags.group("what is evaluated")
    flags.string("split", "dev", "the split")
    flags.integer("eval_steps", 0, "most teacher-forced batches of a problem; 0: the whole split", low=0)
    flags.boolean("decode", True, "decode as well")
    flags.integer("limit", 200, "most examples of a problem that are decoded; 0: all", low=0)
    flags.integer("beam_size", 1, "hypotheses of beam search; 1: greedy", low=1)
    flags.number("alpha", 0.6, "length penalty of beam search", low=0)
    flags.integer("batch_size", 32, "most examples decoded at once", low=1)
    flags.folder("json_file", None, "where the figures go (default: eval-SPLIT.json in --output_dir)")
    return program


def main(argv: list[str] | None = None) -> int:
    arguments, names = take_flag(sys.argv[1:] if argv is None else argv, "problem")
    return define().run(lambda flags: work(flags, names), arguments)


def work(flags: FlagSet, names: Sequence[str]) -> None:
    """Checks everything that needs no TensorFlow, evaluates the problems named (all), prints and writes."""
    flags.require("output_dir")
    settings = DecodeSettings(beam_size=flags.beam_size, alpha=flags.alpha)
    run = experiment.Experiment.load(flags.output_dir, flags.data_dir, flags.t2t_usr_dir)
    problems = [run.problem(name) for name in dict.fromkeys(names)] or list(run.problems)
    for problem in problems:
        check_split(run, problem, flags.split)
    check_checkpoint(flags.output_dir)
    path = Path(flags.json_file or Path(flags.output_dir, f"eval-{flags.split}.json"))
    if path.is_dir():
        raise UserError(f"--json_file={path} is a folder. Name a file.")
    start_tensorflow()
    from t2t_mm.inference import Decoder
    from t2t_mm.training.evaluation import Evaluator

    decoder = Decoder(run, flags.output_dir, settings, flags.checkpoint, flags.batch_size)
    evaluator = Evaluator(decoder.model)
    figures = {"split": flags.split, "checkpoint": flags.checkpoint, "step": decoder.step, "problems": {}}
    for problem in problems:
        print(f"t2t-eval: {problem.name} ...", file=sys.stderr, flush=True)
        figures["problems"][problem.name] = measure(decoder, evaluator, problem, flags)
    _print_table(figures)
    _write(figures, path)


def measure(decoder: Any, evaluator: Any, problem: Any, flags: FlagSet) -> dict[str, Any]:
    """teacher_forced, decoded (None with --nodecode) and baseline of one problem, and how many were too long."""
    from t2t_mm.data.pipeline import count_dropped, eval_batches
    from t2t_mm.report.results import baseline

    run, split = decoder.experiment, flags.split
    buckets = run.buckets(problem)
    batches = eval_batches(problem, run.data_dir, split, buckets, flags.eval_steps or None)
    forced = evaluator.evaluate(problem, batches)
    decoded = decoder.measure(problem, split, flags.limit or None) if flags.decode else None
    value, kind = baseline(run, problem, split)
    return {"teacher_forced": forced, "decoded": decoded, "baseline": {"accuracy": value, "kind": kind},
            "too_long": count_dropped(problem, run.data_dir, split, buckets)}


def _print_table(figures: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{figures['split']} split, weights of step {figures['step']} ({figures['checkpoint']})",
                  title_justify="left", caption=_caption(figures), caption_justify="left", box=box.SIMPLE_HEAD,
                  pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("problem", no_wrap=True)
    for name in ("log-\nperplexity", "\naccuracy", "\nbaseline", "whole\nsequences"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("decoded", overflow="fold")
    for name, entry in figures["problems"].items():
        forced = entry["teacher_forced"]
        accuracy = forced.get("token_accuracy", forced.get("accuracy"))
        table.add_row(name, f"{forced['log_perplexity']:.3f}", _percent(accuracy),
                      _percent(entry["baseline"]["accuracy"]), _percent(forced.get("sequence_accuracy")),
                      _decoded(entry["decoded"]))
    Console().print(table)


def _caption(figures: dict[str, Any]) -> str:
    """What the columns mean, and what was left out."""
    counts = {str(entry["decoded"]["decoded_examples"]) for entry in figures["problems"].values() if entry["decoded"]}
    lines = ["Log-perplexity (nats), accuracy and whole sequences: teacher-forced, given the right tokens before. "
             "Baseline: the accuracy of the most frequent token after the one before, or of the most frequent class. "
             f"Decoded: what the model writes by itself ({' or '.join(sorted(counts)) or 'no'} examples)."]
    lines += [f"{name}: {entry['too_long']} examples are longer than max_length and not in the teacher-forced figures."
              for name, entry in figures["problems"].items() if entry["too_long"]]
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _decoded(measures: dict[str, Any] | None) -> str:
    """A measure a line, e.g. "bleu 21.2"; signatures are in the JSON only."""
    if measures is None:
        return ""
    shown = [f"{name} {value:.3g}" for name, value in measures.items()
             if isinstance(value, int | float) and name != "decoded_examples"]
    return "\n".join(shown)


def _write(figures: dict[str, Any], path: Path) -> None:
    from t2t_mm.data.atomic import atomic_file

    with atomic_file(path) as partial:
        partial.write_text(json.dumps(_plain(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Figures: {path}")


def _plain(value: Any) -> Any:
    """The value with None for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
