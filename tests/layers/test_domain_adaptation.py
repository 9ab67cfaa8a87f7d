"""Laws of domain adaptation: the adversary's gradient turns round, alike encodings are near, padding counts nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import WIDTH, scattered, sequence, source

from t2t_mm.layers.domain_adaptation import DomainAdaptation, DomainAdversary, cosine_distance, pooled, reverse_gradient
from t2t_mm.layers.sequence import Stream
from t2t_mm.layers.side_outputs import collect_side_outputs, report


def adversary(strength):
    keras.utils.set_random_seed(1)
    layer = DomainAdversary(WIDTH, 3, strength)
    layer(tf.zeros([1, WIDTH]))
    return scattered(layer)


def gradients(layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        nats, _ = layer(x, domain=1)
    kernel = layer.guess.kernel.value
    return tape.gradient(nats, [x, kernel])


def test_a_reversed_gradient_leaves_the_values_alone():
    x = sequence(1, 2, 0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = reverse_gradient(x, 0.25)
        loss = tf.reduce_sum(y * 4.0)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_allclose(tape.gradient(loss, x), -np.ones_like(x))


def test_the_adversary_learns_at_full_strength_whatever_it_sends_back():
    x = sequence(4, 1, 1)[:, 0]
    weak, strong = gradients(adversary(0.1), x), gradients(adversary(1.0), x)
    np.testing.assert_allclose(weak[1], strong[1])
    np.testing.assert_allclose(weak[0] * 10, strong[0], rtol=1e-5)
    assert np.abs(strong[0]).max() > 1e-4


def test_following_the_gradient_the_adversary_is_right_and_following_its_reverse_the_encoding_hides():
    layer, x = adversary(1.0), sequence(4, 1, 1)[:, 0]
    before, _ = layer(x, domain=1)
    hidden, _ = layer(x - 0.5 * gradients(layer, x)[0], domain=1)
    assert hidden > before
    for _ in range(50):
        with tf.GradientTape() as tape:
            nats, accuracy = layer(x, domain=1)
        variables = layer.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(nats, [v.value for v in variables]), strict=True):
            variable.assign_sub(0.3 * gradient)
    assert nats < 0.1 * before and accuracy == 1


def test_pooling_sees_no_padding():
    stream = source(2, 5, 0, real=3)
    longer = Stream(tf.concat([stream.x, 9 * tf.ones([2, 4, WIDTH])], 1), tf.pad(stream.presence, [[0, 0], [0, 4]]))
    np.testing.assert_array_equal(pooled(longer), pooled(stream))
    np.testing.assert_array_equal(pooled(stream), tf.reduce_max(stream.x[:, :3], axis=1))


@pytest.mark.parametrize("factor, distance", [(3.0, 0.0), (-0.5, 2.0)])
def test_the_distance_is_that_of_directions(factor, distance):
    x = sequence(4, 1, 1)[:, 0]
    np.testing.assert_allclose(cosine_distance(x, factor * x), distance, atol=1e-5)


def test_both_losses_are_reported_and_what_encoding_the_target_reports_is_not():
    layer = DomainAdaptation(WIDTH, 3, 0.1, 2.0)

    def encoded():
        report("experts", {"balance": tf.constant(1.0)}, {})
        return source(2, 4, 7)

    with collect_side_outputs() as side:
        layer(source(2, 5, 0), encoded_target=encoded)
    assert sorted(side.losses) == ["adversary/nats", "similarity/loss"]
    np.testing.assert_allclose(side.losses["similarity/loss"], 2 * side.statistics["similarity/distance"])
    with collect_side_outputs() as side:
        layer(source(2, 5, 0))
    assert sorted(side.losses) == ["adversary/nats"]
