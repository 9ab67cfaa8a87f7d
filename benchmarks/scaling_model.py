"""How long a step of the 240-expert MultiModel takes on n devices: `python -m benchmarks.scaling_model` prints tables.

A model, not a measurement: parameters and FLOPs are counted from the code, rates are those that `HARDWARE` assumes.
docs/scaling.md explains it, shows its tables, and compares its parts with what two workers on loopback take.
"""

from __future__ import annotations

import math
from typing import NamedTuple

HPARAMS_SET = "multimodel_8"
LENGTH, EXAMPLES = 64, 64  # of the batch that is counted: 4,096 tokens in, 4,096 out, the set's batch_size
FLOAT, HALF = 4, 2  # bytes: of a gradient, of an activation with mixed_precision=bfloat16
ADAM = 28  # bytes a parameter that an update moves: reads gradient, weight, two moments; writes the last three
DEVICES = (1, 2, 4, 8, 16, 32, 64)
PER_DEVICE = (512, 4_096, 16_384, 65_536, 262_144)  # target tokens


class Sizes(NamedTuple):
    """Of a model and its training step on text; counted by `count`.

    Attributes:
        experts: parameters of all experts, over all mixtures.
        others: the other parameters that the step touches: body, commands, the door of the text.
        flops: of the forward pass for one target token and one source token (`benchmarks/flops.py`).
        mixtures: mixtures of experts in the body, each of which sees every token of its side.
        sent: numbers of a token that go to its experts, in a mixture: k · capacity_factor · D.
    """

    experts: int
    others: int
    flops: float
    mixtures: int
    sent: float


class Hardware(NamedTuple):
    """Rates in units a second; links are those of one device in one direction.

    Attributes:
        flops: of bfloat16 products at best.
        share: of that in a training step; assumed.
        memory: bytes.
        node: devices that share the faster link.
        link, network: bytes, inside a node and between nodes, at best.
        link_share: of both that a collective reaches; assumed.
        latency: seconds a message.
    """

    name: str
    flops: float
    share: float
    memory: float
    node: int
    link: float
    network: float
    link_share: float = 0.8
    latency: float = 1e-5


HARDWARE = (
    Hardware("H100 SXM, 8 a node: NVLink 4, 400 Gb/s InfiniBand a device", 989e12, 0.35, 3.35e12, 8, 450e9, 50e9),
    Hardware("A100 SXM 80 GB, 8 a node: NVLink 3, 200 Gb/s InfiniBand a device", 312e12, 0.4, 2.04e12, 8, 300e9, 25e9),
)
# Two processes of one machine, as `python -m benchmarks.workers` measured them: the sums of 4 bytes and of 16 MiB.
LOOPBACK = Hardware("two workers on loopback, one core each", 0.0, 0.0, 0.0, 1, 331e6, 331e6, 1.0, 1.4e-3)
MEASURED = {  # hparams set: gradient_bytes, half_step_ms, of_two_products, two_workers_ms of the line against_ideal
    "multimodel_tiny": (15_250_944, 189.3, 1.77, 255.2),
    "transformer_small": (31_536_128, 337.9, 1.85, 525.8),
}


class Step(NamedTuple):
    """Milliseconds of a step and of its parts; `overlapped` is the whole if sending hides behind the backward pass."""

    compute: float
    update: float
    reduce: float
    exchange: float
    whole: float
    overlapped: float


def all_reduce(size: float, devices: int, hardware: Hardware) -> float:
    """Seconds for a sum of `size` bytes over all devices.

    A ring sends 2(n - 1)/n · bytes through each link. Over several nodes: scattered in the node, summed between nodes,
    each device its share, gathered in the node.
    """
    inner = min(devices, hardware.node)
    nodes = devices / inner
    seconds = 2 * (inner - 1) / inner * size / hardware.link + 2 * (nodes - 1) / nodes * size / inner / hardware.network
    return seconds / hardware.link_share + 2 * hardware.latency * (inner - 1 + nodes - 1)


def all_to_all(size: float, devices: int, hardware: Hardware) -> float:
    """Seconds until `size` bytes of each device are evenly on all devices; (n - 1)/n of them leave theirs."""
    inner = min(devices, hardware.node)
    seconds = size * (inner - 1) / devices / hardware.link + size * (devices - inner) / devices / hardware.network
    return seconds / hardware.link_share + hardware.latency * (devices > 1)


