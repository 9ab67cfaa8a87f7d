"""bfloat16 and float16: every model learns in them, decodes what it learned, and the loss scale of float16 reacts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import MODELS, batch_of, make_model

from t2t_mm.decoding.beam_search import beam_search
from t2t_mm.decoding.greedy import greedy
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep

TEXT = "toy_text_to_text"


@pytest.fixture
def narrow():
    """A function that makes a model of one problem in a narrow type, and its training step."""
    before = keras.config.dtype_policy()

    def make(name, problem, dtype):
        keras.config.set_dtype_policy(f"mixed_{dtype}")
        model = make_model(name, [problem], hidden_size=32)
        hparams = model.hparams.replace(
            mixed_precision=dtype, learning_rate=0.01, learning_rate_schedule="constant", warmup_steps=0)
        optimizer = make_optimizer(hparams, model.trainable_variables)
        return model, optimizer, TrainStep(model, optimizer, hparams, train_steps=100)

    yield make
    keras.config.set_dtype_policy(before)


def learn(train_step, problem, batch, steps):
    return [{key: float(value) for key, value in train_step.step(problem, batch, 0).items()} for _ in range(steps)]


def decoded(model, problem, batch, beams):
    """The ids that the model writes by itself, [N, T]."""
    rows, length = batch["targets"].shape
    source = model.encode(batch, problem)
    memory, state = model.memory(source, problem), model.initial_state(source, length)

    @tf.function(autograph=False)
    def search():
        def step(ids, state):
            return model.step(ids, state, problem, memory)
        return (beam_search(step, state, rows, length, beams, n_best=1) if beams > 1 else
                greedy(step, state, rows, length)).ids[:, 0]

    return search().numpy()


@pytest.mark.parametrize("name, dtype", [
    pytest.param(name, dtype, marks=[] if (name, dtype) == (MODELS[-1], "float16") else [pytest.mark.slow])
    for name in MODELS for dtype in ("bfloat16", "float16")])
def test_a_batch_is_learned_by_heart_and_decoded_as_it_was(name, dtype, narrow):
    model, optimizer, train_step = narrow(name, TEXT, dtype)
    batch = batch_of(TEXT, rows=4, length=6)
    taken = learn(train_step, TEXT, batch, 60)
    assert all(scalars["finite"] == 1 for scalars in taken) and taken[-1]["loss"] < 0.2 * taken[0]["loss"]
    assert {variable.dtype for variable in model.variables} == {"float32"} and model.compute_dtype == dtype
    assert (optimizer.loss_scale is not None) == (dtype == "float16")
    for beams in (1, 2):
        assert (decoded(model, TEXT, batch, beams) == batch["targets"].numpy()).mean() > 0.9


@pytest.mark.parametrize("name, problem", [
    pytest.param(name, problem, marks=[] if name == MODELS[-1] and problem == "toy_text_to_label"
                 else [pytest.mark.slow])
    for name in MODELS for problem in ("toy_text_to_label", "toy_image_to_label", "toy_audio_to_text")])
def test_the_loss_scale_falls_until_gradients_fit_in_float16_and_training_goes_on(name, problem, narrow):
    model, optimizer, train_step = narrow(name, problem, "float16")
    batch, scale = batch_of(problem, rows=4), optimizer.loss_scale.scale
    scale.assign(2.0**30)
    before = [variable.numpy() for variable in model.trainable_variables]
    first, = learn(train_step, problem, batch, 1)
    assert first["finite"] == 1 and not np.isfinite(first["grad_norm"]) and float(scale) == 2.0**29
    for variable, was in zip(model.trainable_variables, before):
        np.testing.assert_array_equal(variable, was)
    taken = learn(train_step, problem, batch, 60)
    assert 1 < float(scale) < 2.0**29 and np.isfinite(taken[-1]["grad_norm"])
    assert taken[-1]["loss"] < 0.5 * taken[0]["loss"]
