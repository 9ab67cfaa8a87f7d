"""A line now and then about work whose end is known: how much is done, how fast, and how long it will take yet."""

import sys
import time
from collections.abc import Callable

from t2t_mm.training.progress import duration

EVERY = 10.0  # seconds between two lines


class Countdown:
    """Says on standard error how far a program is.

    Args:
        program: its name.
        what: what is counted, in the plural.
        total: how many there are.
        done: how many were done before; they count for no speed.
        clock: seconds, rising; only its differences matter.
    """

    def __init__(self, program: str, what: str, total: int, done: int = 0,
                 clock: Callable[[], float] = time.monotonic):
        self._program, self._what, self._total, self._before, self._clock = program, what, total, done, clock
        self._start = self._last = clock()

    def update(self, done: int) -> None:
        """Takes note that so many are done, and says so if nothing was said for a while."""
        now = self._clock()
        if now - self._last < EVERY or done <= self._before:
            return
        self._last, speed = now, (done - self._before) / (now - self._start)
        left = duration(max(self._total - done, 0) / speed)
        print(f"{self._program}: {done:,} of {self._total:,} {self._what} ({done / max(self._total, 1):.0%})  "
              f"{speed:,.1f}/s  left {left}", file=sys.stderr, flush=True)
