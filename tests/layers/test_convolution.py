"""The depthwise convolution against loops, and the blocks against their formulas."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import scattered, sequence

from t2t_mm.layers.compiling import compiling
from t2t_mm.layers.convolution import BRANCH_GAIN, ConvBlock, ConvStep, DepthwiseConv1D, fold_dilation, unfold_dilation
from t2t_mm.layers.randomness import seeded

D = 3


def taps_of(length, kernel_size, dilation, causal):
    """Yields (t, k, the place that tap k of position t reads), product by product."""
    first = -(kernel_size - 1) * dilation if causal else -((kernel_size - 1) * dilation // 2)
    for t in range(length):
        for k in range(kernel_size):
            if 0 <= t + first + k * dilation < length:
                yield t, k, t + first + k * dilation


def looped(x, kernel, dilation, causal):
    y = np.zeros_like(x)
    for t, k, place in taps_of(x.shape[1], len(kernel), dilation, causal):
        y[:, t] += kernel[k] * x[:, place]
    return y


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "centred"])
@pytest.mark.parametrize("length", [1, 16])
@pytest.mark.parametrize("kernel_size, dilation", [(1, 1), (3, 1), (5, 4), (15, 1), (15, 8), (2, 3), (3, 7)])
@pytest.mark.parametrize("xla", [False, True], ids=["", "for_xla"])
def test_it_is_the_sum_over_its_taps_and_so_are_its_gradients(kernel_size, dilation, length, causal, xla):
    layer = DepthwiseConv1D(kernel_size, dilation, causal)
    x, upstream = sequence(2, length, 1, D), sequence(2, length, 2, D)
    with tf.GradientTape() as tape, compiling(xla):
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y * upstream)
    kernel = layer.kernel.numpy()
    np.testing.assert_allclose(y, looped(x.numpy(), kernel, dilation, causal), atol=1e-5)
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for t, k, place in taps_of(length, kernel_size, dilation, causal):
        dx[:, place] += kernel[k] * upstream[:, t].numpy()
        dkernel[k] += (x[:, place] * upstream[:, t]).numpy().sum(0)
    for ours, wanted in zip(tape.gradient(loss, [x, layer.trainable_variables[0]]), (dx, dkernel)):
        np.testing.assert_allclose(ours, wanted, atol=1e-4)


@pytest.mark.parametrize("length, dilation, before, after", [(1, 1, 0, 0), (7, 3, 4, 0), (8, 4, 2, 6), (5, 9, 1, 1)])
def test_folding_keeps_order_and_unfolding_undoes_it(length, dilation, before, after):
    x = sequence(2, length, 1, D)
    columns = fold_dilation(x, dilation, before, after)
    assert columns.shape[2] == dilation and columns.shape[1] == -(-(before + length + after) // dilation)
    padded = tf.pad(x, [[0, 0], [before, after], [0, 0]])
    np.testing.assert_array_equal(unfold_dilation(columns, like=padded), padded)


def normal(x, norm):
    centred = x - x.mean(-1, keepdims=True)
    return norm.gain.numpy() * centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-6) + norm.bias.numpy()


def conv_step(step, x, taps, dilation, causal):
    h = looped(np.maximum(x, 0), step.depthwise.kernel.numpy(), dilation, causal)
    return normal(h @ step.pointwise.kernel.numpy(), step.norm)


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "centred"])
def test_a_block_is_its_four_steps_and_two_residuals(causal):
    block, x = ConvBlock(D, causal, 0.5), sequence(2, 13, 1, D)
    block(x)
    scattered(block)
    value, steps = x.numpy(), block.steps
    h1 = conv_step(steps[0], value, 3, 1, causal)
    h2 = value + conv_step(steps[1], h1, 3, 1, causal)
    h3 = conv_step(steps[2], h2, 15, 1, causal)
    h4 = value + conv_step(steps[3], h3, 15, 8, causal)
    np.testing.assert_allclose(block(x, presence=tf.ones([2, 13])), h4, atol=1e-4)


def test_a_branch_starts_small_and_dropout_is_for_training_only():
    block, x = ConvBlock(16, True, 0.5), sequence(4, 30, 1, 16)
    y = block(x)
    np.testing.assert_allclose(np.std(y - x), BRANCH_GAIN, rtol=0.05)
    with seeded([1, 2]):
        dropped = block(x, training=True).numpy()
    assert 0.4 < (dropped == 0).mean() < 0.6
    np.testing.assert_allclose(dropped[dropped != 0], 2 * y.numpy()[dropped != 0], rtol=1e-4)


@pytest.mark.parametrize("positions, slots", [(1, 1), (8, 1), (9, 2), (119, 15), (512, 15)])
def test_a_ring_is_as_long_as_its_positions_in_whole_dilations_and_no_longer_than_its_reach(positions, slots):
    layer = DepthwiseConv1D(15, 8)
    layer(sequence(1, 2, 1, D))
    for number in (positions, tf.constant(positions)):
        assert layer.initial_state(sequence(2, 1, 1, D), number).shape == (2, 8 * slots, D)


def test_a_step_may_change_the_number_of_channels():
    step = ConvStep(7, 3)
    y = step(sequence(2, 5, 1, D))
    assert y.shape == (2, 5, 7)
    now, ring = step.step(sequence(1, 2, 1, D)[0], step.initial_state(sequence(2, 1, 1, D), 5), tf.constant(0))
    assert now.shape == (2, 7) and ring.shape == (2, 3, D)
