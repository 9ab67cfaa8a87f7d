"""The same contents for a terminal: the table of results and the samples."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from t2t_mm.report.contents import Contents, Row, Sample, measure_text

LONGEST = 70                            # characters of a sample shown in a line


def summary(contents: Contents) -> Group:
    """Both tables, to be printed by a rich console."""
    return Group(results_table(contents), Text(), samples_table(contents))


def plain_text(contents: Contents, width: int = 110) -> str:
    """Both tables as text of `width` columns, without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(summary(contents))
    return console.file.getvalue()


def results_table(contents: Contents) -> Table:
    """One line a problem: the model's accuracy beside the baseline's, and the measures of decoded text."""
    table = Table(title=Text(f"{contents.title} ({contents.split} split)"), title_justify="left", caption=Text(_caption(contents)),
                  caption_justify="left")
    table.add_column("problem", overflow="fold")
    table.add_column("task")
    for name in ("accuracy", "baseline"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("decoded", overflow="fold")
    for row in contents.rows:
        table.add_row(Text(row.problem), Text(row.task), _verdict(row), f"{100 * row.baseline:.1f} %",
                      Text(measure_text(row.measures)))
    return table


def samples_table(contents: Contents) -> Table:
    """Every sample: input, what it should be, what the model writes."""
    table = Table(title="Samples, not chosen by hand", title_justify="left")
    for name in ("problem", "input", "should be", "the model writes"):
        table.add_column(name, overflow="fold")
    last = None
    for sample in contents.samples:
        if last not in (None, sample.problem):
            table.add_section()
        table.add_row(Text(sample.problem if sample.problem != last else ""), *_sample(sample))
        last = sample.problem
    return table


def _sample(sample: Sample) -> tuple[Any, ...]:
    best = sample.outputs[0][0] if sample.outputs else ""
    style = "green" if best == sample.reference else ""
    return _short(" ".join(str(piece) for piece in sample.inputs)), _short(sample.reference), _short(best, style)


def _short(text: str, style: str = "") -> Text:
    return Text(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…", style=style)


def _verdict(row: Row) -> Text:
    return Text(f"{100 * row.accuracy:.1f} %", style="bold green" if row.beats_baseline else "bold red")


def _caption(contents: Contents) -> str:
    kinds = dict.fromkeys(row.baseline_kind for row in contents.rows)
    decoded = max((row.decoded for row in contents.rows), default=0)
    return (f"accuracy: right target tokens (or classes). baseline: {' / '.join(kinds)}, counted in the training data. "
            f"decoded: measured on text the model writes itself, at most {decoded} examples a problem.")
