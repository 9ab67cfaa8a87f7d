"""Laws of all layers: none sees the future or padding, a step equals a call, graphs equal eager."""

import layer_cases
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import CAUSAL, TWO_SIDED, WIDTH

from t2t_mm.layers.randomness import seeded
from t2t_mm.layers.sequence import Stream

causal = pytest.mark.parametrize("case", CAUSAL, ids=str)
any_layer = pytest.mark.parametrize("case", [*CAUSAL, *TWO_SIDED], ids=str)
CLOSE = {"rtol": 1e-4, "atol": 3e-5}


def inputs_of(case, rows=2):
    return layer_cases.sequence(rows, case.length, 1), layer_cases.source(rows, 4, 2)


@causal
def test_no_position_sees_the_future(case):
    """Row t of the batch differs from the last row from position t on: its outputs before t must not."""
    layer, length = case.built(), case.length
    base = layer_cases.sequence(1, length, 1).numpy()
    rows = np.repeat(base, length + 1, axis=0)
    for t in range(length):
        rows[t, t:] = layer_cases.sequence(1, length - t, 100 + t)[0]
    source = layer_cases.source(1, 4, 2)
    source = Stream(*(tf.repeat(x, length + 1, axis=0) for x in source[:2]))
    y = layer(tf.constant(rows), source=source, presence=tf.ones([length + 1, length])).numpy()
    for t in range(length):
        np.testing.assert_allclose(y[t, :t], y[-1, :t], **CLOSE)
        assert np.abs(y[t, t] - y[-1, t]).max() > 1e-3


@causal
def test_stepping_equals_calling_also_after_rows_were_gathered(case):
    layer = case.built()
    x, source = inputs_of(case, rows=3)
    y = layer(x, source=source, presence=tf.ones(x.shape[:2]))
    state = layer.initial_state(source, case.length)
    assert all(leaf.shape[0] == 3 for leaf in tf.nest.flatten(state))
    half = case.length // 2
    for position in range(case.length):
        if position == half:
            gathered = [2, 0, 0, 1]
            x, y = tf.gather(x, gathered), tf.gather(y, gathered)
            state = tf.nest.map_structure(lambda leaf: tf.gather(leaf, gathered), state)
        before = [(leaf.shape, leaf.dtype) for leaf in tf.nest.flatten(state)]
        now, state = layer.step(x[:, position], state, tf.constant(position))
        np.testing.assert_allclose(now, y[:, position], **CLOSE)
        assert [(leaf.shape, leaf.dtype) for leaf in tf.nest.flatten(state)] == before


@causal
def test_padding_of_the_source_changes_nothing_whatever_it_holds(case):
    layer = case.built()
    x, short = inputs_of(case)
    longer = layer_cases.source(2, 7, 3, real=4)
    longer = longer._replace(x=tf.concat([short.x, longer.x[:, 4:]], axis=1))
    presence = tf.ones(x.shape[:2])
    y = layer(x, source=short, presence=presence)
    np.testing.assert_allclose(layer(x, source=longer, presence=presence), y, **CLOSE)


@pytest.mark.parametrize("extra", [1, 6])
@any_layer
def test_padding_and_more_rows_change_no_real_position(case, extra):
    layer = case.built()
    x, source = inputs_of(case)
    real = tf.constant([[1.0] * case.length, [1.0] * 3 + [0.0] * (case.length - 3)])
    y = layer(x, source=source, presence=real)
    garbage = layer_cases.sequence(2, extra, 5)
    x_longer = tf.concat([tf.concat([x, garbage], 1), layer_cases.sequence(2, case.length + extra, 6)], 0)
    presence = tf.concat([tf.pad(real, [[0, 0], [0, extra]]), tf.ones([2, case.length + extra])], 0)
    source = Stream(*(tf.tile(t, [2, *[1] * (len(t.shape) - 1)]) for t in source[:2]))
    longer = layer(x_longer, source=source, presence=presence)
    np.testing.assert_allclose(longer[0, :case.length], y[0], **CLOSE)
    np.testing.assert_allclose(longer[1, :3], y[1, :3], **CLOSE)


def gradients_of(layer, training=True):
    """A function of (x, source): the outputs, the gradient of x and those of all variables."""
    def run(x, source_x, source_presence):
        with tf.GradientTape() as tape, seeded([3, 4]):
            tape.watch(x)
            source = Stream(source_x, source_presence)
            y = layer(x, source=source, presence=tf.ones(tf.shape(x)[:2]), training=training)
            loss = tf.reduce_sum(tf.sin(y))
        gradients = tape.gradient(loss, [x, *layer.trainable_variables], unconnected_gradients="zero")
        return y, [tf.convert_to_tensor(g) for g in gradients]
    return run


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
@any_layer
def test_graphs_give_the_eager_numbers_and_finite_gradients(case, jit):
    """Without XLA batch and length are unknown to the graph; with it they are what XLA compiles for."""
    layer = case.built()
    run = gradients_of(layer)
    x, source = inputs_of(case)
    specs = [tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None])]
    traced = tf.function(run, jit_compile=jit, autograph=False, input_signature=None if jit else specs)
    arguments = (x[:, :12], *source[:2]) if jit else (x, *source[:2])
    (y, gradients), (y_traced, traced_gradients) = run(*arguments), traced(*arguments)
    np.testing.assert_allclose(y_traced, y, rtol=1e-3, atol=1e-4)
    for ours, theirs in zip(gradients, traced_gradients, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-3)
    assert all(np.abs(g).max() > 0 for g, v in zip(gradients[1:], layer.trainable_variables) if not unused(v))


def unused(variable):
    """The router's spread matters only to the loss of its load, and an unloaded expert gets no gradient."""
    return "spread" in variable.path


def test_all_layers_with_three_doors_are_among_the_cases():
    import inspect
    from pathlib import Path

    import t2t_mm.layers
    doors = ("call", "initial_state", "step")
    found = set()
    for path in Path(t2t_mm.layers.__file__).parent.glob("*.py"):
        module = __import__(f"t2t_mm.layers.{path.stem}", fromlist=["x"])
        found |= {kind for _, kind in inspect.getmembers(module, inspect.isclass)
                  if kind.__module__ == module.__name__ and all(hasattr(kind, door) for door in doors)}
    covered = {type(getattr(case.make(), "inner", case.make())) for case in CAUSAL} | {
        type(case.make()) for case in CAUSAL}
    assert found - covered == set()
