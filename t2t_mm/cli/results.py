"""Results: how those of t2t-decoder are written, and the journal of a long job, which goes on after a kill -9."""

import fcntl
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from t2t_mm.errors import UserError


class Result(NamedTuple):
    """One input with its results: (text, score), best first; the reference is None where there is none."""

    input: str
    outputs: list[tuple[str, float]]
    reference: str | None

    def as_json(self) -> str:
        """One object: input, outputs (text, score), reference."""
        outputs = [{"text": text, "score": score if math.isfinite(score) else None} for text, score in self.outputs]
        reference = {} if self.reference is None else {"reference": self.reference}
        return json.dumps({"input": self.input, "outputs": outputs, **reference}, ensure_ascii=False)

    def as_text(self, scores: bool) -> list[str]:
        """A line for each output, behind its score if there may be several; with a reference, all by name."""
        texts = [f"{score:.4f}\t{' '.join(text.splitlines())}" if scores else " ".join(text.splitlines())
                 for text, score in self.outputs]
        if self.reference is None:
            return texts
        outputs = [f"output:    {text}" for text in texts]
        return [f"input:     {self.input}", f"reference: {self.reference}", *outputs, ""]


class Journal:
    """What a long job has made so far, beside the file where all will be: the same job goes on, after kill -9 too.

    NAME.unfinished: the job in its first line, then a line of JSON for each item. To be entered; what another process
    writes to is refused.

    Args:
        path: where all will be.
        job: all that decides about the items. What another job left is begun anew.
        chunk: items are taken up at a multiple of this number, so that what is made together stays together.

    Iterating gives the items. `done` is how many there are, `kept` the file that holds them; `of_another_job` is
    whether it held some of another job.
    """

    def __init__(self, path: str | os.PathLike, job: dict[str, Any], chunk: int = 1):
        self.kept, self._job = Path(f"{os.fspath(path)}.unfinished"), f"{json.dumps(job, sort_keys=True)}\n".encode()
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.kept.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise UserError(f"Another process is writing {path}. Wait for it, or name another file.") from None
        self.done, end = self._left(chunk)
        self.of_another_job = not end and self.kept.stat().st_size > 0 and not self._is_mine()
        self._file.truncate(end)
        if not self.done:
            self._file.write(self._job)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        if not self.done:
            self.remove()
        self._file.close()  # and with it the lock

    def __iter__(self) -> Iterator[Any]:
        return map(json.loads, self._lines())

    def add(self, item: Any) -> None:
        """Keeps the next item, whatever JSON holds."""
        self._file.write(f"{json.dumps(item)}\n".encode())
        self._file.flush()
        self.done += 1

    def remove(self) -> None:
        """When all is in its place."""
        self.kept.unlink(missing_ok=True)

    def _lines(self) -> Iterator[bytes]:
        """The lines after the first, which is the job; none, if it is another job's."""
        return self._file if self._is_mine() else iter(())

    def _is_mine(self) -> bool:
        """Whether the first line is this job's; the next line is then the first item."""
        self._file.seek(0)
        return next(self._file, b"") == self._job

    def _left(self, chunk: int) -> tuple[int, int]:
        """(items in whole chunks, the byte at which they end) of what the same job left; (0, 0): it left nothing."""
        done, end, at = 0, 0, len(self._job)
        for count, line in enumerate(self._lines(), 1):
            if not line.endswith(b"\n"):
                break
            at += len(line)
            if count % chunk == 0:
                done, end = count, at
        return done, end
