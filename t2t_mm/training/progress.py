"""Progress: a live block of lines on a terminal, plain lines elsewhere: step, loss per problem, speed, time left."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_SMOOTHING = 0.9  # of the losses shown; metrics.jsonl has the plain means
_WINDOW = 30.0  # seconds over which speeds are averaged


class Taken(NamedTuple):
    """One step of one problem: loss in nats per target position, target positions, examples."""

    problem: str
    loss: float
    tokens: float
    examples: float


class Progress:
    """Shows how training goes on.

    Args:
        train_steps: steps in all.
        start: steps that were done before.
        report: prints a line; where it is `print` and stdout a terminal, a live block is shown below the lines.
        clock: seconds, rising; only its differences matter.
    """

    def __init__(self, train_steps: int, start: int = 0, report: Callable[[str], None] = print,
                 clock: Callable[[], float] = time.monotonic):
        self._total, self._step, self._clock = train_steps, start, clock
        self._losses: dict[str, float] = {}
        self._paused = 0.0  # seconds in evaluations, which no speed counts
        self._moments = deque([(clock(), start, 0.0, 0.0)])  # (training seconds, step, tokens, examples) so far
        self._live = _live_block() if report is print and sys.stdout.isatty() else None
        self._report = self._live.console.print if self._live else report

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()

    def update(self, step: int, taken: Sequence[Taken]) -> None:
        """Takes note of steps that are done; `step` counts all of them, those of earlier starts included.

        Speeds count from the first step of a problem on, in which its graph is traced.
        """
        new = any(problem not in self._losses for problem, *_ in taken)
        for problem, loss, *_ in taken:
            before = self._losses.get(problem, loss)
            self._losses[problem] = _SMOOTHING * before + (1 - _SMOOTHING) * loss
        _, _, tokens, examples = self._moments[-1]
        tokens, examples = tokens + sum(t.tokens for t in taken), examples + sum(t.examples for t in taken)
        now = self._clock() - self._paused
        self._moments.append((now, step, tokens, examples))
        while len(self._moments) > 2 and now - self._moments[0][0] > _WINDOW:
            self._moments.popleft()
        if new:
            self._moments = deque([self._moments[-1]])
        self._step = step
        if self._live:
            self._live.update(self.line("\n"), refresh=False)

    def line(self, parting: str = "  ") -> str:
        """All there is to know, e.g. "step 50/400 (12%)  left 0:35  210 examples/s  2,300 tokens/s  loss: p 1.520".

        parting: what stands before the losses; with a line feed each has a line.
        """
        speeds = self.speeds()
        parts = [f"step {self._step:,}/{self._total:,} ({self._step / max(self._total, 1):.0%})"]
        if speeds:
            parts += [f"left {duration((self._total - self._step) / speeds['steps_per_second'])}",
                      f"{speeds['examples_per_second']:,.0f} examples/s",
                      f"{speeds['target_tokens_per_second']:,.0f} target tokens/s"]
        comma = f",{parting}" if "\n" in parting else ", "
        losses = comma.join(f"{problem} {loss:.3f}" for problem, loss in sorted(self._losses.items()))
        return "  ".join(parts) + (f"{parting}loss: {losses}" if losses else "")

    def speeds(self) -> dict[str, float]:
        """Steps, examples and target tokens a second of the last 30 s of training; {} before the first step."""
        (start, first, *before), (end, last, *now) = self._moments[0], self._moments[-1]
        if last == first or end <= start:
            return {}
        tokens, examples = ((b - a) / (end - start) for a, b in zip(before, now, strict=True))
        return {"steps_per_second": (last - first) / (end - start), "examples_per_second": examples,
                "target_tokens_per_second": tokens}

    def log(self) -> None:
        """A plain line, unless the live block shows it anyway."""
        if not self._live:
            self._report(self.line())

    def say(self, text: str) -> None:
        """A line that stays."""
        self._report(text)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Within this context time does not count as training."""
        start = self._clock()
        try:
            yield
        finally:
            self._paused += self._clock() - start


def _live_block():
    from rich.console import Console
    from rich.live import Live

    return Live("starting: the first step of each kind of problem takes longer", refresh_per_second=4,
                console=Console(highlight=False, markup=False, soft_wrap=True))


def duration(seconds: float) -> str:
    """Minutes and seconds, "1:05", behind hours if there are any, "2:01:05"."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
