"""Lines of benchmarks as a Markdown table: `python -m benchmarks.table bench.jsonl`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

KNOWN = ("benchmark", "case", "ms", "ms_min", "ms_max", "share_of_matmul_rate", "matmul_gflop_per_s")
HEADER = ("benchmark", "case", "ms (min–max)", "share of the matmul rate", "more")


def markdown(lines: Sequence[dict[str, object]]) -> str:
    """One row a line: its time, its share, and whatever else it says."""
    rows = [HEADER, ("---",) * len(HEADER), *(_row(line) for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(line: dict[str, object]) -> tuple[str, ...]:
    time = f"{_short(line['ms'])} ({_short(line['ms_min'])}–{_short(line['ms_max'])})" if "ms_min" in line else ""
    share = f"{line['share_of_matmul_rate']:.0%}" if "share_of_matmul_rate" in line else ""
    more = ", ".join(f"{key} {_short(value)}" for key, value in line.items() if key not in KNOWN and key != "repeats")
    return str(line.get("benchmark", "")), str(line["case"]), time, share, more


def _short(value: object) -> str:
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(markdown([json.loads(line) for line in file]))
