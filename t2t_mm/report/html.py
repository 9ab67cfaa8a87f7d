"""From the contents of a run to one HTML file that needs no other file, no script and no network."""

import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from t2t_mm.data.atomic import atomic_file
from t2t_mm.report import chart, media
from t2t_mm.report.contents import Contents, Curve, Experts, Piece, Row, Sample, Trained, measure_text
from t2t_mm.report.style import STYLE

# Nothing outside the page may be loaded, even if an escape were missed.
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def write_report(contents: Contents, path: str | os.PathLike) -> Path:
    """Writes the page, whole or not at all, and makes its folder; returns the path."""
    path = Path(path)
    with atomic_file(path) as partial:
        partial.write_text(render(contents), encoding="utf-8")
    return path


def render(contents: Contents) -> str:
    """The whole page as text."""
    body = "".join([
        f"<h1>{_safe(contents.title)}</h1>",
        _facts(contents.facts),
        _results(contents.rows, contents.split),
        _curves(contents.curves, {row.problem: row.baseline for row in contents.rows}),
        _trained(contents.trained),
        _samples(contents.samples, contents.split),
        _experts(contents.experts),
        "<footer>Written by t2t-report. The page is self-contained: no script, nothing loaded.</footer>",
    ])
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{_safe(contents.title)}</title><style>{STYLE}</style></head>"
            f"<body><main>{body}</main></body></html>\n")


def _facts(facts: Mapping[str, str]) -> str:
    pairs = (f"<dt>{_safe(name)}</dt><dd>{_safe(value)}</dd>" for name, value in facts.items())
    return f'<dl class="facts">{"".join(pairs)}</dl>'


def _results(rows: Iterable[Row], split: str) -> str:
    head = ('<tr><th>problem</th><th class="text">task</th><th>examples</th><th>accuracy</th><th>baseline</th>'
            '<th>log-perplexity</th><th>whole sequence</th><th class="text">decoded</th></tr>')
    return _section(
        "Results",
        f"On the {split} split. Accuracy is per target token given the true tokens before it (per example where the "
        "target is a class). The baseline knows only the training targets: the most frequent class, or the most "
        "frequent token given the previous one. The decoded measures are taken on the text the model writes by itself.",
        f'<div class="card wide"><table>{head}{"".join(_row(row) for row in rows)}</table></div>')


def _row(row: Row) -> str:
    verdict = "good" if row.beats_baseline else "bad"
    perplexity = row.metrics.get("log_perplexity")
    whole = row.metrics.get("sequence_accuracy")
    cells = [
        f'<td class="mono">{_safe(row.problem)}</td>',
        f'<td class="text">{_safe(row.task)}</td>',
        f"<td>{row.examples:,}</td>",
        f'<td class="{verdict}">{_percent(row.accuracy)}</td>',
        f'<td title="{_safe(row.baseline_kind)}">{_percent(row.baseline)}</td>',
        f"<td>{_safe('–' if perplexity is None else chart.number(perplexity))}</td>",
        f"<td>{_percent(whole)}</td>",
        f'<td class="text">{_safe(measure_text(row.measures))}</td>']
    return f"<tr>{''.join(cells)}</tr>"


def _curves(curves: Iterable[Curve], baselines: dict[str, float]) -> str:
    cards = []
    for curve in curves:
        accuracy = chart.learning_curve("accuracy", curve.steps, curve.accuracy, baselines.get(curve.problem), True)
        perplexity = chart.learning_curve("log-perplexity, nats a token", curve.steps, curve.log_perplexity)
        cards.append(f'<div class="card"><h3>{_safe(curve.problem)}</h3>{accuracy}{perplexity}</div>')
    return _section("Learning curves", "On the dev split, by training step of the joint model.",
                    f'<div class="grid">{"".join(cards)}</div>')


def _trained(trained: Sequence[Trained]) -> str:
    if not trained:
        return ""
    head = "<tr><th>problem</th><th>steps</th><th>share</th><th>examples</th><th>target tokens</th></tr>"
    total = max(sum(one.steps for one in trained), 1)
    lines = "".join(f'<tr><td class="mono">{_safe(one.problem)}</td><td>{one.steps:,}</td>'
                    f"<td>{_percent(one.steps / total)}</td><td>{one.examples:,}</td><td>{one.tokens:,}</td></tr>"
                    for one in trained)
    drawings = (chart.learning_curve(f"{one.problem}: share of the steps", one.moments, one.shares, unit_range=True)
                for one in trained if one.moments)
    cards = "".join(f'<div class="card">{drawing}</div>' for drawing in drawings)
    return _section("Mixing", "How much of each problem the model was trained on.",
                    f'<div class="stack"><div class="card wide"><table>{head}{lines}</table></div>'
                    f'<div class="grid">{cards}</div></div>')


def _samples(samples: Iterable[Sample], split: str) -> str:
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.problem, []).append(sample)
    head = '<tr><th>input</th><th class="text">should be</th><th class="text">the model writes</th></tr>'
    cards = []
    for problem, group in groups.items():
        lines = "".join(_sample(sample) for sample in group)
        cards.append(f'<div class="card wide"><h3>{_safe(problem)}</h3><table>{head}{lines}</table></div>')
    return _section("Samples", f"From the {split} split, not chosen by hand.",
                    f'<div class="stack">{"".join(cards)}</div>')


def _sample(sample: Sample) -> str:
    inputs = "<br>".join(_piece(piece) for piece in sample.inputs)
    best = sample.outputs[0][0] if sample.outputs else ""
    right = ' <span class="good">✓</span>' if best == sample.reference else ""
    others = "".join(f'<div class="soft">{_safe(text)} ({score:.2f})</div>' for text, score in sample.outputs[1:])
    return (f'<tr><td class="text">{inputs}</td><td class="text">{_safe(sample.reference)}</td>'
            f'<td class="text">{_safe(best)}{right}{others}</td></tr>')


def _piece(piece: Piece) -> str:
    if piece.kind == "picture":
        return media.picture(piece.value, piece.name)
    if piece.kind == "sound":
        return media.sound(piece.value, piece.sample_rate)
    return _safe(piece.value)


def _experts(experts: Iterable[Experts]) -> str:
    maps = (chart.heat_map(layer.name, layer.problems, layer.shares) for layer in experts)
    cards = [f'<div class="card wide">{drawing}</div>' for drawing in maps]
    if not cards:
        return ""
    return _section("Experts", "The share of a problem's tokens that each expert of a mixture-of-experts layer "
                    "receives; a stronger colour is a larger share.",
                    f'<div class="stack">{"".join(cards)}</div>')


def _section(title: str, note: str, inside: str) -> str:
    return f'<section><h2>{_safe(title)}</h2><p class="note">{_safe(note)}</p>{inside}</section>'


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _safe(text: object) -> str:
    return html.escape(str(text), quote=True)
