"""t2t-decoder: what a trained run makes of texts, pictures or sounds, from arguments, a file, a split or a prompt."""

import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from t2t_mm import experiment
from t2t_mm.cli.countdown import Countdown
from t2t_mm.cli.decoder_inputs import Row, check_rows, read_rows, read_sample, row_of, split_arguments
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program
from t2t_mm.cli.results import Journal, Result
from t2t_mm.cli.run_flags import (
    check_checkpoint,
    check_file,
    check_one,
    check_split,
    define_run_flags,
    define_search_flags,
    only_problem,
    take_flag,
)
from t2t_mm.cli.tensorflow_start import start_tensorflow
from t2t_mm.data.atomic import atomic_file
from t2t_mm.decoding.settings import CHUNK, DecodeSettings
from t2t_mm.errors import UserError


def define() -> Program:
    program = Program("t2t-decoder", "decodes with a trained run. Inputs are arguments (t2t-decoder --output_dir=run "
                                     "'a text'), a file, a split, piped in, or typed at a prompt (Ctrl-D ends). "
                                     "A picture or sound is the path of its file; what begins with - comes after --.")
    flags = program.flags
    define_run_flags(flags)
    flags.group("inputs and outputs")
    flags.folder("decode_from_file", None, "a file with an input a line; several features are parted by tabs")
    flags.folder("decode_to_file", None, "where results go, a line each (default: the terminal); a job that was "
                 "killed goes on")
    flags.string("split", None, "decode this split of the generated data, e.g. dev")
    flags.integer("limit", 0, "most examples of the split; 0: all", low=0)
    flags.boolean("json", False, "write one JSON object a line: input, outputs (text, score), reference")
    define_search_flags(flags)
    flags.number("temperature", None, "sample, at this temperature")
    flags.integer("top_k", 0, "sample from so many most probable ids; 0: all", low=0)
    flags.number("top_p", 1.0, "sample from the most probable ids that sum to this", low=0, high=1)
    flags.integer("seed", 0, "of sampling", low=0)
    flags.integer("n_best", 1, "results for each input", low=1)
    flags.integer("max_length", 0, "most ids of an output; 0: by the length of the input", low=0)
    return program


def main(argv: list[str] | None = None) -> int:
    program = define()
    arguments, names = take_flag(sys.argv[1:] if argv is None else argv, "problem")
    arguments, inputs = split_arguments(program.flags, arguments)
    return program.run(lambda flags: work(flags, names, inputs), arguments)


def work(flags: FlagSet, names: Sequence[str], inputs: Sequence[str]) -> None:
    """Checks everything that needs no TensorFlow, then decodes; `names` of --problem, `inputs` given as arguments."""
    flags.require("output_dir")
    settings = settings_of(flags)
    _check_one_source(flags, inputs)
    check_one(names)
    run = experiment.Experiment.load(flags.output_dir, flags.data_dir, flags.t2t_usr_dir).asked_for(names)
    run = run.in_precision(flags.mixed_precision)
    problem = only_problem(run, names)
    settings.check_target(problem.targets.is_text)
    check_checkpoint(flags.output_dir)
    if flags.decode_to_file:
        check_file("decode_to_file", flags.decode_to_file)
        _check_not_the_input(flags)
    if flags.split:
        manifest = check_split(run, problem, flags.split)
        _decode_split(_start(run, flags, settings, many=True), problem, manifest, flags)
    elif not (inputs or flags.decode_from_file or flags.decode_to_file) and problem.inputs and sys.stdin.isatty():
        converse(_start(run, flags, settings), problem, flags)
    else:
        rows = list(read_rows(problem, flags, inputs))
        check_rows(run, problem, rows)
        decoder = _start(run, flags, settings, many=len(rows) > flags.batch_size)
        source = {"inputs": _digest(rows)}
        write(partial(_of_rows, decoder, problem, rows, flags.batch_size), len(rows),
              _job(decoder, problem, flags, source), flags)


def settings_of(flags: FlagSet) -> DecodeSettings:
    """The decoding settings of the flags; UserError if they contradict each other."""
    return DecodeSettings(
        beam_size=flags.beam_size, alpha=flags.alpha, max_length=flags.max_length or None, n_best=flags.n_best,
        temperature=flags.temperature, top_k=flags.top_k, top_p=flags.top_p, seed=flags.seed)


def _check_one_source(flags: FlagSet, inputs: Sequence[str]) -> None:
    given = [name for name, value in (("inputs as arguments", inputs), ("--decode_from_file", flags.decode_from_file),
                                      ("--split", flags.split)) if value]
    if len(given) > 1:
        raise UserError(f"Inputs come from one place, but there are {' and '.join(given)}. Keep one of them.")
    if flags.limit and not flags.split:
        raise UserError("--limit is for --split. Name a split, or leave it out.")


