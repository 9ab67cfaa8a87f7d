"""Laws of stepping: its products and writes are the plain ones, in a graph's loop too, with the variables of now."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.layers.stepping import product, stepping, write


def random(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def test_products_are_the_same_and_of_the_variables_values_of_now():
    kernel, x = keras.Variable(random(5, 3)), random(4, 5, seed=1)

    @tf.function(autograph=False)
    def repeated(x):
        with stepping([kernel]):
            again = lambda i, y: (i + 1, y + product(x, kernel))
            return tf.while_loop(lambda i, y: i < 2, again, (0, tf.zeros([4, 3])))[1]

    for value in (random(5, 3), random(5, 3, seed=2)):
        kernel.assign(value)
        np.testing.assert_allclose(product(x, kernel), x @ value, rtol=1e-5)
        np.testing.assert_allclose(repeated(x), 2 * x @ value, rtol=1e-5)


def test_variables_that_were_not_named_and_other_types_are_multiplied_as_ever():
    kernel, other, x = keras.Variable(random(5, 3)), keras.Variable(random(5, 3, seed=2)), random(4, 5, seed=1)
    with stepping([kernel]):
        np.testing.assert_allclose(product(x, other), x @ other.value, rtol=1e-5)
    half = keras.Variable(tf.cast(kernel.value, "bfloat16"), dtype="bfloat16")
    with stepping([kernel]):
        assert product(tf.cast(x, "bfloat16"), half).dtype == "bfloat16"


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 5, 3)])
@pytest.mark.parametrize("slot", [0, 2, 4])
def test_a_write_changes_one_slot(shape, slot):
    buffer, value = random(*shape), random(*shape[:-2], 3, seed=1)
    wanted = buffer.numpy()
    wanted[..., slot, :] = value
    np.testing.assert_array_equal(write(buffer, tf.constant(slot), value), wanted)
    with stepping([]):
        written = tf.function(write)(buffer, tf.constant(slot), value)
    np.testing.assert_array_equal(written, wanted)
