"""Single layers and doors, forward and backward. `python -m benchmarks.layers [--cases ...]`.

FLOPs are those of the matrix products and plain convolutions; depthwise convolutions, norms and the rest count nothing,
nor do the slots of experts that stay empty.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import keras
import tensorflow as tf

from benchmarks.flops import BACKWARD, training_flops
from benchmarks.measure import Work, chosen, measure_in_turn
from t2t_mm import registry
from t2t_mm.layers.convolution import ConvBlock, DepthwiseConv1D
from t2t_mm.layers.experts import MixtureOfExperts
from t2t_mm.layers.randomness import seeded

EXAMPLES, LENGTH, WIDTH = 32, 64, 512
FRAMES, MEL_BINS = 300, 80  # three seconds
PICTURES, SOUNDS = 32, 8
EXPERT_SIZE, CHOSEN = 512, 4


def _sequence(examples: int = EXAMPLES) -> tf.Tensor:
    return tf.random.stateless_normal([examples, LENGTH, WIDTH], [1, 2])


def _conv_block():
    block, x = ConvBlock(WIDTH, dropout_rate=0.5), _sequence()
    return lambda x: block(x, training=True), x, block


def _depthwise(dilation: int):
    layer, x = DepthwiseConv1D(15, dilation), _sequence()
    return layer, x, layer


def _experts(count: int):
    layer, x = MixtureOfExperts(WIDTH, EXPERT_SIZE, count, CHOSEN), _sequence(2 * EXAMPLES)  # 4,096 tokens
    layer(x)  # makes the variables; a router that starts at zero sends all tokens to the same experts
    for dense in (layer.gate.clean, layer.gate.spread):
        dense.kernel.assign(tf.random.stateless_normal(dense.kernel.shape, [3, 4], stddev=0.02))
    return lambda x: layer(x, training=True), x, layer


def _image_door():
    door = registry.modality("image_small")(registry.hparams("multimodel_base"), name="door")
    pictures = tf.random.stateless_uniform([PICTURES, 64, 64, 3], [1, 2], -1, 1)
    return lambda x: door.bottom(x).x, pictures, door


def _audio_door():
    door = registry.modality("audio")(registry.hparams("multimodel_base"), name="door")
    frames = tf.random.stateless_normal([SOUNDS, FRAMES, MEL_BINS], [1, 2])
    return lambda x: door.bottom(x).x, frames, door


# Groups of cases whose calls alternate; case: a maker of (function, input, layer).
GROUPS: dict[str, dict[str, Callable]] = {
    "convolution": {"conv_block": _conv_block},
    "depthwise": {"depthwise_15": lambda: _depthwise(1), "depthwise_15_dilated_8": lambda: _depthwise(8)},
    "experts": {"experts_8": lambda: _experts(8), "experts_240": lambda: _experts(240)},
    "doors": {"image_door_64px": _image_door, "audio_door_3s": _audio_door},
}


def forward_and_backward(function: Callable, x: tf.Tensor, layer: keras.layers.Layer) -> Callable:
    """A traced call that gives the layer's gradients as one number, after a first call that makes its variables."""
    with seeded([1, 2]):
        function(x)
    variables = [v.value for v in layer.trainable_variables]

    @tf.function(autograph=False)
    def gradients(x):
        with seeded([1, 2]), tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        found = tape.gradient(y, [x, *variables], output_gradients=tf.ones_like(y))
        return tf.add_n([tf.reshape(tf.convert_to_tensor(g), [-1])[0] for g in found if g is not None])

    return lambda: float(gradients(x))


def run(group: str, repeats: int) -> None:
    """Times the cases of a group in turn."""
    functions, works, extras = {}, {}, {}
    for case, make in GROUPS[group].items():
        function, x, layer = make()
        functions[case] = forward_and_backward(function, x, layer)
        works[case] = Work(x.shape[0], 0, _flops(function, x, layer))
        extras[case] = {"parameters": sum(math.prod(v.shape) for v in layer.trainable_variables)}
    measure_in_turn(functions, works, repeats, extras=extras)


def _flops(function: Callable, x: tf.Tensor, layer: keras.layers.Layer) -> int:
    if isinstance(layer, MixtureOfExperts):
        return (1 + BACKWARD) * x.shape[0] * x.shape[1] * CHOSEN * 2 * 2 * WIDTH * EXPERT_SIZE
    with seeded([1, 2]):
        return training_flops(function, x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that the groups' names contain; default: all")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="five repeats")
    arguments = parser.parse_args()
    for group in chosen(GROUPS, arguments.cases):
        run(group, 5 if arguments.quick else arguments.repeats)


if __name__ == "__main__":
    main()