def step(sizes: Sizes, hardware: Hardware, devices: int, tokens: float, group: int = 1) -> Step:
    """A step with `tokens` target tokens (and as many source tokens) on each device.

    Args:
        group: devices that share one set of experts, each holding 1/group of them: tokens travel inside the group, and
            gradients of experts are summed between groups. 1 is plain data parallelism; a divisor of both numbers of
            devices, or all.
    """
    experts = sizes.experts / group
    between = hardware._replace(node=max(1, hardware.node // group))  # devices of a node that hold the same experts
    forward = max(sizes.flops * tokens / hardware.flops / hardware.share, FLOAT * experts / hardware.memory)
    backward = 2 * forward
    update = ADAM * (experts + sizes.others) / hardware.memory
    reduce = all_reduce(FLOAT * sizes.others, devices, hardware)
    reduce += all_reduce(FLOAT * experts, devices // group, between)
    one_way = all_to_all(HALF * tokens * sizes.sent, group, hardware)
    exchange = 4 * sizes.mixtures * one_way  # to the experts and back, forward and backward
    whole = forward + backward + update + reduce + exchange
    hidden = forward + max(backward, reduce) + update + exchange  # tokens are waited for: they hide behind nothing
    return Step(*(1e3 * seconds for seconds in (forward + backward, update, reduce, exchange, whole, hidden)))


def break_even(sizes: Sizes) -> float:
    """Tokens a device above which sending them to sharded experts takes more bytes than summing all gradients.

    Both grow by the same (n - 1)/n, so that the number of devices does not matter, nor how fast the links are.
    """
    return 2 * FLOAT * sizes.experts / (4 * sizes.mixtures * HALF * sizes.sent)


def count(hparams_set: str = HPARAMS_SET) -> Sizes:
    """The sizes of a MultiModel on a text problem with 8,192 subwords; traced, so that no weight takes memory."""
    import keras
    import tensorflow as tf

    from benchmarks import synthetic
    from benchmarks.flops import forward_flops

    problem = synthetic.SyntheticText()
    experiment = synthetic.experiment([problem], "multimodel", hparams_set)
    batch = synthetic.batch(problem, EXAMPLES, LENGTH)

    def build():
        with keras.StatelessScope(initialize_variables=False):
            return experiment.build_model()

    models = []
    tf.function(lambda: models.append(build()), autograph=False).get_concrete_function()

    def forward(batch):
        with keras.StatelessScope(initialize_variables=False):
            return models[0].call(batch, problem.name, training=True, seed=[0, 0]).logits

    numbers = {weight.path: math.prod(weight.shape) for weight in models[0].trainable_variables}
    experts = [number for path, number in numbers.items() if path.endswith(("/rise", "/fall"))]
    hparams = experiment.hparams
    sent = hparams.experts_per_token * hparams.capacity_factor * hparams.hidden_size
    return Sizes(sum(experts), sum(numbers.values()) - sum(experts),
                 forward_flops(forward, batch) / (EXAMPLES * LENGTH), len(experts) // 2, sent)


# Tables.

def tables(sizes: Sizes) -> str:
    """All that this program prints."""
    parts = [_sizes(sizes)]
    for hardware in HARDWARE:
        parts += [_one_batch(sizes, hardware), _per_device(sizes, hardware)]
    return "\n\n".join([*parts, _against_loopback()]) + "\n"


def _sizes(sizes: Sizes) -> str:
    whole = sizes.experts + sizes.others
    return "\n".join([
        f"{HPARAMS_SET}, a step on text, {EXAMPLES} × {LENGTH} target tokens",
        f"  parameters of the experts      {sizes.experts:>15,}",
        f"  other parameters it touches    {sizes.others:>15,}",
        f"  bytes of all gradients         {FLOAT * whole:>15,}",
        f"  bytes without the experts'     {FLOAT * sizes.others:>15,}",
        f"  MFLOP a target token, forward  {sizes.flops / 1e6:>15,.1f}",
        f"  bytes a token and direction    {HALF * sizes.sent:>15,.0f}   in a mixture, to its experts",
        f"  sharding sends less up to      {break_even(sizes):>15,.0f}   tokens a device"])


def _one_batch(sizes: Sizes, hardware: Hardware) -> str:
    """The set's own batch, cut into ever smaller parts."""
    tokens = EXAMPLES * LENGTH
    lines = [hardware.name, f"{tokens:,} tokens in all, ms a step",
             "devices    data parallel: compute  update  reduce   whole  overlapped    experts sharded: whole"]
    for devices in DEVICES:
        copied, sharded = (step(sizes, hardware, devices, tokens / devices, group) for group in (1, devices))
        lines.append(f"{devices:>7}{copied.compute:>26.1f}{copied.update:>8.1f}{copied.reduce:>8.1f}"
                     f"{copied.whole:>8.1f}{copied.overlapped:>12.1f}{sharded.whole:>27.1f}")
    return "\n".join(lines)


def _per_device(sizes: Sizes, hardware: Hardware) -> str:
    """Batches that grow with the number of devices: share of ideal."""
    lines = ["tokens a device fixed: % of n × the tokens/s of one device",
             "data parallel / the same overlapped / experts sharded in a node, overlapped / over all, overlapped",
             "devices" + "".join(f"{tokens:>18,}" for tokens in PER_DEVICE)]
    for devices in DEVICES[1:]:
        cells = []
        for tokens in PER_DEVICE:
            alone = step(sizes, hardware, 1, tokens).whole
            copied, in_node, over_all = (step(sizes, hardware, devices, tokens, group)
                                         for group in (1, min(devices, hardware.node), devices))
            times = (copied.whole, copied.overlapped, in_node.overlapped, over_all.overlapped)
            cells.append("/".join(f"{100 * alone / ms:.0f}" for ms in times))
        lines.append(f"{devices:>7}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def _against_loopback() -> str:
    """What two workers took, beside half the batch on one core while the other works too, and the sum by formula."""
    lines = [f"{LOOPBACK.name}, ms a step of 32 × 32 tokens",
             "                   half the batch    sum by formula    together    measured    measured / together"]
    for name, (size, half, two_cores, measured) in MEASURED.items():
        compute, summed = half * 2 / two_cores, 1e3 * all_reduce(size, 2, LOOPBACK)
        lines.append(f"{name:<19}{compute:>14.0f}{summed:>18.0f}{compute + summed:>12.0f}{measured:>12.0f}"
                     f"{measured / (compute + summed):>23.2f}")
    return "\n".join(lines)


def main() -> None:
    from t2t_mm.cli.tensorflow_start import start_tensorflow

    start_tensorflow()
    print(tables(count()), end="")


if __name__ == "__main__":
    main()
