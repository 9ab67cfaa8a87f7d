"""XLA gives what TensorFlow gives without it, for every model and every kind of problem, and the same noise."""

import numpy as np
import pytest
import tensorflow as tf
import toy_problems
from model_cases import ALL_TOYS, MODELS, batch_of, make_model

from t2t_mm.layers.compiling import compiling
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep


def toys(*quick):
    """Every model with every toy problem; the others than `quick` are slow: XLA takes seconds for each."""
    return pytest.mark.parametrize("name, problem", [
        pytest.param(name, problem, marks=[] if (name, problem) == quick else [pytest.mark.slow])
        for name in MODELS for problem in ALL_TOYS])


def one_problem(name, problem):
    """A model of the problem with noise of every kind: dropout, and the routers' where it has experts."""
    return make_model(name, [problem], dropout=0.3, capacity_factor=0.8)


@toys(MODELS[-1], "toy_text_to_text")
def test_evaluation_compiles_for_each_shape_and_agrees(name, problem):
    model = one_problem(name, problem)

    @tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
    def compiled(batch):
        with compiling():
            return model.call(batch, problem).logits

    for shape in ({}, {"rows": 2, "length": 5, "frames": 9}):
        batch = batch_of(problem, **shape)
        np.testing.assert_allclose(compiled(batch), model.call(batch, problem).logits, rtol=1e-3, atol=1e-4)


@toys()
def test_training_steps_agree_noise_and_all(name, problem):
    batch, results = batch_of(problem), []
    for xla in (False, True):
        model = one_problem(name, problem)
        hparams = model.hparams.replace(optimizer="sgd", learning_rate=0.1, learning_rate_schedule="constant")
        step = TrainStep(model, make_optimizer(hparams, model.trainable_variables), hparams, xla, train_steps=9)
        scalars = [step.step(problem, batch, number) for number in range(2)]
        results.append((scalars, [(variable.path, variable.numpy()) for variable in model.variables]))
    (plain, wanted), (compiled, weights) = results
    for one, other in zip(plain, compiled):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert float(other[key]) == pytest.approx(float(value), rel=2e-3, abs=1e-5), key
    for (path, value), (_, by_xla) in zip(wanted, weights, strict=True):
        np.testing.assert_allclose(by_xla, value, rtol=1e-3, atol=1e-4, err_msg=path)


def test_the_toys_are_of_every_kind():
    """Every kind of input with every kind of target that there is, and targets alone."""
    kinds = {(tuple(type(f).__name__ for f in toy_problems.toy(toy).inputs.values()),
              type(toy_problems.toy(toy).targets).__name__) for toy in ALL_TOYS}
    assert kinds >= {(("Text",), "Text"), (("Text",), "Label"), (("Image",), "Label"), (("Image",), "Text"),
                     (("Audio",), "Text"), ((), "Text")}
