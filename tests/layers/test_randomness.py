"""Randomness is a function of the seed and the number of the draw, and of nothing else."""

import math

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.randomness import dropout, next_seed, normal, seeded


def draws(seed, count=3):
    with seeded(seed):
        return [dropout(tf.ones([500]), 0.4, True).numpy() for _ in range(count)]


def test_the_same_seed_gives_the_same_draws_and_each_draw_is_its_own():
    first, again, other = draws([1, 2]), draws([1, 2]), draws([1, 3])
    np.testing.assert_array_equal(first, again)
    assert all((a != b).any() for a, b in zip(first, other))
    assert (first[0] != first[1]).any() and (first[1] != first[2]).any()


def test_neighbouring_seeds_share_no_draw():
    masks = [mask.tobytes() for step in range(9) for mask in draws([1, step], 9)]
    assert len(set(masks)) == len(masks)


def test_dropout_keeps_the_mean_and_zeroes_its_share():
    with seeded([5, 6]):
        y = dropout(tf.ones([100_000]), 0.3, True).numpy()
    np.testing.assert_allclose((y == 0).mean(), 0.3, atol=0.01)
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (3, 5, 11), (40, 64)])
def test_xla_draws_the_same(shape):
    def noise(seed, dtype="float32"):
        with seeded(seed):
            return normal(shape), dropout(tf.ones(shape, dtype), 0.4, True)

    (plain, kept), seed = noise(tf.constant([3, 5])), tf.constant([3, 5])
    compiled, kept_by_xla = tf.function(noise, jit_compile=True, autograph=False)(seed)
    np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(kept_by_xla, kept)
    np.testing.assert_array_equal(noise(seed, "bfloat16")[1] != 0, kept != 0)


def test_normal_draws_are_normal():
    with seeded([1, 2]):
        z, other = normal((500, 400)).numpy(), normal((500, 400)).numpy()
    for t in (-3.0, -2.0, -1.0, 0.0, 0.5, 1.5, 2.5):
        np.testing.assert_allclose((z < t).mean(), 0.5 * (1 + math.erf(t / 2**0.5)), atol=0.004)
    assert np.isfinite(z).all() and abs((z * other).mean()) < 0.01 and abs((z[1:] * z[:-1]).mean()) < 0.01


def test_without_training_or_rate_nothing_is_drawn():
    x = tf.ones([4])
    assert dropout(x, 0.5, False) is x and dropout(x, 0.0, True) is x


def test_a_draw_without_a_seed_says_what_to_do():
    with seeded(None), pytest.raises(RuntimeError, match="seed="):
        next_seed()
    with pytest.raises(RuntimeError, match="seed="):
        dropout(tf.ones([4]), 0.5, True)


def test_inner_contexts_end():
    with seeded([1, 2]):
        with seeded([3, 4]):
            inner = dropout(tf.ones([500]), 0.4, True)
        outer = dropout(tf.ones([500]), 0.4, True)
    np.testing.assert_array_equal(inner, draws([3, 4])[0])
    np.testing.assert_array_equal(outer, draws([1, 2])[0])


def test_a_seed_may_be_a_tensor_of_a_graph():
    @tf.function
    def masks(seed):
        with seeded(seed):
            return tf.stack([dropout(tf.ones([500]), 0.4, True) for _ in range(3)])

    np.testing.assert_array_equal(masks(tf.constant([1, 2])), draws([1, 2]))
