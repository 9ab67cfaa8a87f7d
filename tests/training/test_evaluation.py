"""Laws of the evaluation: against a plain computation, blind to batching and padding, and traced once per graph."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from toy_problems import toy

from t2t_mm import registry
from t2t_mm.errors import UserError
from t2t_mm.training.evaluation import Evaluator

TEXT, LABEL = "toy_text_to_text", "toy_text_to_label"


@pytest.fixture(scope="module", autouse=True)
def warnings():
    """What TensorFlow has warned of."""
    heard, handler = [], logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logging.getLogger("tensorflow").addHandler(handler)
    yield heard
    logging.getLogger("tensorflow").removeHandler(handler)


@pytest.fixture(scope="module")
def model():
    hparams = registry.hparams("transformer_tiny").override(
        "hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8,"
        "label_smoothing=0.5")
    model = registry.model("transformer")([toy(TEXT), toy(LABEL)], {"bytes": 258}, hparams)
    model.build_variables()
    return model


def batch(problem, seed=0, examples=6, length=7):
    random = np.random.default_rng(seed)

    def text():
        lengths = random.integers(1, length + 1, examples)[:, None]
        ids = random.integers(2, 258, (examples, length))
        places = np.arange(length)[None]
        return tf.constant(np.where(places < lengths - 1, ids, np.where(places == lengths - 1, 1, 0)), tf.int32)

    inputs = text()
    return {"inputs": inputs,
            "targets": text() if problem == TEXT else tf.constant(random.integers(0, 2, examples), tf.int32)}


def rows(batch, start, stop, pad=0):
    return {name: tf.pad(tensor[start:stop], [[0, 0], [0, pad]]) if tensor.shape.rank == 2 else tensor[start:stop]
            for name, tensor in batch.items()}


def evaluate(model, problem, batches):
    return Evaluator(model).evaluate(problem, batches)


def test_agrees_with_a_plain_computation(model):
    whole = batch(TEXT)
    logits = model.call(whole, TEXT).logits.numpy().astype("float64")
    targets = whole["targets"].numpy()
    counted = targets > 0
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    nats = -np.take_along_axis(logs, targets[..., None], -1)[..., 0]
    right = logits.argmax(-1) == targets
    metrics = evaluate(model, toy(TEXT), [whole])
    assert metrics["log_perplexity"] == pytest.approx(nats[counted].mean(), rel=1e-4)
    assert metrics["token_accuracy"] == pytest.approx(right[counted].mean())
    assert metrics["sequence_accuracy"] == pytest.approx((right | ~counted).all(1).mean())
    assert metrics["tokens"] == counted.sum() and metrics["examples"] == 6


@pytest.mark.parametrize("problem", [TEXT, LABEL])
def test_batching_and_padding_change_nothing(model, problem):
    whole = batch(problem)
    parts = [rows(whole, 0, 1, pad=3), rows(whole, 1, 6)]
    assert evaluate(model, problem, parts) == pytest.approx(evaluate(model, problem, [whole]), rel=1e-4)


def test_classes_have_an_accuracy(model):
    whole = batch(LABEL)
    guesses = model.call(whole, LABEL).logits.numpy()[:, 0].argmax(-1)
    metrics = evaluate(model, LABEL, [whole])
    assert metrics["accuracy"] == pytest.approx(float(np.mean(guesses == whole["targets"].numpy())))
    assert sorted(metrics) == ["accuracy", "examples", "log_perplexity", "tokens"]  # two classes: no top five


def test_a_graph_is_traced_once_whatever_the_shapes(model, monkeypatch):
    traced = []
    plain = type(model).call
    monkeypatch.setattr(type(model), "call", lambda *args, **named: traced.append(1) or plain(*args, **named))
    evaluator = Evaluator(model)
    for seed in range(3):
        evaluator.evaluate(TEXT, [batch(TEXT, seed, examples=seed + 1, length=4 + seed)])
        evaluator.evaluate(LABEL, [batch(LABEL, seed, examples=seed + 1, length=4 + seed)])
    assert len(traced) == 2


def test_many_graphs_in_a_row_are_not_taken_for_retracing(model, warnings):
    """TensorFlow warns of it when many first calls are of the same code; twice in a process, so all tests are heard."""
    for _ in range(6):
        evaluate(model, LABEL, [batch(LABEL)])
    assert not [warning for warning in warnings if "retracing" in warning]


def test_nothing_to_evaluate_is_an_error(model):
    with pytest.raises(UserError, match="nothing to evaluate"):
        evaluate(model, TEXT, [])
