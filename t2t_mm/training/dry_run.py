"""The dry run: builds everything, trains nothing, and says how large it is: parameters, batches, memory.

The memory of training is that of the weights and the optimizer's moments, plus the tensors of one step at their largest
sum (training/live_bytes.py), plus what TensorFlow keeps about the graph. It is that of the step as it is without XLA,
on one device, beside the program itself and the input pipeline; with --strategy=cores each part of a batch has a step
of its own. benchmarks/memory.py measures how right it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from t2t_mm.data.audio import frame_count
from t2t_mm.data.features import Audio, Image, Waveform
from t2t_mm.data.manifest import read_manifest
from t2t_mm.experiment import Experiment
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.training.gradients import Gradients
from t2t_mm.training.live_bytes import Peak, peak_live_bytes
from t2t_mm.training.optimizers import Optimizer

WEIGHT, GRADIENT, MOMENT = 4, 4, 4  # bytes, float32 in every precision
MOMENTS = {"adam": 2, "sgd": 1}
# What TensorFlow itself keeps, for each operation up to the gradients: nodes, their optimized copies, kernels, and
# those of the optimizer. Not derived but fitted, to what nine models took on a CPU beyond their tensors (26 to 47 KiB,
# half of them 30 to 35).
BYTES_AN_OPERATION = 32 * 2**10


class Memory(NamedTuple):
    """An estimate of what training takes, in bytes, beside the program itself and the input pipeline.

    Attributes:
        lasting: weights, moments and sums of gradients.
        gradients: of all weights; with several parts of a batch, those of each and their sum.
        activations: the tensors of a step at their largest sum, gradients of weights not counted.
        step: the same with the gradients that are there by then: at most activations + gradients.
        graph: TensorFlow's own, for the graph of the step.
        unknown: how many tensors of a step have a size that only running it would tell; they are not counted.
    """

    lasting: int
    gradients: int
    activations: int
    step: int
    graph: int
    unknown: int

    @property
    def total(self) -> int:
        """All of it at the worst moment."""
        return self.lasting + self.step + self.graph


def describe(experiment: Experiment, parts: int = 1) -> str:
    """Parameters by part, batch sizes by bucket and problem, and a memory estimate with what to lower.

    parts: of a batch that are trained on side by side (distribution.py).
    """
    model = experiment.build_model()
    graphs = {problem.name: model.graph_key(problem.name) for problem in experiment.problems}
    return "\n\n".join([
        _describe_parameters(model.parameter_groups(), _count(model)),
        _describe_batches(experiment),
        _describe_memory(_of_each_problem(experiment, model, graphs, parts), graphs, _count(model)),
    ])


def _of_each_problem(experiment: Experiment, model: Any, graphs: Mapping[str, Any], parts: int) -> dict[str, Memory]:
    """Of the largest batch of each problem. Those that share a graph and shapes differ in nothing: traced once."""
    known: dict[Any, Memory] = {}

    def memory(problem, examples, boundary):
        batch = _batch_shapes(experiment, problem, examples, boundary)
        key = (graphs[problem.name], *((name, tuple(spec.shape)) for name, spec in sorted(batch.items())))
        if key not in known:
            known[key] = training_memory(model, experiment.hparams, problem.name, batch, parts)
        return known[key]

    def largest(problem):
        only_text = not any(isinstance(feature, Image | Audio) for feature in problem.features.values())
        candidates = _largest(experiment.buckets(problem), only_text)
        return max((memory(problem, examples, boundary) for boundary, examples in candidates), key=lambda m: m.step)

    return {problem.name: largest(problem) for problem in experiment.problems}


def training_memory(model: Any, hparams: Hparams, problem: str, batch: Mapping[str, tf.TensorSpec],
                    parts: int = 1) -> Memory:
    """What training takes with batches of these shapes (tensors will do as well), in so many parts side by side."""
    part = {key: tf.TensorSpec([-(-value.shape[0] // parts), *value.shape[1:]], value.dtype)
            for key, value in batch.items()}
    graph = step_graph(model, hparams, problem, part)
    peak: Peak = peak_live_bytes(graph)
    sums = GRADIENT if hparams.problems_per_step > 1 else 0
    lasting = _count(model) * (WEIGHT + MOMENT * MOMENTS[hparams.optimizer] + sums)
    operations, gradients = len(graph.get_operations()), _count(model) * GRADIENT
    summed = gradients if parts > 1 else 0  # beside those of the parts
    return Memory(lasting, parts * gradients + summed, parts * peak.passing, parts * peak.live + summed,
                  operations * BYTES_AN_OPERATION, peak.unknown)


def step_graph(model: Any, hparams: Hparams, problem: str, batch: dict[str, tf.TensorSpec]) -> Any:
    """The graph of a step up to its gradients, for a batch of these shapes. What comes after happens in place."""
    optimizer = Optimizer(model.trainable_variables, loss_scaling=hparams.mixed_precision == "float16")  # no moments
    gradients = Gradients(model, optimizer, xla=False, strategy=None)

    def step(batch, command, seed):
        return gradients(problem, (batch,), command, seed)

    traced = tf.function(step, autograph=False)
    return traced.get_concrete_function(batch, tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int32)).graph


def _count(model: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def _largest(buckets: Any, only_text: bool) -> set[tuple[int, int]]:
    """(boundary, examples) of the buckets of which one has the largest batch.

    With texts that is the one with the most padded tokens; of equal ones the longest, because attention grows with the
    length. Pictures and sounds have their size whatever the bucket, so it may also be the one with the most examples.
    """
    pairs = list(zip(buckets.boundaries, buckets.batch_sizes, strict=True))
    most_tokens = max(pairs, key=lambda pair: (pair[0] * pair[1], pair[0]))
    return {most_tokens} if only_text else {most_tokens, max(pairs, key=lambda pair: (pair[1], pair[0]))}


def _batch_shapes(experiment: Experiment, problem: Any, examples: int, boundary: int) -> dict[str, tf.TensorSpec]:
    shapes = {}
    for name, feature in problem.features.items():
        length = _frames(experiment, problem, name, feature) if isinstance(feature, Audio) else boundary
        for key, shape in feature.padded_shapes(name).items():
            dtype = tf.float32 if feature.column_type == "bytes" and shape else tf.int32
            shapes[key] = tf.TensorSpec([examples, *(length if n is None else n for n in shape)], dtype)
    return shapes


def _frames(experiment: Experiment, problem: Any, name: str, feature: Audio) -> int:
    """Frames (of a Waveform: samples) of the longest sound of the training data, padded."""
    longest = read_manifest(experiment.data_dir, problem.name).split("train").lengths[name]["longest"]  # bytes, int16
    samples = longest // 2
    frames = samples if isinstance(feature, Waveform) else int(frame_count(tf.zeros([samples]), feature.sample_rate))
    return frames + -frames % feature.frames_per_token


# The text.

def _describe_parameters(groups: dict[str, int], total: int) -> str:
    width = max(len(name) for name in (*groups, "all"))
    lines = [f"  {name:<{width}}  {count:>14,}  {count / max(total, 1):6.1%}" for name, count in groups.items()]
    return "\n".join(["Parameters by part", *lines, f"  {'all':<{width}}  {total:>14,}"])


def _describe_batches(experiment: Experiment) -> str:
    lines = ["Examples a batch, by bucket (longest text in tokens, or frames: examples)"]
    for problem in experiment.problems:
        buckets = experiment.buckets(problem)
        pairs = zip(buckets.boundaries, buckets.batch_sizes, strict=True)
        single = len(buckets.boundaries) == 1
        sizes = f"{buckets.batch_sizes[0]}" if single else "  ".join(f"≤{b}: {size}" for b, size in pairs)
        lines.append(f"  {problem.name}: {sizes}")
    return "\n".join(lines)


def _describe_memory(memory: Mapping[str, Memory], graphs: Mapping[str, Any], parameters: int) -> str:
    name, most = max(memory.items(), key=lambda item: item[1].step)
    for_graphs = sum({graphs[key]: one.graph for key, one in memory.items()}.values())
    for_parameters = most.lasting + most.gradients
    lines = ["Memory for training (an estimate)",
             f"  weights, gradients, the optimizer's moments: {_megabytes(for_parameters)} "
             f"({for_parameters // max(parameters, 1)} bytes a parameter)"]
    lines += [f"  activations of the largest batch of {key}: {_megabytes(one.activations)}"
              + (f", and {one.unknown} tensors of unknown size" if one.unknown else "") for key, one in memory.items()]
    lines.append(f"  TensorFlow's graphs of the steps: {_megabytes(for_graphs)}")
    lines.append(f"  together: about {_megabytes(most.lasting + most.step + for_graphs)} with {name}, the largest; not "
                 "quite the sum, because activations go as gradients come")
    lines.append("  The program itself (0.6 GiB) and the data come on top. With XLA it is another figure.")
    advice = "hidden_size or the number of layers or experts"
    if most.activations > for_parameters:
        advice = f"batch_size or max_examples first ({name} needs most), then max_length, then hidden_size"
    return "\n".join([*lines, f"  Too much? Lower {advice}."])


def _megabytes(count: float) -> str:
    return f"{count / 2**20:,.1f} MiB"
