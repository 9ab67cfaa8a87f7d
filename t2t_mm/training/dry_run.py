"""The dry run: builds everything, trains nothing, and says how large it is: parameters, batches, memory.

The memory of training is estimated as 16 bytes a parameter (weight, gradient and Adam's two moments, float32) plus the
activations of the largest batch: all tensors that the forward pass makes and the backward pass reads, counted in the
traced graph of loss and gradients. Working space of the operations comes on top; a third more is a safe guess.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.data.audio import frame_count
from t2t_mm.data.examples import FRAME_MULTIPLE
from t2t_mm.data.features import Audio, Feature, Waveform
from t2t_mm.data.manifest import read_manifest
from t2t_mm.experiment import Experiment

BYTES_A_PARAMETER = 16
WORKING_SPACE = 4 / 3
_BACKWARD = "gradient_tape/"  # how TensorFlow names the operations of a tape's gradients
_NOT_MADE = ("Placeholder", "Const", "ReadVariableOp", "VarHandleOp", "Shape")  # kept anyway, or nothing


def describe(experiment: Experiment) -> str:
    """Parameters by part, batch sizes by bucket and problem, and a memory estimate with what to lower."""
    model = experiment.build_model()
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    activations = {problem.name: activation_bytes(experiment, model, problem) for problem in experiment.problems}
    return "\n\n".join([
        _describe_parameters(model.parameter_groups(), parameters),
        _describe_batches(experiment),
        _describe_memory(parameters * BYTES_A_PARAMETER, activations),
    ])


def activation_bytes(experiment: Experiment, model: Any, problem: Any) -> int:
    """Bytes of the activations that the largest batch of a problem keeps for its backward pass.

    The largest batch is the one of the last bucket: with batch_size // boundary examples all have about the same number
    of tokens, and attention grows with the length.
    """
    boundary, examples = _largest(experiment.buckets(problem))
    shapes = _batch_shapes(experiment, problem, examples, boundary)

    def loss_and_gradients(batch):
        with tf.GradientTape() as tape:
            output = model.call(batch, problem.name, training=True, seed=tf.constant([0, 0]))
            nats, _ = model.loss(batch, problem.name, output, training=True)
            loss = tf.add_n([tf.cast(value, tf.float32) for value in (nats, *output.losses.values())])
        variables = tape.watched_variables()
        return [g for g in tape.gradient(loss, variables) if g is not None]

    graph = tf.function(loss_and_gradients, autograph=False).get_concrete_function(shapes).graph
    return sum(_size(tensor) for tensor in _kept(graph))


def _kept(graph: Any) -> list[Any]:
    """Tensors made by the forward pass and read by the backward pass, each once."""
    kept = {}
    for operation in graph.get_operations():
        if operation.name.startswith(_BACKWARD):
            for tensor in operation.inputs:
                maker = tensor.op
                if not maker.name.startswith(_BACKWARD) and maker.type not in _NOT_MADE:
                    kept[tensor.name] = tensor
    return list(kept.values())


def _size(tensor: Any) -> int:
    count = tensor.shape.num_elements()
    return (count or 0) * (tensor.dtype.size if tensor.dtype not in (tf.resource, tf.variant, tf.string) else 0)


def _largest(buckets: Any) -> tuple[int, int]:
    """(boundary, examples) of the bucket with the most padded tokens; of equal ones the longest."""
    return max(zip(buckets.boundaries, buckets.batch_sizes, strict=True), key=lambda pair: (pair[0] * pair[1], pair[0]))


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
    return frames + -frames % FRAME_MULTIPLE


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


def _describe_memory(for_parameters: int, activations: dict[str, int]) -> str:
    lines = ["Memory for training (an estimate)",
             f"  parameters, gradients, Adam's moments: {_megabytes(for_parameters)} (16 bytes a parameter)"]
    lines += [f"  activations of the largest batch of {name}: {_megabytes(n)}" for name, n in activations.items()]
    largest = max(activations, key=activations.get)
    total = for_parameters + WORKING_SPACE * activations[largest]
    lines.append(f"  together, with the largest of them and a third for working space: about {_megabytes(total)}")
    advice = "hidden_size or the number of layers or experts"
    if activations[largest] > for_parameters:
        advice = f"batch_size or max_examples first ({largest} needs most), then max_length, then hidden_size"
    return "\n".join([*lines, f"  Too much? Lower {advice}."])


def _megabytes(count: float) -> str:
    return f"{count / 2**20:,.1f} MiB"
