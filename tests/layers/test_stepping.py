"""Laws of stepping: its products and writes are the plain ones, in a graph's loop too, with the variables of now."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.in_place import write_slot
from t2t_mm.layers.stepping import stepping, weight, write


def random(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def product(x, kernel):
    return tf.matmul(x, weight(kernel, x.dtype))


@pytest.mark.parametrize("dtype, error", [("float32", 1e-5), ("bfloat16", 0.02)])
def test_products_are_the_same_and_of_the_variables_values_of_now(dtype, error):
    kernel, x = keras.Variable(random(5, 3)), random(4, 5, seed=1)

    @tf.function(autograph=False)
    def repeated(x):
        x = tf.cast(x, dtype)
        with stepping([kernel], dtype):
            again = lambda i, y: (i + 1, y + product(x, kernel))
            return tf.while_loop(lambda i, y: i < 2, again, (0, tf.zeros([4, 3], dtype)))[1]

    for value in (random(5, 3), random(5, 3, seed=2)):
        kernel.assign(value)
        np.testing.assert_allclose(product(x, kernel), x @ value, rtol=1e-5)
        np.testing.assert_allclose(tf.cast(repeated(x), "float32"), 2 * x @ value, rtol=error, atol=5 * error)


def test_a_loop_of_steps_reads_and_casts_before_it_and_not_within():
    first, second, x = keras.Variable(random(3, 3)), keras.Variable(random(3, 5)), tf.zeros([4, 3], "bfloat16")
    gain = keras.Variable(random(5))

    @tf.function(autograph=False)
    def repeated(x):
        with stepping([first, second, gain], "bfloat16"):
            scale = lambda: tf.reduce_sum(weight(gain, "float32"))
            again = lambda i, y, z: (i + 1, y + tf.reduce_sum(product(product(x, first), second)), z + scale())
            return tf.while_loop(lambda i, y, z: i < 2, again, (0, tf.zeros([], "bfloat16"), 0.0))[1:]

    graph = repeated.get_concrete_function(x).graph
    inside = [node.op for function in graph.as_graph_def().library.function for node in function.node_def]
    outside = [operation.type for operation in graph.get_operations()]
    assert inside.count("MatMul") == 2 and not {"Cast", "ReadVariableOp"} & set(inside)
    assert outside.count("Cast") == 2


def test_a_matrix_of_three_axes_has_the_type_asked_for_within_and_without():
    experts, other = keras.Variable(random(2, 5, 3)), keras.Variable(random(2, 5, 3, seed=1))
    for variable in (experts, other):
        assert weight(variable, "float32").dtype == "float32"
    with stepping([experts], "bfloat16"):
        for variable in (experts, other):
            for dtype in ("bfloat16", "float32"):
                cast = weight(variable, dtype)
                assert cast.dtype == dtype
                np.testing.assert_array_equal(cast, tf.cast(variable.value, dtype))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_weight_passes_its_gradient_on(dtype):
    variable = keras.Variable(random(4, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(weight(variable, dtype), "float32") * random(4, 3, seed=1))
    np.testing.assert_allclose(tape.gradient(loss, variable.value), random(4, 3, seed=1), rtol=0.01)


def test_variables_that_were_not_named_and_other_types_are_multiplied_as_ever():
    kernel, other, x = keras.Variable(random(5, 3)), keras.Variable(random(5, 3, seed=2)), random(4, 5, seed=1)
    with stepping([kernel], "bfloat16"):
        np.testing.assert_allclose(product(x, other), x @ other.value, rtol=1e-5)
        np.testing.assert_allclose(product(x, kernel), x @ kernel.value, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 5, 3)])
@pytest.mark.parametrize("slot", [0, 2, 4])
def test_a_write_changes_one_slot(shape, slot):
    buffer, value = random(*shape), random(*shape[:-2], 3, seed=1)
    wanted = buffer.numpy()
    wanted[..., slot, :] = value
    np.testing.assert_array_equal(write(buffer, tf.constant(slot), value), wanted)
    with stepping([], write_slot=write_slot):
        written = tf.function(write)(buffer, tf.constant(slot), value)
    np.testing.assert_array_equal(written, wanted)
