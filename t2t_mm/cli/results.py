"""The results of t2t-decoder: how they are written, and the file of a long job, which goes on after a kill -9."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from t2t_mm.data.atomic import atomic_file


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


class ResultFile:
    """A file of results that appears when all are there. Until then they are in NAME.unfinished, a line of JSON each.

    Args:
        path: the file.
        job: all that decides about the results. What another job left is begun anew.
        chunk: results are taken up at a multiple of this number, so that what is decoded together stays together.

    `done` is how many results are there already.
    """

    def __init__(self, path: str, job: dict[str, Any], chunk: int):
        self._path, self._kept = Path(path), Path(f"{path}.unfinished")
        self._job = json.dumps(job, sort_keys=True)
        self.done, end = self._left(chunk)
        self._file = None
        if self.done:
            with self._kept.open("r+b") as file:
                file.truncate(end)

    @property
    def kept(self) -> Path:
        """Where results are until all are there."""
        return self._kept

    def add(self, result: Result) -> None:
        """Keeps the next result."""
        if self._file is None:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._kept.open("a" if self.done else "w", encoding="utf-8", buffering=1)  # by lines
            if not self.done:
                self._file.write(f"{self._job}\n")
        self._file.write(f"{json.dumps(result)}\n")
        self.done += 1

    def finish(self, lines_of: Callable[[Result], list[str]]) -> None:
        """Writes the file itself, by the lines of each result, and takes away what was kept beside it."""
        if self._file is not None:
            self._file.close()
        with atomic_file(self._path) as partial, open(partial, "w", encoding="utf-8") as file:
            for result in self._results():
                file.writelines(f"{line}\n" for line in lines_of(result))
        self._kept.unlink(missing_ok=True)

    def _results(self) -> Iterator[Result]:
        if not self.done:
            return
        with self._kept.open(encoding="utf-8") as lines:
            next(lines)  # the job
            for line in lines:
                text, outputs, reference = json.loads(line)
                yield Result(text, [(output, score) for output, score in outputs], reference)

    def _left(self, chunk: int) -> tuple[int, int]:
        """(results in whole chunks, the byte at which they end) of what the same job left; (0, 0): it left nothing."""
        if not self._kept.is_file():
            return 0, 0
        with self._kept.open("rb") as lines:
            if next(lines, b"") != f"{self._job}\n".encode():
                return 0, 0
            at = len(self._job) + 1
            done, end = 0, at
            for count, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                at += len(line)
                if count % chunk == 0:
                    done, end = count, at
        return done, end
