"""Laws of the dry run: sizes are those of the model, and memory follows the batch and what the graph keeps."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import datagen, registry
from t2t_mm.data.buckets import Buckets
from t2t_mm.experiment import create_experiment
from t2t_mm.models.t2t_model import ModelOutput
from t2t_mm.training import dry_run
from t2t_mm.training.dry_run import Memory, _largest, describe, training_memory

SMALL = ("hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8,max_length=20,"
         "max_examples=500")
PROBLEM = "algorithmic_reverse"


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dry_run")
    problems = [registry.problem(name) for name in (PROBLEM, "algorithmic_identity")]
    datagen.generate(problems, str(folder / "data"), str(folder / "tmp"), processes=1)
    return lambda hparams, names=(PROBLEM,): create_experiment(
        list(names), "transformer", "transformer_tiny", f"{SMALL},{hparams}", str(folder / "data"))


def test_it_says_how_large_everything_is(make):
    experiment = make("batch_size=200")
    model = experiment.build_model()
    text = describe(experiment)
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert f"{parameters:,}" in text and f"{parameters * 16 / 2**20:,.1f} MiB" in text
    assert all(part in text for part in model.parameter_groups())
    assert "≤4: 50" in text and "≤20: 10" in text and "Lower" in text


def test_memory_is_that_of_parameters_and_of_what_a_step_keeps(make):
    experiment = make("batch_size=200")
    model, hparams = experiment.build_model(), experiment.hparams
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)

    def memory(examples, parts=1):
        batch = {name: tf.TensorSpec([examples, 20], tf.int32) for name in ("inputs", "targets")}
        return training_memory(model, hparams, PROBLEM, batch, parts)

    one, ten, halves = memory(10), memory(100), memory(20, parts=2)
    assert (halves.gradients, halves.lasting) == (3 * one.gradients, one.lasting)
    assert halves.step == 2 * one.step + one.gradients
    assert one.unknown == 0 and one.gradients == parameters * 4 and one.lasting == parameters * 12
    assert max(one.activations, one.gradients) <= one.step <= one.activations + one.gradients
    assert one.total == one.lasting + one.step + one.graph
    assert 8 < ten.activations / one.activations < 10.5  # what does not depend on the batch is there once
    assert (ten.lasting, ten.gradients) == (one.lasting, one.gradients)
    assert ten.graph == pytest.approx(one.graph, rel=0.1)  # its operations, not their sizes


def test_activations_are_at_least_what_the_backward_pass_reads():
    """Of a chain of products and tanh, the outputs of tanh are all there at the end of the forward pass."""
    size = 300 * 5 * 4
    assert 6 * size <= of_a_chain().activations <= 9 * size


def test_optimizers_differ_in_what_they_keep():
    parameters = 6 * 5 * 5
    assert of_a_chain().lasting == parameters * 12
    assert of_a_chain(optimizer="sgd").lasting == parameters * 8
    assert of_a_chain(problems_per_step=2).lasting == parameters * 16


def of_a_chain(**changes):
    hparams = registry.hparams("transformer_tiny").replace(**changes)
    model = Chain([tf.Variable(tf.ones([5, 5])) for _ in range(6)])
    return training_memory(model, hparams, "any", {"x": tf.TensorSpec([300, 5])})


class Chain:
    """As much of a T2TModel as a step needs: x · w, tanh, ..., summed."""

    def __init__(self, weights):
        self.trainable_variables = weights

    def call(self, batch, problem, training, seed, command):
        x = batch["x"]
        for weight in self.trainable_variables:
            x = tf.tanh(tf.matmul(x, weight))
        return ModelOutput(x, {}, {})

    def loss(self, batch, problem, output, training):
        return tf.reduce_sum(output.logits), tf.constant(1.0)


def test_problems_with_one_graph_and_equal_shapes_are_traced_once(make, monkeypatch):
    experiment, traced = make("batch_size=200", ["algorithmic_reverse", "algorithmic_identity"]), []
    monkeypatch.setattr(dry_run, "training_memory", lambda *given: traced.append(given[2]) or Memory(1, 1, 1, 1, 1, 0))
    text = describe(experiment)
    assert len(traced) == 1 and all(f"batch of {problem.name}:" in text for problem in experiment.problems)


def test_the_largest_bucket_has_most_tokens_and_of_equal_ones_the_longest():
    assert _largest(Buckets((4, 8, 16), (8, 4, 2), 16), only_text=True) == {(16, 2)}
    assert _largest(Buckets((4, 8, 16), (8, 5, 2), 16), only_text=True) == {(8, 5)}


def test_of_pictures_and_sounds_the_bucket_with_most_examples_may_be_the_largest():
    assert _largest(Buckets((4, 8, 16), (6, 6, 4), 16), only_text=False) == {(16, 4), (8, 6)}
    assert _largest(Buckets((16,), (4,), 16), only_text=False) == {(16, 4)}
