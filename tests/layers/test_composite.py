"""A residual branch adds to what enters it, and a chain is its parts one after another."""

import numpy as np
from layer_cases import WIDTH, scattered, sequence

from t2t_mm.layers.composite import Chain, Residual
from t2t_mm.layers.feed_forward import FeedForward
from t2t_mm.layers.randomness import seeded
from t2t_mm.layers.sequence import Timing


def test_a_residual_adds_its_branch_behind_a_norm():
    inner, x = FeedForward(WIDTH, 12), sequence(2, 5, 1)
    layer = Residual(inner)
    layer(x)
    scattered(layer)
    np.testing.assert_allclose(layer(x), x + inner(layer.norm(x)), atol=1e-6)


def test_dropout_falls_on_the_branch_alone_and_only_while_training():
    layer, x = Residual(FeedForward(WIDTH, 12), dropout_rate=0.5), sequence(2, 40, 1)
    calm = layer(x).numpy()
    with seeded([1, 2]):
        trained = layer(x, training=True).numpy()
    untouched = np.isclose(trained, x)
    assert 0.4 < untouched.mean() < 0.6
    np.testing.assert_allclose((trained - x)[~untouched], 2 * (calm - x)[~untouched], rtol=1e-3, atol=1e-5)


def test_a_chain_is_its_parts_in_order_and_a_norm():
    parts = [Timing(name="timing"), FeedForward(WIDTH, 12, name="one"), FeedForward(WIDTH, 12, name="two")]
    layer, x = Chain(parts), sequence(2, 5, 1)
    y = layer(x)
    wanted = layer.norm(parts[2](parts[1](parts[0](x))))
    np.testing.assert_allclose(y, wanted, atol=1e-6)
    assert sorted(layer.initial_state(None, 3)) == sorted(layer.memory(None)) == ["one", "timing", "two"]
