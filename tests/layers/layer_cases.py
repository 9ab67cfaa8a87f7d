"""Every layer that models chain, with a constructor each, so that the laws can run over all of them."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from t2t_mm.layers.attention import AttentionBlock, SelfAttention, SourceAttention, SourceMean
from t2t_mm.layers.composite import Chain, Residual
from t2t_mm.layers.convolution import ConvBlock, ConvStep, DepthwiseConv1D
from t2t_mm.layers.experts import MixtureOfExperts
from t2t_mm.layers.feed_forward import FeedForward
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.sequence import Stream, Timing

WIDTH, HEADS = 8, 2


class SequenceOnly(Layer):
    """A layer without source and presence, behind the doors of a causal layer."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x, source=None, presence=None, training=False):
        return self.inner(x)

    def initial_state(self, source, max_length):
        return self.inner.initial_state(source.x, max_length)

    def step(self, x, state, position, memory):
        return self.inner.step(x, state, position)


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """A constructor of a layer [B, L, WIDTH] → [B, L, WIDTH], and a length beyond the reach of its state."""

    name: str
    make: Callable[[], Layer]
    length: int = 9

    def built(self):
        """The layer with variables that are far from their special first values, the same at every call."""
        layer = self.make()
        layer(sequence(1, 2, 0), source=source(1, 3, 0), presence=tf.ones([1, 2]))
        return scattered(layer)

    def __str__(self):
        return self.name


def scattered(layer, seed=0, scale=0.3):
    """The layer after noise was added to its variables: routers stop being zero, and branches small."""
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        variable.assign_add(rng.normal(0, scale, variable.shape).astype("float32"))
    return layer


def sequence(rows, length, seed, width=WIDTH):
    """float32 [rows, length, width]"""
    return tf.constant(np.random.default_rng(seed).normal(size=(rows, length, width)).astype("float32"))


def source(rows, length, seed, real=None):
    """A Stream of which the first `real` positions are present (all by default)."""
    presence = tf.cast(tf.range(length) < (length if real is None else real), tf.float32)
    return Stream(sequence(rows, length, seed), tf.tile(presence[None], [rows, 1]))


def _chain(causal):
    experts = MixtureOfExperts(WIDTH, 12, 4, 2, name="experts")
    attention = SelfAttention(WIDTH, HEADS, causal, name="inner")
    block = ConvBlock(WIDTH, causal, 0.0, name="block")
    return Chain([Timing(name="timing"), Residual(attention, name="attention"), block,
                  Residual(experts, name="branch")], name="chain")


CAUSAL = [
    LayerCase("timing", Timing),
    LayerCase("self_attention", lambda: SelfAttention(WIDTH, HEADS)),
    LayerCase("source_attention", lambda: SourceAttention(WIDTH, HEADS)),
    LayerCase("source_mean", lambda: SourceMean(WIDTH)),
    LayerCase("attention_block", lambda: AttentionBlock(WIDTH, HEADS), length=19),
    LayerCase("feed_forward", lambda: FeedForward(WIDTH, 12)),
    LayerCase("experts", lambda: MixtureOfExperts(WIDTH, 12, 5, 2)),
    LayerCase("residual", lambda: Residual(SelfAttention(WIDTH, HEADS))),
    LayerCase("chain", lambda: _chain(True), length=6),
    LayerCase("conv_block", lambda: ConvBlock(WIDTH, True, 0.0), length=130),
    LayerCase("conv_step", lambda: SequenceOnly(ConvStep(WIDTH, 5, 4)), length=40),
    *(LayerCase(f"depthwise_{kernel}_by_{dilation}", lambda k=kernel, d=dilation: SequenceOnly(DepthwiseConv1D(k, d)),
                length=2 * (kernel - 1) * dilation + 3)
      for kernel, dilation in ((1, 1), (2, 1), (3, 1), (3, 2), (15, 8), (2, 64))),
]

TWO_SIDED = [
    LayerCase("self_attention_all", lambda: SelfAttention(WIDTH, HEADS, causal=False)),
    LayerCase("conv_block_centred", lambda: ConvBlock(WIDTH, False, 0.0), length=40),
    LayerCase("experts", lambda: MixtureOfExperts(WIDTH, 12, 5, 2)),
    LayerCase("chain_centred", lambda: _chain(False), length=12),
]


def placed(chosen, experts, capacity):
    """The slot of each choice, one by one in the order of tokens; −1 where there is none."""
    taken, slots = [0] * experts, np.full(chosen.shape, -1)
    for place, expert in np.ndenumerate(chosen):
        if expert < experts and taken[expert] < capacity:
            slots[place] = expert * capacity + taken[expert]
            taken[expert] += 1
    return slots
