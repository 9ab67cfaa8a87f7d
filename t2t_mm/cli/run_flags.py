"""What programs on a finished run share: the flags that name it, and the checks that need no TensorFlow."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.data.atomic import check_writable
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.hparams.hparams import PRECISIONS
from t2t_mm.training import run_folder
from t2t_mm.training.choices import XLA


def define_run_flags(flags: FlagSet, several: bool = False) -> None:
    """`--output_dir --problem --data_dir --checkpoint`: which run, which of its problems, or several of them."""
    flags.group("run")
    flags.folder("output_dir", None, "the folder of the t2t-trainer run")
    which = "some of the run's problems (default: all)" if several else "one of the run's (default: the only one)"
    flags.string("problem", None, f"{which}, or one with a command and vocabulary that it learned (zero-shot)")
    flags.folder("data_dir", None, "where the examples are now (default: where they were at training)")
    flags.choice("checkpoint", "best", ("best", "latest"), "which checkpoint")


def define_search_flags(flags: FlagSet) -> None:
    """`--beam_size --alpha --batch_size --mixed_precision --xla`: how outputs are searched for."""
    flags.group("search")
    flags.integer("beam_size", 1, "hypotheses of beam search; 1: greedy", low=1)
    flags.number("alpha", 0.6, "length penalty of beam search", low=0)
    flags.integer("batch_size", 32, "most inputs of a batch; on a CPU each core decodes one", low=1)
    flags.choice("mixed_precision", None, PRECISIONS, "type of the activations (default: as trained); bfloat16 is "
                 "faster on CPUs that have it (AMX, AVX-512's)")
    flags.choice("xla", "auto", XLA, "compile the search: pays for a GPU and 20,000 inputs or more; auto: off")


def take_flag(argv: Sequence[str], name: str) -> tuple[list[str], list[str]]:
    """(the other arguments, the values of --name): run.problem looks them up, not the registry."""
    rest, values, pending = [], [], list(argv)
    while pending:
        argument = pending.pop(0)
        if argument == "--":
            return [*rest, argument, *pending], values
        flag, equals, value = argument.partition("=")
        if flag in (f"--{name}", f"-{name}", f"--{name}s") and (equals or pending):
            values += filter(None, (part.strip() for part in (value if equals else pending.pop(0)).split(",")))
        else:
            rest.append(argument)
    return rest, values


def check_one(names: Sequence[str]) -> None:
    """UserError if more than one problem is named."""
    if len(names) > 1:
        raise UserError(f"--problem names {len(names)} problems ({', '.join(names)}). Decode one at a time.")


def only_problem(run: Experiment, names: Sequence[str]) -> Any:
    """The problem named, or the run's only one; UserError listing the run's problems."""
    if names:
        return run.problem(names[0])
    if len(run.problems) > 1:
        raise UserError("This run has more than one problem. Name one with --problem: "
                        f"{', '.join(problem.name for problem in run.problems)}.")
    return run.problems[0]


def check_checkpoint(output_dir: str) -> None:
    """UserError if a run has no checkpoint yet; reads none."""
    if not run_folder.has_checkpoint(output_dir):
        raise UserError(f"The run in {output_dir!r} has no checkpoint yet. Go on training it with t2t-trainer.")


def with_split(run: Experiment, named: Sequence[Any], split: str) -> list[Any]:
    """The problems named, or all of the run that have examples in a split; of the others it is said.

    UserError as `check_split`, for a problem that was named, or if no problem has any.
    """
    from t2t_mm.data.manifest import read_manifest

    problems = list(named)
    if not named:
        having = [problem for problem in run.problems if read_manifest(run.data_dir, problem.name).splits.get(split)]
        problems = having or list(run.problems)
    for problem in problems:
        check_split(run, problem, split)
    left_out = [] if named else [problem.name for problem in run.problems if problem not in problems]
    if left_out:
        print(f"Left out, as they have no split {split!r}: {', '.join(left_out)}.", file=sys.stderr)
    return problems


def check_file(flag: str, path: str | Path) -> None:
    """UserError, before anything slow starts, if there can be no file where the flag wants one; makes nothing."""
    path = Path(path)
    if path.is_dir():
        raise UserError(f"--{flag}={path} is a folder. Name a file.")
    if path.exists() and not path.is_file():
        raise UserError(f"--{flag}={path} is a device or pipe, which cannot be replaced. Name a file.")
    check_writable(f"--{flag}={path}", path.absolute().parent)


def check_split(run: Experiment, problem: Any, split: str) -> Any:
    """The problem's manifest; UserError if the split's data are not there whole, not empty, and as declared."""
    from t2t_mm.data.manifest import checked_manifest

    manifest = checked_manifest(run.data_dir, problem, run.checksums)
    if not manifest.count(split):
        raise UserError(f"The split {split!r} of {problem.name} is empty. Name another: {', '.join(manifest.splits)}.")
    before, now = run.trained_on.get(problem.name), manifest.splits.get("train")
    if before and now and now.checksum != before:
        print(f"The data of {problem.name} have been generated anew since the run was trained: what it was trained on "
              f"may be in the split {split!r} now.", file=sys.stderr)
    return manifest
