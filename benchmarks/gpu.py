"""The table of a machine with a GPU; `benchmarks/gpu.sh` runs its groups one after another, each in a process.

Shares are of the GPU's own matmul rate: TensorFlow's product of two square matrices in the case's type (float32: with
TF32, TensorFlow's default), timed just before and after. A case that fails is a line with its error.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from benchmarks import synthetic
from benchmarks.flops import training_flops
from benchmarks.measure import emit
from t2t_mm.decoding.protocol import EOS
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.inference import decode_batch
from t2t_mm.layers.attention import SelfAttention
from t2t_mm.layers.compiling import compiling
from t2t_mm.layers.convolution import ConvBlock
from t2t_mm.layers.experts import MixtureOfExperts
from t2t_mm.layers.randomness import seeded
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep

TEXT = synthetic.SyntheticText()
WIDE, NARROW = "float32", "bfloat16"
SIDES = {True: 256, False: 8192}  # of the matrices whose product gives the rate; by whether it is smoke


@dataclasses.dataclass(frozen=True)
class Case:
    """A line to be: a model or layer, a batch of `examples` texts of `length` tokens (or pictures), type and XLA."""

    name: str
    examples: int
    length: int
    precision: str
    xla: bool
    hparams_set: str = ""
    problem: object = TEXT

    @property
    def tokens(self) -> int:
        return self.examples * (self.length if self.problem.targets.is_text else 1)


def matmul_rate(precision: str, side: int) -> float:
    """FLOP/s of ten products in a row on the device; the best of three."""
    a, b = (tf.cast(tf.random.stateless_normal((side, side), (i, 0)), precision) for i in (0, 1))

    @tf.function(autograph=False)
    def ten(x):
        for _ in range(10):
            x = tf.matmul(x, b) * side**-0.5
        return tf.reduce_sum(x)

    float(ten(a))
    return 10 * 2 * side**3 / min(_seconds(lambda: float(ten(a))) for _ in range(3))


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(case: Case, function: Callable[[], object], flops: float, repeats: int, smoke: bool) -> None:
    """Times `function`, which fetches a result, and prints the line; its first call is reported apart."""
    first = _seconds(function)
    function()
    before = matmul_rate(case.precision, SIDES[smoke])
    times = [_seconds(function) for _ in range(repeats)]
    rate, median = (before + matmul_rate(case.precision, SIDES[smoke])) / 2, statistics.median(times)
    line = {**_described(case), "ms": round(1e3 * median, 3), "ms_min": round(1e3 * min(times), 3),
            "ms_max": round(1e3 * max(times), 3), "repeats": repeats, "first_call_s": round(first, 1),
            "examples_per_s": round(case.examples / median, 1), "tokens_per_s": round(case.tokens / median, 1)}
    if flops:
        line |= {"gflop": round(flops / 1e9, 2), "share_of_device_matmul_rate": round(flops / median / rate, 3)}
    if tf.config.list_physical_devices("GPU"):
        line["peak_memory_mib"] = tf.config.experimental.get_memory_info("GPU:0")["peak"] >> 20
    emit({**line, "device_matmul_gflop_per_s": round(rate / 1e9, 1)})


def _described(case: Case) -> dict[str, object]:
    return {"case": case.name, "examples": case.examples, "length": case.length, "precision": case.precision,
            "xla": "on" if case.xla else "off"}


# Training steps.


def train_cases(smoke: bool) -> Iterator[Case]:
    """What matters most first: the time may end before the cases do."""
    if smoke:
        yield Case("transformer_tiny", 2, 8, WIDE, True, "transformer_tiny")
        yield Case("transformer_tiny", 2, 8, NARROW, False, "transformer_tiny")
        return
    for precision, xla in ((NARROW, True), (NARROW, False), (WIDE, True), (WIDE, False)):
        for name in ("transformer_base", "multimodel_base"):
            yield Case(name, 64, 64, precision, xla, name)
    pictures = synthetic.SyntheticImage(224)
    for xla in (True, False):
        yield Case("multimodel_8", 64, 64, NARROW, xla, "multimodel_8")
        yield Case("multimodel_base_224_px", 64, 1, NARROW, xla, "multimodel_base", pictures)
        for name in ("transformer_base", "multimodel_base"):
            yield Case(name, 256, 64, NARROW, xla, name)


def train(case: Case, repeats: int, smoke: bool) -> None:
    """Forward, backward, clipping, Adam."""
    model, hparams = _model(case)
    batch, name = synthetic.batch(case.problem, case.examples, case.length), case.problem.name
    train_step = TrainStep(model, make_optimizer(hparams, model.trainable_variables), hparams, xla=case.xla,
                           train_steps=1000)
    flops = training_flops(lambda batch: model.call(batch, name, training=True, seed=[0, 0]).logits, batch)
    measure(case, lambda: float(train_step.step(name, batch, 1)["loss"]), flops, repeats, smoke)


def _model(case: Case):
    kind = case.hparams_set.split("_")[0]
    experiment = synthetic.experiment([case.problem], kind, case.hparams_set, mixed_precision=case.precision)
    return experiment.build_model(), experiment.hparams


# Layers, forward and backward.

LAYERS = {
    "conv_block": lambda width: ConvBlock(width, dropout_rate=0.0),
    "self_attention": lambda width: SelfAttention(width, width // 64),
    "experts_8": lambda width: MixtureOfExperts(width, 4 * width, 8, 4),
    "experts_60": lambda width: MixtureOfExperts(width, 4 * width, 60, 4),
    "experts_240": lambda width: MixtureOfExperts(width, 4 * width, 240, 4),
}


def layer_cases(smoke: bool) -> Iterator[Case]:
    examples, length = (2, 8) if smoke else (32, 128)
    for name in list(LAYERS)[:3] if smoke else LAYERS:
        for precision, xla in ((NARROW, False),) if smoke else ((NARROW, True), (NARROW, False), (WIDE, True)):
            yield Case(name, examples, length, precision, xla)


def layer(case: Case, repeats: int, smoke: bool) -> None:
    width, policy = 64 if smoke else 512, keras.config.dtype_policy()
    keras.config.set_dtype_policy(case.precision if case.precision == WIDE else f"mixed_{case.precision}")
    try:
        made = LAYERS[case.name](width)
        x = tf.cast(tf.random.stateless_normal((case.examples, case.length, width), (1, 2)), made.compute_dtype)
        made(x[:1, :2])
    finally:
        keras.config.set_dtype_policy(policy)

    def forward(x):
        with seeded([1, 2]), compiling(case.xla):
            return made(x, training=True)

    @tf.function(autograph=False, jit_compile=case.xla)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.cast(tf.square(forward(x)), "float32"))
        gradients = tape.gradient(loss, [x, *made.trainable_variables])
        return loss, [gradient for gradient in gradients if gradient is not None]

    measure(case, lambda: float(both(x)[0]), training_flops(forward, x), repeats, smoke)


# Decoding: every sentence to its full length, because the weights are random and EOS is forbidden.


def decode_cases(smoke: bool) -> Iterator[Case]:
    if smoke:
        yield from (Case(f"transformer_tiny_{method}", 2, 4, WIDE, method == "greedy", "transformer_tiny")
                    for method in ("greedy", "beam_4"))
        return
    for precision, xla in ((WIDE, True), (WIDE, False), (NARROW, True), (NARROW, False)):
        for name in ("transformer_base", "multimodel_base"):
            for method in ("greedy", "beam_4"):
                yield Case(f"{name}_{method}", 128, 64, precision, xla, name)


def decode(case: Case, repeats: int, smoke: bool) -> None:
    model, _ = _model(case)
    name, batch = case.problem.name, synthetic.batch(case.problem, case.examples, case.length)
    bias = np.zeros(synthetic.VOCABULARY, "float32")
    bias[EOS] = -1e4
    model.door(name, "targets").softmax.bias.assign(bias)

    settings = DecodeSettings(beam_size=1 if case.name.endswith("greedy") else 4)
    rows, command = tf.range(case.examples), tf.constant(model.command_id(name))

    @tf.function(autograph=False, jit_compile=case.xla)
    def decoded(batch):
        with compiling(case.xla):
            return decode_batch(model, name, batch, rows, case.length, command, settings).ids

    measure(case, lambda: decoded(batch).numpy(), 0, repeats, smoke)


GROUPS = {"train": (train_cases, train), "layers": (layer_cases, layer), "decoding": (decode_cases, decode)}


@contextmanager
def _error_as_a_line(case: Case) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the table goes on, whatever it is
        emit({**_described(case), "error": f"{type(error).__name__}: {str(error).strip()[:300]}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=GROUPS, default="train")
    parser.add_argument("--seconds", type=float, default=240, help="no case starts later than that")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--smoke", action="store_true", help="tiny cases, to see on any machine that it runs")
    arguments = parser.parse_args()
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus and not arguments.smoke:
        raise SystemExit("TensorFlow sees no GPU here. --smoke tries the script without one.")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus] or ["CPU"]
    emit({"group": arguments.group, "device": ", ".join(names), "tensorflow": tf.__version__})
    cases, run = GROUPS[arguments.group]
    start = time.perf_counter()
    for case in cases(arguments.smoke):
        if time.perf_counter() - start > arguments.seconds:
            emit({**_described(case), "error": f"not run: the {arguments.seconds:.0f} seconds are over"})
            continue
        with _error_as_a_line(case):
            run(case, 2 if arguments.smoke else arguments.repeats, arguments.smoke)
        keras.backend.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
