"""Xception's flows: shapes, centred windows, and padding in two dimensions that changes nothing."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import scattered

from t2t_mm.layers.xception import ConvRes, ConvStep2D, EntryFlow, ExitFlow, FirstConvolution, max_pool


def picture(*shape, seed=1):
    return tf.random.stateless_normal(shape, [seed, 2])


def padded(x, rows, columns, seed=9):
    """`x` [B, H, W, C] with garbage below and to the right, and what of it is present [B, H', W', 1]."""
    batch, height, width, channels = x.shape
    larger = picture(batch, height + rows, width + columns, channels, seed=seed).numpy()
    larger[:, :height, :width] = x
    present = np.zeros((batch, height + rows, width + columns, 1), "float32")
    present[:, :height, :width] = 1
    return tf.constant(larger), tf.constant(present)


def halved(size, stride):
    return -(-size // stride)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1), (1, 2)])
@pytest.mark.parametrize("size", [(1, 4), (7, 8)])
def test_axes_shrink_by_their_strides_rounded_up(size, strides):
    x, shape = picture(2, *size, 3), (2, halved(size[0], strides[0]), halved(size[1], strides[1]), 6)
    assert FirstConvolution(6, strides)(x).shape == shape
    assert ConvStep2D(6, 1, strides)(x).shape == shape
    assert ConvRes(6, strides)(x).shape == shape
    assert max_pool(x, strides).shape == (*shape[:-1], 3)


@pytest.mark.parametrize("first, second, third", [
    ((2, 2), (2, 2), (2, 2)), ((2, 2), (1, 1), (2, 2)), ((1, 1), (2, 1), (2, 1))])
def test_the_entry_flow_divides_the_axes_by_all_its_strides(first, second, third):
    y, present = EntryFlow((4, 5, 6, 7), (first, second, third))(picture(2, 24, 16, 1), tf.ones([2, 24, 16, 1]))
    height, width = (size // (first[i] * second[i] * third[i]) for i, size in enumerate((24, 16)))
    assert y.shape == (2, height, width, 7) and present.shape == (2, height, width, 1)
    assert present.numpy().min() == 1


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1)])
def test_pooling_is_the_maximum_of_the_present_neighbours(strides):
    x, present = padded(picture(1, 4, 5, 2), 2, 1)
    y = max_pool(x, strides, present).numpy()
    for i in range(0, 4, strides[0]):
        for j in range(0, 5, strides[1]):
            wanted = x[0, max(i - 1, 0):min(i + 2, 4), max(j - 1, 0):min(j + 2, 5)].numpy().max((0, 1))
            np.testing.assert_array_equal(y[0, i // strides[0], j // strides[1]], wanted)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_the_first_convolution_is_a_loop_over_its_window(strides):
    layer, x = FirstConvolution(4, strides), picture(1, 5, 6, 2)
    layer(x)
    scattered(layer)
    framed = np.pad(x[0], [(1, 1), (1, 1), (0, 0)])
    wanted = [[np.einsum("hwc,hwcf->f", framed[i:i + 3, j:j + 3], layer.kernel.numpy())
               for j in range(0, 6, strides[1])] for i in range(0, 5, strides[0])]
    wanted = layer.norm(tf.constant(np.array(wanted, "float32")) + layer.bias.value)
    np.testing.assert_allclose(layer(x)[0], wanted, atol=1e-4)


def test_a_step_is_relu_depthwise_pointwise_norm():
    layer, x = ConvStep2D(4), picture(1, 5, 6, 3)
    layer(x)
    scattered(layer)
    framed = np.pad(np.maximum(x[0], 0), [(1, 1), (1, 1), (0, 0)])
    depthwise = [[(framed[i:i + 3, j:j + 3] * layer.depthwise.numpy()[..., 0]).sum((0, 1)) for j in range(6)]
                 for i in range(5)]
    wanted = layer.norm(layer.pointwise(tf.constant(np.array(depthwise, "float32"))))
    np.testing.assert_allclose(layer(x)[0], wanted, atol=1e-4)


@pytest.mark.parametrize("rows, columns", [(1, 0), (0, 3), (5, 4)])
@pytest.mark.parametrize("make", [
    lambda: EntryFlow((4, 4, 5), ((2, 1), (2, 1))),
    lambda: EntryFlow((4, 4, 5, 6), ((2, 2), (1, 1), (2, 2)))], ids=["audio", "image"])
def test_padding_below_and_beside_changes_nothing_in_the_entry_flow(make, rows, columns):
    flow, x = make(), picture(2, 9, 6, 1)
    flow(x, tf.ones([2, 9, 6, 1]))
    scattered(flow)
    y, present = flow(x, tf.ones([2, 9, 6, 1]))
    longer, longer_present = flow(*padded(x, rows, columns))
    height, width = y.shape[1:3]
    np.testing.assert_allclose(longer[:, :height, :width], y, rtol=1e-4, atol=1e-4)
    assert longer_present.numpy().sum() == present.numpy().sum()
    assert (longer.numpy() * (1 - longer_present.numpy()) == 0).all()


@pytest.mark.parametrize("rows, columns", [(1, 0), (0, 3), (5, 4)])
def test_padding_below_and_beside_changes_nothing_in_the_exit_flow(rows, columns):
    flow, x = ExitFlow(5, (6, 7)), picture(2, 4, 3, 5)
    flow(x, tf.ones([2, 4, 3, 1]))
    scattered(flow)
    y = flow(x, tf.ones([2, 4, 3, 1]))
    assert y.shape == (2, 7) and (y.numpy() >= 0).all()
    np.testing.assert_allclose(flow(*padded(x, rows, columns)), y, rtol=1e-4, atol=1e-4)


def test_nothing_present_is_zero_and_finite():
    flow = ExitFlow(5, (6, 7))
    assert (flow(picture(1, 4, 4, 5), tf.zeros([1, 4, 4, 1])).numpy() == 0).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_types_never_see_the_frame_of_the_pool(dtype):
    x, present = padded(picture(1, 4, 4, 2), 3, 3)
    narrow = max_pool(tf.cast(x, dtype), (2, 2), tf.cast(present, dtype))
    wide = max_pool(x, (2, 2), present)
    np.testing.assert_allclose(tf.cast(narrow, tf.float32)[:, :2, :2], wide[:, :2, :2], atol=0.02)
