"""Decoding: greedy and beam search with cached state, and without. `python -m benchmarks.decoding [--cases ...]`.

64 sentences of 32 tokens in two batches, side by side as the decoder has them; every output has the full length, as
the end of sentence never wins. TensorFlow is set up as t2t-decoder sets it up. Uncached, the model is called on all
positions of a batch so far for each new one, as if there were no `step`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import tensorflow as tf

from benchmarks import synthetic
from benchmarks.measure import Work, chosen, measure_in_turn
from t2t_mm.cli.tensorflow_start import start_tensorflow
from t2t_mm.cores import at_once, side_by_side
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.hparams.hparams import PRECISIONS
from t2t_mm.inference import decode_batch
from t2t_mm.layers.experts import NoisyTopKGate

PROBLEM = synthetic.SyntheticText()
EXAMPLES, SOURCE, BATCHES = 32, 32, 2

# case: (model, hparams set, (beam size or "uncached", length) of each of its lines)
CASES = {
    "transformer_small": ("transformer", "transformer_small", [(1, 32), (4, 32), (1, 64), ("uncached", 64)]),
    "transformer_base": ("transformer", "transformer_base", [(1, 32), (4, 32)]),
    "multimodel_small": ("multimodel", "multimodel_small", [(1, 32), (4, 32), (1, 128), (1, 512)]),
}
QUICK = {
    "transformer_small": ("transformer", "transformer_small", [(1, 32), (4, 32)]),
    "multimodel_small": ("multimodel", "multimodel_small", [(1, 32)]),
}
END = 1


def run(case: str, lines: list[tuple], repeats: int, precision: str) -> None:
    """Times the lines of a case in turn; a token is an output of one sentence."""
    model_name, hparams_set, _ = CASES[case]
    experiment = synthetic.experiment([PROBLEM], model_name, hparams_set, max_length=512, mixed_precision=precision)
    model = experiment.build_model()
    bias = model.door(PROBLEM.name, "targets").softmax.bias
    bias.assign(tf.tensor_scatter_nd_update(bias, [[END]], [-1e9]))
    _spread_over_experts(model)
    inputs = synthetic.batch(PROBLEM, EXAMPLES, SOURCE)
    del inputs["targets"]
    functions, works, extras = {}, {}, {}
    for kind, length in lines:
        name = f"{case}_uncached_{length}" if kind == "uncached" else f"{case}_beam{kind}_{length}"
        batch = _uncached(model, inputs, length) if kind == "uncached" else _cached(model, inputs, kind, length)
        functions[name] = lambda batch=batch: list(side_by_side(lambda _: batch(), range(BATCHES)))
        works[name] = Work(BATCHES * EXAMPLES, BATCHES * EXAMPLES * length)
        extras[name] = {"length": length, "at_once": at_once(), "mixed_precision": precision}
    measure_in_turn(functions, works, repeats, 1, extras)


def _spread_over_experts(model) -> None:
    """Gives routers random weights: untrained ones, all zero, send every token to the same experts."""
    for layer in model._flatten_layers():
        if isinstance(layer, NoisyTopKGate):
            kernel = layer.clean.kernel
            kernel.assign(tf.random.stateless_normal(kernel.shape, [1, 2], stddev=kernel.shape[0] ** -0.5))


def _cached(model, inputs: dict[str, tf.Tensor], beam: int, length: int) -> Callable[[], None]:
    settings = DecodeSettings(beam_size=beam)
    command = tf.constant(model.command_id(PROBLEM.name))

    @tf.function(autograph=False)
    def decode(inputs, limit):
        return decode_batch(model, PROBLEM.name, inputs, tf.range(EXAMPLES), limit, command, settings).ids

    def work():
        ids = decode(inputs, tf.constant(length)).numpy()
        assert ids.shape[2] == length and (ids[:, 0] > END).all()

    return work


def _uncached(model, inputs: dict[str, tf.Tensor], length: int) -> Callable[[], None]:
    @tf.function(autograph=False, input_signature=[tf.TensorSpec([EXAMPLES, None], tf.int32)])
    def next_ids(targets):
        logits = model.call({**inputs, "targets": targets}, PROBLEM.name).logits
        return tf.argmax(logits[:, -1, END + 1:], axis=-1, output_type=tf.int32) + END + 1

    def work():
        targets = tf.zeros([EXAMPLES, 1], tf.int32) + END + 1  # the last one is not looked at
        for _ in range(length):
            targets = tf.concat([targets[:, :-1], next_ids(targets)[:, None], targets[:, -1:]], axis=1)
        targets.numpy()

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--mixed_precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="fewer cases")
    arguments = parser.parse_args()
    start_tensorflow(batches_at_once=True)
    cases = QUICK if arguments.quick else CASES
    for case in chosen(cases, arguments.cases):
        run(case, cases[case][2], arguments.repeats, arguments.mixed_precision)


if __name__ == "__main__":
    main()
