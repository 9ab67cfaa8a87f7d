"""Turns raw samples into records in several processes, in order: the bytes do not depend on how many there are."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pickle
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePath
from typing import Any

from t2t_mm.data.features import columns_of, encode_samples
from t2t_mm.data.files.skipped import record_skipped
from t2t_mm.data.records import frame, serialise_example
from t2t_mm.data.worker_process import WorkerProcess, answer_requests
from t2t_mm.errors import UserError

CHUNK_SAMPLES = 512
CHUNK_BYTES = 4 << 20
FILE_BYTES = 32 << 10  # what a file that is not read yet counts
_UNSENDABLE = (pickle.PickleError, AttributeError, ImportError, TypeError)

Tasks = dict[str, tuple[dict, dict]]  # problem name → (its features, its encoders by vocabulary key)


@dataclasses.dataclass
class Chunk:
    """Encoded samples: the frames of their records, how many, and column → (sum of lengths, longest).

    `skipped` are the arguments of `skip` (data/files/skipped.py) for each sample that was left out.
    """

    records: bytes
    count: int
    lengths: dict[str, tuple[int, int]]
    skipped: list[tuple[str, str, int, str]] = dataclasses.field(default_factory=list)


def encode_chunk(tasks: Tasks, problem: str, split: str, first: int, samples: list[dict[str, Any]]) -> Chunk:
    """Encodes samples, of which the first has the number `first` in its split.

    UserError names the problem, the split and the number of the sample that cannot be encoded.
    """
    features, encoders = tasks[problem]
    try:
        return _encode(features, encoders, samples)
    except Exception:
        for number, sample in enumerate(samples, start=first):  # which one is it?
            try:
                _encode(features, encoders, [sample])
            except Exception as error:
                kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
                raise UserError(f"{problem}, {split} sample {number} (from 0) cannot be encoded: "
                                f"{kind}{error}") from error
        raise


def _encode(features: dict, encoders: dict, samples: list[dict[str, Any]]) -> Chunk:
    columns = columns_of(features)
    with record_skipped() as skipped:
        records = encode_samples(features, encoders, samples)
    sizes = {column: [len(record[column]) for record in records] for column in columns}
    content = frame([serialise_example(record, columns) for record in records])
    lengths = {column: (sum(each), max(each, default=0)) for column, each in sizes.items()}
    return Chunk(content, len(records), lengths, skipped.items)


class EncodingPool:
    """Encodes samples of several problems in `processes` processes; with less than 2, in this one.

    The processes start with the first split that has more than one chunk. What cannot be sent to them (of classes that
    another process cannot import) is encoded in this one.
    """

    def __init__(self, tasks: Tasks, processes: int = 2):
        self._tasks = tasks
        self._processes = processes
        self._workers: list[WorkerProcess] = []
        self._idle: queue.SimpleQueue[WorkerProcess] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> EncodingPool:
        return self

    def __exit__(self, *_) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def encode(self, problem: str, split: str, samples: Iterable[dict[str, Any]]) -> Iterator[Chunk]:
        """The samples in their order, encoded; a bounded number of them is in memory."""
        chunks = _chunks(samples)
        ahead = list(itertools.islice(chunks, 2))
        if len(ahead) < 2 or not self._started():
            for first, chunk in _first(ahead, chunks):
                yield encode_chunk(self._tasks, problem, split, first, chunk)
            return
        waiting: collections.deque[Future] = collections.deque()
        try:
            for first, chunk in _first(ahead, chunks):
                waiting.append(self._threads.submit(self._call, (problem, split, first, chunk)))
                if len(waiting) > 2 * self._processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _started(self) -> bool:
        """Starts the processes once; False if samples are encoded in this one."""
        if self._processes < 2 or self._threads is not None:
            return self._processes >= 2
        try:
            for _ in range(self._processes):
                self._workers.append(WorkerProcess("t2t_mm.data.encoding", "serve"))
                self._workers[-1].ask(self._tasks)
        except _UNSENDABLE:
            self._processes = 1
            return False
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(self._processes)
        return True

    def _call(self, request: tuple) -> Chunk:
        worker = self._idle.get()
        try:
            return worker.ask(request)
        except _UNSENDABLE:
            return encode_chunk(self._tasks, *request)
        finally:
            self._idle.put(worker)


def _first(ahead: list, rest: Iterator) -> Iterator:
    """What was read ahead, given up one by one, then the rest."""
    while ahead:
        yield ahead.pop(0)
    yield from rest


def _chunks(samples: Iterable[dict[str, Any]]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """(number of the first sample, samples): as many as CHUNK_SAMPLES, or about CHUNK_BYTES."""
    first, chunk, size = 0, [], 0
    for sample in samples:
        chunk.append(sample)
        size += sum(map(_size, sample.values()))
        if len(chunk) == CHUNK_SAMPLES or size >= CHUNK_BYTES:
            yield first, chunk
            first, chunk, size = first + len(chunk), [], 0
    if chunk:
        yield first, chunk


def _size(value: Any) -> int:
    """About how many bytes a raw value takes."""
    if isinstance(value, tuple | list):
        return sum(map(_size, value))
    if isinstance(value, PurePath):
        return FILE_BYTES
    return value.nbytes if hasattr(value, "nbytes") else len(value) if isinstance(value, str | bytes) else 8


def serve() -> None:
    """What an encoding process does: the first request brings the tasks, each further one a chunk to encode."""
    tasks: Tasks = {}

    def answer(request: Any) -> Chunk | None:
        if tasks:
            return encode_chunk(tasks, *request)
        tasks.update(request)

    answer_requests(answer)
