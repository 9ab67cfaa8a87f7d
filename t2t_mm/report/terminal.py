"""The same contents for a terminal: the table of results and the samples."""

from __future__ import annotations

import io

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from t2t_mm.report.contents import Contents, Row, Sample, measure_text

LONGEST = 160                           # characters shown of a text


def summary(contents: Contents) -> Group:
    """Both tables, to be printed by a rich console."""
    heading = Text("\nSamples, not chosen by hand", style="italic")
    return Group(results_table(contents), heading, samples_table(contents))


def plain_text(contents: Contents, width: int = 110) -> str:
    """Both tables as text of `width` columns, without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(summary(contents))
    return console.file.getvalue()


def results_table(contents: Contents) -> Table:
    """One line a problem: the model's accuracy beside the baseline's, and the measures of decoded text."""
    table = Table(title=Text(f"{contents.title} ({contents.split} split)"), title_justify="left",
                  caption=Text(_caption(contents)), caption_justify="left")
    table.add_column("problem", no_wrap=True)
    table.add_column("task")
    for name in ("accuracy", "baseline"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("decoded", overflow="fold")
    for row in contents.rows:
        table.add_row(Text(row.problem), Text(row.task), _verdict(row), f"{100 * row.baseline:.1f} %",
                      Text(measure_text(row.measures)))
    return table


def samples_table(contents: Contents) -> Table:
    """Every sample in three lines: input, what it should be, what the model writes."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    last = None
    for sample in contents.samples:
        if sample.problem != last:
            table.add_row(Text(sample.problem, style="bold"))
            last = sample.problem
        for label, text in _lines(sample):
            table.add_row(Text(f"  {label}", style="dim"), text)
    return table


def _lines(sample: Sample) -> list[tuple[str, Text]]:
    best = sample.outputs[0][0] if sample.outputs else ""
    right = best == sample.reference
    return [("input", _short(" | ".join(str(piece) for piece in sample.inputs))),
            ("should be", _short(sample.reference)),
            ("model" + " ✓" * right, _short(best, "green" if right else ""))]


def _short(text: str, style: str = "") -> Text:
    text = " ".join(text.split())
    return Text(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…", style=style)


def _verdict(row: Row) -> Text:
    return Text(f"{100 * row.accuracy:.1f} %", style="bold green" if row.beats_baseline else "bold red")


def _caption(contents: Contents) -> str:
    kinds = dict.fromkeys(row.baseline_kind for row in contents.rows)
    decoded = max((row.decoded for row in contents.rows), default=0)
    return (f"accuracy: right target tokens (or classes). baseline: {' / '.join(kinds)}, counted in the training data. "
            f"decoded: measured on text the model writes itself, at most {decoded} examples a problem.")
