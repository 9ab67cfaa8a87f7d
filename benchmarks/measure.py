"""How all benchmarks measure: milliseconds beside the rate this machine multiplies matrices at, just before and after.

A time alone says nothing on a shared machine. Each case is therefore one JSON line with its times, what it did in them,
and its share of the matmul rate: numpy's float32 product of two 2048×2048 matrices, which no setting of TensorFlow's
changes, timed in the same process just before and just after.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable

import numpy as np

SIDE = 2048


@dataclasses.dataclass(frozen=True)
class Work:
    """What one call does; 0 where that is no measure of it.

    Attributes:
        examples, tokens: of a batch; tokens are those of the targets.
        flops: of the matrix products and plain convolutions, forward and backward (`benchmarks/flops.py`).
    """

    examples: float = 0
    tokens: float = 0
    flops: float = 0


def matmul_rate(repeats: int = 5) -> float:
    """Floating-point operations a second of numpy's 2048³ float32 product; the best of `repeats`."""
    a, b = (np.random.default_rng(i).standard_normal((SIDE, SIDE), np.float32) for i in (0, 1))
    np.matmul(a, b)
    return 2 * SIDE**3 / min(_seconds(lambda: np.matmul(a, b)) for _ in range(repeats))


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(case: str, function: Callable[[], object], work: Work = Work(), repeats: int = 5, warm_up: int = 2,
            **extra: object) -> dict[str, object]:
    """Times `function` and prints a line for `case`; returns what the line says.

    Args:
        case: its name, the same from run to run.
        function: does the work once and returns when it is done (fetch a result: devices work ahead).
        work: what one call does.
        repeats, warm_up: calls that are timed, and calls before them that are not.
        extra: what else the line is to say.
    """
    return measure_in_turn({case: function}, {case: work}, repeats, warm_up, {case: extra})[case]


def measure_in_turn(functions: dict[str, Callable[[], object]], works: dict[str, Work] | None = None, repeats: int = 5,
                    warm_up: int = 2, extras: dict[str, dict] | None = None) -> dict[str, dict[str, object]]:
    """`measure` for several cases whose ratio matters: their calls alternate, so that a slow minute meets all alike."""
    for _ in range(warm_up):
        for function in functions.values():
            function()
    before = matmul_rate()
    seconds: dict[str, list[float]] = {case: [] for case in functions}
    for _ in range(repeats):
        for case, function in functions.items():
            seconds[case].append(_seconds(function))
    rate = (before + matmul_rate()) / 2
    lines = {}
    for case, times in seconds.items():
        lines[case] = {**_line(case, times, (works or {}).get(case, Work()), rate), **(extras or {}).get(case, {})}
        emit(lines[case])
    return lines


def _line(case: str, seconds: list[float], work: Work, rate: float) -> dict[str, object]:
    median = statistics.median(seconds)
    line: dict[str, object] = {"case": case, "ms": round(1e3 * median, 3), "ms_min": round(1e3 * min(seconds), 3),
                               "ms_max": round(1e3 * max(seconds), 3), "repeats": len(seconds)}
    if work.examples:
        line["examples_per_s"] = round(work.examples / median, 1)
    if work.tokens:
        line["target_tokens_per_s"] = round(work.tokens / median, 1)
    if work.flops:
        line["gflop"] = round(work.flops / 1e9, 2)
        line["share_of_matmul_rate"] = round(work.flops / median / rate, 3)
    line["matmul_gflop_per_s"] = round(rate / 1e9, 1)
    return line


def emit(line: dict[str, object]) -> None:
    """One result as a line of JSON on standard output."""
    print(json.dumps(line), flush=True)


def note(text: str) -> None:
    """A word to whoever watches, on standard error; the results are on standard output."""
    print(text, file=sys.stderr, flush=True)


def chosen(cases: Iterable[str], wanted: list[str]) -> list[str]:
    """The cases whose names contain one of `wanted`; all of them if nothing is wanted. SystemExit if none does."""
    cases = list(cases)
    found = [case for case in cases if not wanted or any(word in case for word in wanted)]
    if not found:
        raise SystemExit(f"No case is like {' or '.join(wanted)}. There are: {', '.join(cases)}.")
    return found
