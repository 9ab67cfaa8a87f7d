"""The image doors: a picture becomes the places of a coarser grid, row by row."""

import numpy as np
import pytest
import tensorflow as tf
from door_cases import door


@pytest.mark.parametrize("name, coarser", [("image", 16), ("image_small", 8)])
@pytest.mark.parametrize("height, width, channels", [(32, 48, 3), (30, 33, 1), (8, 8, 4)])
def test_a_picture_becomes_a_coarser_grid(name, coarser, height, width, channels):
    stream = door(name).bottom(tf.random.stateless_normal([2, height, width, channels], [1, 2]))
    rows, columns = -(-height // coarser), -(-width // coarser)
    assert stream.x.shape == (2, rows * columns, 16) and stream.grid == (rows, columns)
    np.testing.assert_array_equal(stream.presence, np.ones((2, rows * columns)))
    assert not door(name).autoregressive


def test_places_are_in_the_order_of_rows():
    """A change in the picture's lower right corner cannot reach the upper left place, but reaches the last."""
    image, picture = door("image_small"), np.zeros((2, 64, 64, 1), "float32")
    picture[1, -4:, -4:] = 1
    x = image.bottom(tf.constant(picture)).x.numpy()
    moved = np.abs(x[0] - x[1]).max(-1).reshape(8, 8)
    assert moved[-1, -1] > 1e-3 and moved[0].max() < 1e-5 and moved[:, 0].max() < 1e-5


@pytest.mark.parametrize("name", ["image", "image_small"])
def test_brightness_is_seen(name):
    """A layer norm over one colour would hide how bright an even picture is."""
    even = tf.constant([[-0.8], [0.1], [0.7]])[:, :, None, None] * tf.ones([3, 16, 16, 1])
    x = door(name, image_filters=(16, 16, 16, 16)).bottom(even).x.numpy()
    assert min(np.abs(x[i] - x[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 1e-2
