"""The feed-forward layer is two matrix products with a ReLU between, the same at every position."""

import numpy as np
import tensorflow as tf
from layer_cases import WIDTH, sequence

from t2t_mm.layers.feed_forward import FeedForward


def test_the_feed_forward_layer_treats_every_position_alike():
    layer, x = FeedForward(WIDTH, 12), sequence(2, 5, 1)
    y = layer(x)
    rise, fall = (w.kernel.numpy() for w in (layer.rise, layer.fall))
    np.testing.assert_allclose(y, np.maximum(x @ rise, 0) @ fall, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer(tf.reverse(x, [1])), tf.reverse(y, [1]), atol=1e-6)
