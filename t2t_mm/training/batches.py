"""The training batches of a run: which come next, and how to get there where the data lie in another folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from t2t_mm.data.pipeline import read_whole
from t2t_mm.errors import UserError


class Batches:
    """Endless batches of each problem.

    tf.data's iterators can be saved and restored, but a saved one holds the paths of the files that it reads. Where
    these are others, the batches that were taken before are passed over: they are a function of the data and the seed.

    Args:
        iterators: problem → iterator of its batches.
        folder: where the data are, absolute.
        checksums: problem → a checksum of its training data.
        report: prints a line.
    """

    def __init__(self, iterators: Mapping[str, Iterator[Any]], folder: str = "", checksums: Mapping[str, str] = {},
                 report: Callable[[str], None] = print):
        self.iterators, self._folder, self._checksums, self._report = dict(iterators), folder, dict(checksums), report
        self._taken = dict.fromkeys(iterators, 0)

    def next(self, problem: str) -> Any:
        """The next batch of a problem."""
        self._taken[problem] += 1
        return self._read(problem)

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the iterators, as JSON."""
        return {"folder": self._folder, "checksums": self._checksums, "taken": dict(self._taken)}

    def check(self, before: Mapping[str, Any]) -> bool:
        """Whether saved iterators fit, from the `state` that was saved with them; UserError for other data."""
        changed = [problem for problem, checksum in self._checksums.items()
                   if before["checksums"].get(problem) != checksum]
        if changed:
            raise UserError(f"The training data of {', '.join(changed)} are not those that this run was trained on so "
                            f"far (their checksums differ). Put the data back into {self._folder}, or start again in "
                            "another --output_dir.")
        return before["folder"] == self._folder

    def go_on(self, before: Mapping[str, Any], restored: bool) -> None:
        """Takes up the `state` of a checkpoint: if its iterators are not `restored`, by passing over what was taken."""
        self._taken = dict(before["taken"])
        if restored:
            return
        self._report(f"The data were in {before['folder']} before and are in {self._folder} now: the "
                     f"{sum(self._taken.values()):,} batches trained on so far are passed over first.")
        for problem, count in self._taken.items():
            for _ in range(count):
                self._read(problem)

    def _read(self, problem: str) -> Any:
        return next(read_whole(self.iterators[problem], self._folder, problem))
