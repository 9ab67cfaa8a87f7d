"""Charts as inline SVG text: a learning curve with its baseline, and a heat map of experts."""

import html
import math
from collections.abc import Sequence

CURVE_SIZE = (360, 180)                 # width, height in SVG units; the page scales them
MARGIN = (24, 12, 26, 44)               # top, right, bottom, left
MOST_POINTS = 60                        # above this a curve gets no dots
ROW_HEIGHT, HEAT_WIDTH = 20, 760


def learning_curve(
    title: str, steps: Sequence[float], values: Sequence[float], baseline: float | None = None, unit_range: bool = False
) -> str:
    """A curve of `values` over `steps`, not-finite values left out.

    baseline: drawn as a dashed line. unit_range: the vertical axis is [0, 1], else it fits the values.
    """
    points = [(float(x), float(y)) for x, y in zip(steps, values) if math.isfinite(y)]
    if not points:
        return _svg(*CURVE_SIZE, title, [_text(MARGIN[3], 60, "no evaluation recorded")])
    heights = [y for _, y in points] + ([] if baseline is None else [baseline])
    low, high = (0.0, 1.0) if unit_range else nice_range(min(heights), max(heights))
    place = _Place(max(x for x, _ in points), low, high)
    parts = _axes(place)
    if baseline is not None:
        parts += _baseline(place, baseline)
    parts.append(f'<polyline class="curve" points="{" ".join(place.point(x, y) for x, y in points)}"/>')
    shown = points if len(points) <= MOST_POINTS else points[-1:]
    parts += [place.dot(x, y) for x, y in shown]
    last_x, last_y = points[-1]
    parts.append(_text(place.x(last_x), place.y(last_y) - 7, number(last_y), "title", "end"))
    return _svg(*CURVE_SIZE, title, parts)


def heat_map(title: str, names: Sequence[str], shares: Sequence[Sequence[float]]) -> str:
    """One row a name, one column an expert; the darker the cell, the larger the expert's share of that row (0..1)."""
    shares = [[share if math.isfinite(share) else 0.0 for share in row] for row in shares]
    experts = max((len(row) for row in shares), default=0)
    top = max((share for row in shares for share in row), default=0.0)
    left = 8 + 7 * max((len(name) for name in names), default=0)
    width = max(1.0, (HEAT_WIDTH - left) / max(experts, 1))
    parts = []
    for index, (name, row) in enumerate(zip(names, shares)):
        y = 24 + index * ROW_HEIGHT
        parts.append(_text(left - 8, y + 14, name, "row", "end"))
        parts += [_cell(left + k * width, y, width, share, top, f"{name}: expert {k}") for k, share in enumerate(row)]
    bottom = 24 + len(names) * ROW_HEIGHT
    parts.append(f'<rect class="frame" x="{left}" y="24" width="{width * experts:.1f}" height="{bottom - 24}"/>')
    parts.append(_text(left, bottom + 16, "0"))
    parts.append(_text(left + width * experts, bottom + 16, f"{experts} experts", "", "end"))
    return _svg(math.ceil(left + width * experts) + 2, bottom + 24, title, parts)


def nice_range(low: float, high: float) -> tuple[float, float]:
    """An axis that holds [low, high], begins at 0 where nothing is negative, and ends on a round number."""
    low = min(low, 0.0)
    span = max(high - low, 1e-9)
    unit = 10 ** math.floor(math.log10(span)) / 2
    return math.floor(low / unit) * unit, math.ceil(high / unit - 1e-9) * unit or unit


def number(value: float) -> str:
    """Three significant figures, without an exponent where a reader does not need one."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


class _Place:
    """Where a (step, value) pair lies on the drawing."""

    def __init__(self, last_step: float, low: float, high: float):
        self.last_step, self.low, self.high = max(last_step, 1.0), low, high
        top, right, bottom, left = MARGIN
        self.box = (left, top, CURVE_SIZE[0] - right, CURVE_SIZE[1] - bottom)

    def x(self, step: float) -> float:
        left, _, right, _ = self.box
        return left + (right - left) * step / self.last_step

    def y(self, value: float) -> float:
        _, top, _, bottom = self.box
        return bottom - (bottom - top) * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)

    def point(self, step: float, value: float) -> str:
        return f"{self.x(step):.1f},{self.y(value):.1f}"

    def dot(self, step: float, value: float) -> str:
        label = f"step {step:,.0f}: {number(value)}"
        return (f'<circle class="point" cx="{self.x(step):.1f}" cy="{self.y(value):.1f}" r="2.5">'
                f"<title>{html.escape(label)}</title></circle>")


def _axes(place: _Place) -> list[str]:
    left, top, right, bottom = place.box
    parts = []
    for value in (place.low, (place.low + place.high) / 2, place.high):
        y = place.y(value)
        parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, number(value), "", "end"))
    parts.append(_text(left, bottom + 16, "step 0"))
    parts.append(_text(right, bottom + 16, f"{place.last_step:,.0f}", "", "end"))
    return parts


def _baseline(place: _Place, value: float) -> list[str]:
    left, _, right, _ = place.box
    y = place.y(value)
    line = f'<line class="baseline" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
    text_y = y + 13 if y < place.box[3] - 14 else y - 5
    return [line, _text(right, text_y, f"baseline {number(value)}", "baseline-label", "end")]


def _cell(x: float, y: float, width: float, share: float, top: float, label: str) -> str:
    strength = share / top if top > 0 else 0.0
    return (f'<rect class="cell" x="{x:.1f}" y="{y}" width="{width:.2f}" height="{ROW_HEIGHT}" '
            f'fill-opacity="{strength:.3f}"><title>{html.escape(label)}: {100 * share:.1f} %</title></rect>')


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{html.escape(text)}</text>'


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    title = html.escape(title)
    heading = f'<text class="title" x="8" y="14">{title}</text>'
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
            f"{heading}{''.join(parts)}</svg>")