def _check_not_the_input(flags: FlagSet) -> None:
    source, results = flags.decode_from_file, flags.decode_to_file
    if source and os.path.exists(source) and os.path.exists(results) and os.path.samefile(source, results):
        raise UserError(f"--decode_to_file={results} is the file of the inputs, which would be lost. Name another.")


# Decoding.


def _start(run: experiment.Experiment, flags: FlagSet, settings: DecodeSettings, many: bool = False) -> Any:
    """Starts TensorFlow, for one batch at a time or for many, and loads the run's weights."""
    start_tensorflow(batches_at_once=many, output_dir=flags.output_dir)
    from t2t_mm.inference import Decoder

    decoder = Decoder(run, flags.output_dir, settings, flags.checkpoint, flags.batch_size, flags.xla)
    print(f"t2t-decoder: weights of step {decoder.step} ({decoder.checkpoint})", file=sys.stderr)
    return decoder


def _of_rows(decoder: Any, problem: Any, rows: Sequence[Row], batch_size: int, first: int = 0) -> Iterator[Result]:
    """The results from number `first` on; the files of one chunk are in memory at a time."""
    rest = islice(rows, first, None)
    while chunk := list(islice(rest, CHUNK * batch_size)):
        results = decoder.decode_samples(problem, [read_sample(problem, row) for row in chunk], first=first)
        for row, outputs in zip(chunk, results, strict=True):
            yield Result(" | ".join(row.fields), outputs, None)
        first += len(chunk)


def _decode_split(decoder: Any, problem: Any, manifest: Any, flags: FlagSet) -> None:
    limit = flags.limit or None

    def results(first: int) -> Iterator[Result]:
        for _, inputs, reference, outputs in decoder.decode_split(problem, flags.split, limit, first):
            yield Result(inputs, outputs, reference)

    count = manifest.count(flags.split)
    source = {"split": flags.split, "limit": limit, "data": manifest.splits[flags.split].checksum}
    write(results, min(count, limit or count), _job(decoder, problem, flags, source), flags)


def _digest(rows: Sequence[Row]) -> str:
    """What tells the inputs of a job from those of another."""
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update("\t".join(row.fields).encode() + b"\n")
    return digest.hexdigest()


def _job(decoder: Any, problem: Any, flags: FlagSet, source: dict[str, Any]) -> dict[str, Any]:
    """All that decides about the results."""
    return {"run": os.path.abspath(flags.output_dir), "step": decoder.step, "problem": problem.name,
            "precision": decoder.experiment.hparams.mixed_precision, "batch_size": flags.batch_size, "xla": flags.xla,
            **dataclasses.asdict(decoder.settings), **source}


def converse(decoder: Any, problem: Any, flags: FlagSet) -> None:
    """Prompts for inputs until Ctrl-D; a bad one is explained, and the next prompt follows."""
    parts = " TAB ".join(f"{name}: {feature.modality}" for name, feature in problem.inputs.items())
    print(f"{problem.name} ({parts}). Ctrl-D ends.", file=sys.stderr)
    while True:
        try:
            line = input("> ")
        except EOFError:
            print()
            return
        if not line.strip():
            continue
        rows = [row_of(problem, "Input", line)]
        try:
            check_rows(decoder.experiment, problem, rows)
            for result in _of_rows(decoder, problem, rows, flags.batch_size):
                print(*_lines(flags, result), sep="\n", flush=True)
        except UserError as error:
            print(error, file=sys.stderr)


# Results.


def write(results: Callable[[int], Iterator[Result]], total: int, job: dict[str, Any], flags: FlagSet) -> None:
    """Prints results as they come, or writes them to --decode_to_file; `results` gives those from a number on."""
    if not flags.decode_to_file:
        for result in results(0):
            print(*_lines(flags, result), sep="\n", flush=True)
        return
    with Journal(flags.decode_to_file, job, CHUNK * flags.batch_size) as journal:
        if journal.done:
            print(f"t2t-decoder: going on after {journal.done:,} results in {journal.kept}", file=sys.stderr)
        elif journal.of_another_job:
            print(f"t2t-decoder: what was in {journal.kept} is of other inputs, settings or weights, and begun anew",
                  file=sys.stderr)
        countdown = Countdown("t2t-decoder", "inputs", total, journal.done)
        for result in results(journal.done):
            countdown.update(journal.done)
            journal.add(result)
        with atomic_file(flags.decode_to_file) as unnamed, open(unnamed, "w", encoding="utf-8") as file:
            for item in journal:
                file.writelines(f"{line}\n" for line in _lines(flags, Result(*item), references=flags.json))
        journal.remove()
    print(f"t2t-decoder: {journal.done} results in {flags.decode_to_file}", file=sys.stderr)


def _lines(flags: FlagSet, result: Result, references: bool = True) -> list[str]:
    """A result as it is written: as JSON, or as text; without references a text a line, for other programs."""
    result = result if references else result._replace(reference=None)
    return [result.as_json()] if flags.json else result.as_text(scores=flags.n_best > 1)


if __name__ == "__main__":
    raise SystemExit(main())
