"""The inputs of t2t-decoder: from arguments, a file or standard input to raw samples, each checked and placed."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.data.files.text_lines import is_unicode
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment


NOT_UTF8 = "it is not UTF-8 text"


class Row(NamedTuple):
    """An input as written: where it stands, and an argument for each input feature."""

    place: str
    fields: list[str]


def split_arguments(flags: FlagSet, argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """(flags with their values, inputs): what starts with "-" is a flag, up to "--", after which all are inputs.

    But for numbers: no flag is called "-5 3".
    """
    options, inputs, pending = [], [], list(argv)
    while pending:
        argument = pending.pop(0)
        if argument == "--":
            return options, inputs + pending
        if not argument.startswith("-") or re.match(r"-+[\d.,]", argument):
            inputs.append(argument)
            continue
        options.append(argument)
        name = argument.lstrip("-")
        if pending and name in flags and not flags[name].boolean:
            options.append(pending.pop(0))
    return options, inputs


def read_rows(problem: Any, flags: FlagSet, inputs: Sequence[str]) -> Iterator[Row]:
    """Every input: the arguments given, else the lines of --decode_from_file, else those of standard input."""
    wanted = len(problem.inputs)
    if not wanted:
        if inputs or flags.decode_from_file:
            raise UserError(f"{problem.name} takes no inputs. Leave them out; --n_best=5 --temperature=1 writes five "
                            "texts.")
        yield Row("", [])
    elif inputs:
        if len(inputs) % wanted:
            raise UserError(f"{problem.name} takes {wanted} arguments an input: {', '.join(problem.inputs)}. "
                            f"There are {len(inputs)}.")
        for start in range(0, len(inputs), wanted):
            yield Row(f"Input {start // wanted + 1}", list(inputs[start:start + wanted]))
    else:
        name = flags.decode_from_file or "standard input"
        for number, line in enumerate(_lines(flags.decode_from_file), 1):
            yield row_of(problem, f"{name}, line {number}", line)


def row_of(problem: Any, place: str, line: str) -> Row:
    """A line as an input: several features are parted by tabs."""
    return Row(place, line.split("\t") if len(problem.inputs) > 1 else [line])


def _lines(path: str | None) -> list[str]:
    """The lines, which end at line feeds alone: as many as other tools count."""
    try:
        data = sys.stdin.buffer.read() if path is None else Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = NOT_UTF8 if isinstance(error, UnicodeDecodeError) else error.strerror
        place = "Standard input" if path is None else f"--decode_from_file={path}"
        raise UserError(f"{place} cannot be read: {why}.") from None
    if not text:
        raise UserError(f"There is no input: {path or 'standard input'} is empty. Give an input a line.")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def check_rows(run: Experiment, problem: Any, rows: Iterable[Row]) -> None:
    """UserError that names the place of the first row that cannot be decoded; files are opened, and not kept."""
    from t2t_mm.data.features import encode_samples

    for row in rows:
        try:
            if len(row.fields) != len(problem.inputs):
                raise UserError(f"{problem.name} takes {len(problem.inputs)} columns parted by tabs: "
                                f"{', '.join(problem.inputs)}. There are {len(row.fields)}.")
            if not all(map(is_unicode, row.fields)):
                raise UserError(f"{NOT_UTF8}.")
            if not all(field.strip() for field in row.fields):
                raise UserError("the input is empty. Write something, or take it out.")
            encode_samples(problem.inputs, run.encoders, [read_sample(problem, row)])
        except (UserError, OSError) as error:
            why = error if isinstance(error, UserError) else f"it cannot be read ({error.strerror})."
            files = [field for feature, field in zip(problem.inputs.values(), row.fields) if not feature.is_text]
            named = f" ({', '.join(files)})" if files and not any(file in str(why) for file in files) else ""
            raise UserError(f"{row.place}{named}: {why}") from error


def read_sample(problem: Any, row: Row) -> dict[str, Any]:
    """The raw sample of a row: texts as they are, files opened."""
    pairs = zip(problem.inputs.items(), row.fields, strict=True)
    return {name: feature.read(field) for (name, feature), field in pairs}
