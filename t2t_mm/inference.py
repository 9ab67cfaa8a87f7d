"""Inference: a trained run decodes raw samples or stored examples into text, with scores, in the order given."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.cores import side_by_side
from t2t_mm.data.buckets import boundary_for
from t2t_mm.data.examples import collate, fill_up, shapes_of
from t2t_mm.data.features import encode_samples
from t2t_mm.data.manifest import checked_manifest
from t2t_mm.data.records import read_stored
from t2t_mm.decoding.blocks import Room
from t2t_mm.decoding.in_place import write_slot
from t2t_mm.decoding.protocol import Decoded
from t2t_mm.decoding.search import search, top_classes
from t2t_mm.decoding.settings import CHUNK, DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.layers.compiling import compiling, is_compiling
from t2t_mm.layers.stepping import stepping
from t2t_mm.metrics.corpus import check_names, corpus_metric
from t2t_mm.metrics.references import ReferenceSets

__all__ = ["DecodeSettings", "Decoder"]

Record = dict[str, Any]  # column → ids, numbers or bytes, as stored
Outputs = list[tuple[str, float]]  # (text, score in nats), best first


class Decoder:
    """A run's model with its weights, and one traced function per graph, whatever the command, batch and length.

    Args:
        experiment: of the run; None: read from output_dir.
        output_dir: where its checkpoints are.
        settings: how to decode.
        which: "best" (on the dev split; the latest, if there is none yet) or "latest".
        batch_size: most samples decoded at once.
        xla: "on", or "off" and "auto": whether XLA compiles decoding, for each longest output and shape of a batch.

    `model` is the model, `step` the training step its weights are from, `checkpoint` which they are, best or latest.
    Raises UserError if there is no such run.
    """

    def __init__(self, experiment: Experiment | None, output_dir: str | os.PathLike,
                 settings: DecodeSettings = DecodeSettings(), which: str = "best", batch_size: int = 32,
                 xla: str = "auto"):
        from t2t_mm.training.checkpoints import load_weights
        from t2t_mm.training.distribution import use_xla

        self.experiment = Experiment.load(output_dir) if experiment is None else experiment
        self.settings = settings
        self.batch_size = batch_size
        self._xla = use_xla(xla, calls=0)
        self.model = self.experiment.build_model()
        self.step, self.checkpoint = load_weights(self.model, output_dir, which)
        self._functions: dict[Hashable, Callable] = {}

    def decode_samples(self, problem: Any, samples: Sequence[dict[str, Any]], first: int = 0) -> list[Outputs]:
        """The results of raw samples (input feature → value), in their order; `first` is the number of the first one.

        A result is (text, score): the log-probability in nats, in beam search over the length penalty. Raises UserError
        for a problem that the run has not, or a value that its features cannot hold.
        """
        self._check(problem)
        records = encode_samples(problem.inputs, self.experiment.encoders, samples)
        if len(records) < len(samples):
            raise UserError(f"{len(samples) - len(records)} of {len(samples)} samples of {problem.name} cannot be "
                            "used: their pictures or sounds are damaged or empty. Leave them out.")
        return self._decode(problem, records, first)

    def decode_split(self, problem: Any, split: str, limit: int | None = None,
                     first: int = 0) -> Iterator[tuple[int, str, str, Outputs]]:
        """(number, inputs in words, reference text, results) of the stored examples `first` to `limit`, in their order.

        None are left out for their length. Raises UserError if the data are missing, damaged or of other features.
        """
        records = islice(self._stored(problem, split), first, limit)
        while chunk := list(islice(records, CHUNK * self.batch_size)):
            for i, (record, outputs) in enumerate(zip(chunk, self._decode(problem, chunk, first), strict=True)):
                reference = self._text(problem, record, record["targets"])
                yield first + i, self._describe(problem, record), reference, outputs
            first += len(chunk)

    def measure(self, problem: Any, split: str, limit: int | None = None,
                progress: Callable[[int], None] = lambda done: None) -> dict[str, float | int | str]:
        """The problem's corpus metrics of what the model writes by itself.

        Examples with the very same inputs, such as the captions of one picture, are one item with several references
        and are decoded once; `limit` counts items. `progress` is told how many examples are done (items, if there is a
        limit). Also returned: decoded_examples (items) and decoded_references.
        These are never to be mixed with teacher-forced figures (training/evaluation.py). UserError: no examples.
        """
        check_names(problem.metrics, f" (in the metrics of {problem.name})")
        records, items = self._stored(problem, split), ReferenceSets(limit)
        new = (record for record in records
               if items.add(_input_bytes(problem, record), self._text(problem, record, record["targets"])))
        hypotheses: list[str] = []
        while chunk := list(islice(new, CHUNK * self.batch_size)):
            hypotheses += [outputs[0][0] for outputs in self._decode(problem, chunk, len(hypotheses))]
            progress(len(hypotheses) if limit else items.examples)
        if not hypotheses:
            raise UserError(f"The split {split!r} of {problem.name} has no examples to decode.")
        measures: dict[str, float | int | str] = {}
        for name in problem.metrics:
            measures |= corpus_metric(name, hypotheses, items.references)
        return measures | {"decoded_examples": len(hypotheses), "decoded_references": items.examples}

    def _stored(self, problem: Any, split: str) -> Iterator[Record]:
        """The stored examples of a split; UserError if the problem is not the run's or its data are not as declared."""
        self._check(problem)
        manifest = checked_manifest(self.experiment.data_dir, problem, self.experiment.checksums)
        return read_stored(manifest.paths(split))

    @property
    def traces(self) -> int:
        """How many graphs have been traced so far."""
        return sum(function.experimental_get_tracing_count() for function in self._functions.values())

    def _check(self, problem: Any) -> None:
        self.experiment.problem(problem.name)
        self.settings.check_target(problem.targets.is_text)

    # Batches.

    def _decode(self, problem: Any, records: Sequence[Record], first: int) -> list[Outputs]:
        """Decodes records, similar lengths together; record i has the number first + i in its stream."""
        results: list[Outputs] = [[] for _ in records]
        command = self.model.command_id(problem.name)

        def decode(group: tuple[int, list[int]]) -> None:
            limit, places = group
            batch, rows = collate(problem, [records[i] for i in places]), np.array(places, np.int32) + first
            if self._xla:
                batch = fill_up(batch, problem.inputs, self.batch_size)
                rows = np.pad(rows, (0, self.batch_size - len(rows)))
            ids, scores = self._function(problem, limit)(batch, rows, limit, command)
            for place, hypotheses, values in zip(places, ids.numpy(), scores.numpy()):  # without the rows filled up
                results[place] = [(self._text(problem, records[place], hypothesis), float(value))
                                  for k, (hypothesis, value) in enumerate(zip(hypotheses, values, strict=True))
                                  if k == 0 or value > float("-inf")]

        for _ in side_by_side(decode, self._batches(problem, records)):
            pass
        return results

    def _batches(self, problem: Any, records: Sequence[Record]) -> Iterator[tuple[int, list[int]]]:
        """(longest output, places of the records) of each batch; all of one batch have the same longest output."""
        groups: dict[int, list[int]] = {}
        for place, record in enumerate(records):
            groups.setdefault(self._longest_output(problem, record), []).append(place)
        for limit, places in groups.items():
            places.sort(key=lambda place: sum(len(records[place][name]) for name in problem.inputs))
            for start in range(0, len(places), self.batch_size):
                yield limit, places[start:start + self.batch_size]

    def _longest_output(self, problem: Any, record: Record) -> int:
        """The setting; else twice the bucket of the longest source text plus 20, and what was trained at most."""
        most = self.experiment.hparams.max_length
        if self.settings.max_length is not None:
            return self.settings.max_length
        lengths = [len(record[name]) for name, feature in problem.inputs.items() if feature.is_text]
        if not lengths or not problem.targets.is_text:
            return most
        buckets = self.experiment.buckets(problem)
        return min(most, 2 * boundary_for(buckets, min(max(lengths), buckets.max_length)) + 20)

    def _function(self, problem: Any, longest: int) -> Callable:
        """(batch, rows [N], longest output, command) → Decoded; problems that differ in their command only share it.

        XLA has to know the longest output when it compiles: then there is a function for each.
        """
        name = problem.name
        key = self.model.graph_key(name) if problem.inputs else name  # without inputs the command is the source
        key = (key, longest) if self._xla else key
        if key not in self._functions:
            scalar, vector = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
            self._functions[key] = tf.function(
                partial(self._search, name, longest), autograph=False, jit_compile=self._xla,
                input_signature=[_signature(problem), vector, scalar, scalar])
        return self._functions[key]

    def _search(self, name: str, longest: int, batch: dict[str, tf.Tensor], rows: tf.Tensor, limit: tf.Tensor,
                command: tf.Tensor):
        with compiling(self._xla):
            if self.model.autoregressive(name):
                most = longest if self._xla else limit
                return decode_batch(self.model, name, batch, rows, most, command, self.settings)
            return top_classes(self.model.call(batch, name, command=command).logits[:, 0], self.settings.n_best)

    # Words.

    def _text(self, problem: Any, record: Record, ids: Sequence[int]) -> str:
        """Output or reference ids of a record as a human reads them."""
        return problem.as_read(ids, record, self.experiment.encoders)

    def _describe(self, problem: Any, record: Record) -> str:
        """The inputs of a record in words, those of several features parted by " | "."""
        return " | ".join(feature.describe_stored(record[name], self._encoder(feature))
                          for name, feature in problem.inputs.items())

    def _encoder(self, feature: Any) -> Any:
        return self.experiment.encoders.get(feature.vocabulary)


