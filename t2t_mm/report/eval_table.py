"""The figures of t2t-eval as plain text: teacher-forced and decoded ones in a table each, names and lines never cut."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from t2t_mm.metrics.accuracy import accuracy
from t2t_mm.report.contents import measure_values

WIDTH = 80  # of the notes; tables are as wide as they must be


def eval_text(figures: dict[str, Any]) -> str:
    """What t2t-eval prints of the figures that it writes as JSON (cli/evaluator.py)."""
    parts = [f"{figures['split']} split, weights of step {figures['step']} ({figures['checkpoint']})",
             "Teacher-forced: given the right tokens before", _forced(figures["problems"]),
             _note("log-perplexity: nats a token, or an example if it has a class. accuracy: of tokens, or of classes. "
                   "whole: sequences with all tokens right. baseline: the accuracy of the most frequent token after "
                   "the one before, or of the most frequent class.")]
    if figures["decoding"]:
        parts += [f"Decoded: what the model writes by itself ({_how(figures['decoding'])})",
                  _decoded(figures["problems"])]
    parts += [_note(f"{name}: {entry['too_long']:,} examples are longer than max_length and not in the teacher-forced "
                    "figures.") for name, entry in figures["problems"].items() if entry["too_long"]]
    return "\n\n".join(parts)


def _forced(problems: dict[str, Any]) -> str:
    rows = []
    for name, entry in problems.items():
        forced = entry["teacher_forced"]
        rows.append((name, f"{forced['examples']:,.0f}", f"{forced['log_perplexity']:.3f}",
                     percent(accuracy(forced)),
                     percent(forced.get("top5_accuracy")), percent(forced.get("sequence_accuracy")),
                     percent(entry["baseline"]["accuracy"])))
    return columns(("problem", "examples", "log-perplexity", "accuracy", "top-5", "whole", "baseline"), rows)


def _decoded(problems: dict[str, Any]) -> str:
    """A line for each measure; signatures are in the JSON only."""
    rows = []
    for name, entry in problems.items():
        decoded = entry["decoded"]
        counts = (name, f"{decoded['decoded_examples']:,}", f"{decoded['decoded_references']:,}")
        for measure, value in measure_values(decoded).items():
            rows.append((*counts, measure, value))
            counts = ("", "", "")
    return columns(("problem", "examples", "references", "measure", "value"), rows, left=(0, 3))


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """A table with two blanks between columns, `left` ones flush left; columns without any value are left out."""
    shown = [k for k in range(len(head)) if any(row[k] for row in rows)]
    widths = {k: max(len(line[k]) for line in (head, *rows)) for k in shown}
    lines = ["  ".join(line[k].ljust(widths[k]) if k in left else line[k].rjust(widths[k]) for k in shown).rstrip()
             for line in (head, *rows)]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _how(decoding: dict[str, Any]) -> str:
    return f"beam search, {decoding['beam_size']} hypotheses" if decoding["method"] == "beam" else decoding["method"]


def _note(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def percent(share: float | None) -> str:
    """0.5 as "50.0 %"; nothing for None and NaN."""
    return "" if share is None or math.isnan(share) else f"{100 * share:.1f} %"
