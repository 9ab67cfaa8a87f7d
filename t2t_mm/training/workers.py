"""The processes of a multi-worker run: which of them writes, what they must agree on, and the end of one of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.training import run_folder

_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError,
         tf.errors.DeadlineExceededError, tf.errors.FailedPreconditionError)


def _reason(error: tf.errors.OpError) -> str:
    """The line of TensorFlow's text that says what happened, after those that say where in the graph."""
    lines = str(error.message or error).splitlines()
    said = [line for line in lines if line.strip() and not line.startswith((" ", "\t", "Graph exec", "Detected at"))]
    return (said or [type(error).__name__])[0][:300]


class Workers:
    """The processes that train one model together; without a strategy of several, this one alone.

    Every worker computes the same numbers: it makes all batches, takes its own part of each, and updates its copy of
    the weights with the same reduced gradients. So one of them, the chief (worker 0), writes for all, into an
    output_dir that all can read; the others write nothing there.

    Args:
        strategy: a tf.distribute.Strategy, or None.

    Attributes:
        strategy: as given.
        count: how many processes.
        number: of this one, from 0.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None):
        self.strategy, self.count, self.number = strategy, 1, 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver = strategy.cluster_resolver
            self.count, self.number = resolver.cluster_spec().num_tasks("worker"), int(resolver.task_id)
        self._sum = tf.function(self._added, autograph=False)

    @property
    def chief(self) -> bool:
        """Whether this process writes."""
        return self.number == 0

    def reporter(self, report: Callable[[str], None]) -> Callable[[str], None]:
        """Prints a line in the chief, where it is `report`; in others it says once who writes, and then nothing."""
        if self.chief:
            return report
        report(f"Worker {self.number} of {self.count}, counted from 0. Worker 0 reports, and writes for all.")
        return lambda line: None

    def check_same(self, settings: Mapping[str, Any]) -> None:
        """UserError in every worker, listing what differs, if one has other settings (JSON) than the chief."""
        if self.count == 1:
            return
        texts = self._texts(json.dumps(settings, sort_keys=True))
        for number, text in enumerate(texts):
            lines = run_folder.differences(json.loads(texts[0]), json.loads(text), ("worker 0", f"worker {number}"))
            if lines:
                raise UserError("The workers do not train the same:\n  " + "\n  ".join(lines) + "\nStart every worker "
                                "with the same command, on the same data; only the index in TF_CONFIG is its own.")

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any worker; all must ask at the same step."""
        return bool(flag if self.count == 1 else self._rows([flag]).any())

    def of_chief(self, values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
        """The chief's numbers, in every worker: rounding elsewhere must not lead to another decision."""
        if self.count == 1:
            return dict(values)
        row = iter(self._rows([number for inner in values.values() for number in inner.values()])[0])
        return {name: {key: float(next(row)) for key in inner} for name, inner in values.items()}

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Within this context the end of another worker is a UserError."""
        try:
            yield
        except _LOST as error:
            if self.count == 1:
                raise
            raise UserError(f"Worker {self.number} of {self.count} has lost another worker, and none can train without "
                            "the others. Look at what the others said; then start all again with the same command: "
                            f"training goes on from the last checkpoint. TensorFlow: {_reason(error)}") from None

    def _texts(self, text: str) -> list[str]:
        """The text of each worker."""
        content = text.encode()
        lengths = self._rows([len(content)])[:, 0].astype(int)
        rows = self._rows(content + bytes(lengths.max() - len(content)))
        return [bytes(row[:length].astype(np.uint8)).decode() for row, length in zip(rows, lengths)]

    def _rows(self, values: Sequence[float]) -> np.ndarray:
        """What each worker passed, float64 [workers, values]; waits for all of them."""
        table = np.zeros((self.count, len(values)), np.float64)
        table[self.number] = list(values)
        return self._sum(tf.constant(table)).numpy()

    def _added(self, table: tf.Tensor) -> tf.Tensor:
        """The sum of the workers' tables, in graph; of each worker the first replica counts."""
        parts = self.strategy.num_replicas_in_sync // self.count

        def add(table):
            replica = tf.distribute.get_replica_context()
            first = int(tf.get_static_value(replica.replica_id_in_sync_group)) % parts == 0
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(table) if first else tf.zeros_like(table))

        return self.strategy.experimental_local_results(self.strategy.run(add, args=(table,)))[0]