def decode_batch(model: Any, name: str, batch: dict[str, tf.Tensor], rows: tf.Tensor, limit: Any,
                 command: tf.Tensor, settings: DecodeSettings) -> Decoded:
    """The results of a batch of the problem `name`, generated one position at a time; in a graph.

    Where XLA compiles (layers/compiling.py) the state has room for all positions from the start.

    Args:
        rows: int32 [N], the numbers of the examples.
        limit: most positions: int32 scalar; where XLA compiles, a number.
        command: int32 scalar, the number of the command.
    """
    source = model.encode(batch, name)
    memory = model.memory(source, name, command)
    make_state = partial(model.initial_state, source)

    def step(ids: tf.Tensor, state: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
        return model.step(ids, state, name, memory)

    if is_compiling():
        return search(step, make_state(limit), rows, limit, settings)
    room = Room(make_state)
    in_place = None if tf.config.list_physical_devices("GPU") else write_slot
    with stepping(model.trainable_variables, model.compute_dtype, in_place):
        return search(step, room.empty, rows, limit, settings, room)


def _input_bytes(problem: Any, record: Record) -> Iterator[bytes]:
    """The stored columns of the inputs, in their order; none for a language model."""
    return (bytes(record[column]) for name, feature in problem.inputs.items() for column in feature.columns(name))


def _signature(problem: Any) -> dict[str, tf.TensorSpec]:
    """The tensors of `collate` with batch and lengths open: pictures and frames are float32, all else is int32."""
    if not problem.inputs:
        return {"targets": tf.TensorSpec([None, 1], tf.int32)}
    return {key: tf.TensorSpec([None, *shape], tf.float32 if len(shape) > 1 else tf.int32)
            for key, shape in shapes_of(problem.inputs).items()}
