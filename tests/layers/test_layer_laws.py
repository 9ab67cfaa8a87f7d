"""Laws of all layers: none sees the future or padding, a step equals a call, graphs equal eager."""

import importlib
import inspect
from pathlib import Path

import layer_cases
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import CAUSAL, TWO_SIDED, WIDTH

import t2t_mm.layers
from t2t_mm.layers.compiling import compiling
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
@pytest.mark.parametrize("each", [1, 2])
def test_stepping_equals_calling_also_after_rows_of_a_source_were_gathered(case, each):
    layer, source = case.built(), layer_cases.source(3, 4, 2)
    x = layer_cases.sequence(3 * each, case.length, 1)
    y = layer(x, source=Stream(*(tf.repeat(part, each, axis=0) for part in source[:2])), presence=tf.ones(x.shape[:2]))
    memory, state = layer.memory(source), layer.initial_state(source, case.length)
    assert all(leaf.shape[0] == 3 for leaf in tf.nest.flatten((memory, state)))
    state = tf.nest.map_structure(lambda leaf: tf.repeat(leaf, each, axis=0), state)
    half = case.length // 2
    step = tf.function(layer.step) if case.length > 20 else layer.step
    for position in range(case.length):
        if position == half and each == 2:  # two beams: one of a sentence goes on as both, two change places
            gathered = [1, 1, 3, 2, 4, 4]
            x, y = tf.gather(x, gathered), tf.gather(y, gathered)
            state = tf.nest.map_structure(lambda leaf: tf.gather(leaf, gathered), state)
        before = [(leaf.shape, leaf.dtype) for leaf in tf.nest.flatten(state)]
        now, state = step(x[:, position], state, tf.constant(position), memory)
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


@any_layer
def test_padding_and_more_rows_change_no_real_position(case):
    layer, extra = case.built(), 5
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


def gradients_of(layer):
    """A function of (x, source): the outputs, the gradient of x and those of all variables, while training."""
    def run(x, source_x, source_presence):
        with tf.GradientTape() as tape, seeded([3, 4]):
            tape.watch(x)
            source = Stream(source_x, source_presence)
            y = layer(x, source=source, presence=tf.ones(tf.shape(x)[:2]), training=True)
            loss = tf.reduce_sum(tf.sin(y))
        gradients = tape.gradient(loss, [x, *layer.trainable_variables], unconnected_gradients="zero")
        return y, [tf.convert_to_tensor(g) for g in gradients]
    return run


def assert_same(ours, theirs, layer):
    (y, gradients), (y_traced, gradients_traced) = ours, theirs
    np.testing.assert_allclose(y_traced, y, rtol=1e-3, atol=1e-4)
    for name, one, other in zip(["x", *(v.path for v in layer.trainable_variables)], gradients, gradients_traced):
        assert np.isfinite(one).all() and np.abs(one).max() > 0, name
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3, err_msg=name)


def each_once(*slow):
    """The cases by name, those with a part of `slow` in their name only in slow runs."""
    return pytest.mark.parametrize("case", [
        pytest.param(case, id=name, marks=[pytest.mark.slow] if any(part in name for part in slow) else [])
        for name, case in {str(case): case for case in (*CAUSAL, *TWO_SIDED)}.items()])


@each_once("chain", "attention_block", "centred")
def test_graphs_of_unknown_shape_give_the_eager_numbers_and_finite_gradients(case):
    layer = case.built()
    run = gradients_of(layer)
    specs = [tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None])]
    x, source = inputs_of(case)
    arguments = (x[:, :12], *source[:2])
    assert_same(run(*arguments), tf.function(run, autograph=False, input_signature=specs)(*arguments), layer)


@each_once("chain", "block", "depthwise_1", "depthwise_2", "residual", "feed", "all", "source", "timing", "step")
def test_xla_gives_the_eager_numbers(case):
    layer = case.built()
    run = gradients_of(layer)
    x, source = inputs_of(case)
    arguments = (x[:, :12], *source[:2])
    wanted = run(*arguments)
    with compiling():
        assert_same(wanted, tf.function(run, autograph=False, jit_compile=True)(*arguments), layer)


def test_all_layers_with_a_step_are_among_the_cases():
    found = set()
    for path in Path(t2t_mm.layers.__file__).parent.glob("*.py"):
        module = importlib.import_module(f"t2t_mm.layers.{path.stem}")
        found |= {kind for _, kind in inspect.getmembers(module, inspect.isclass)
                  if kind.__module__ == module.__name__ and hasattr(kind, "step")}
    made = [case.make() for case in CAUSAL]
    assert found - {type(layer) for layer in made} - {type(getattr(layer, "inner", None)) for layer in made} == set()
