"""Laws of the dry run: sizes are those of the model, and memory follows the batch and what the graph keeps."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import datagen, registry
from t2t_mm.data.buckets import Buckets
from t2t_mm.experiment import create_experiment
from t2t_mm.training.dry_run import _kept, _largest, activation_bytes, describe

SMALL = ("hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8,max_length=20,"
         "max_examples=500")
PROBLEM = "algorithmic_reverse"


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dry_run")
    datagen.generate([registry.problem(PROBLEM)], str(folder / "data"), str(folder / "tmp"), processes=1)
    return lambda hparams: create_experiment([PROBLEM], "transformer", "transformer_tiny", f"{SMALL},{hparams}",
                                             str(folder / "data"))


def test_it_says_how_large_everything_is(make):
    experiment = make("batch_size=200")
    model = experiment.build_model()
    text = describe(experiment)
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert f"{parameters:,}" in text and f"{parameters * 16 / 2**20:,.1f} MiB" in text
    assert all(part in text for part in model.parameter_groups())
    assert "≤4: 50" in text and "≤20: 10" in text and "Lower" in text


def test_activations_grow_with_the_batch(make):
    small, large = make("batch_size=200"), make("batch_size=2000")
    model, problem = small.build_model(), small.problems[0]
    ratio = activation_bytes(large, model, problem) / activation_bytes(small, model, problem)
    assert 8 < ratio < 10.5  # ten times the examples; what does not depend on the batch is kept once


def test_what_is_kept_is_what_the_backward_pass_reads():
    weight = tf.Variable(tf.ones([4, 5]))

    @tf.function(autograph=False)
    def gradients(x):
        with tf.GradientTape() as tape:
            hidden = tf.tanh(tf.matmul(x, weight))  # [3, 5], kept for tanh
            loss = tf.reduce_sum(hidden * 2.0 + 1.0)  # needs nothing
        return tape.gradient(loss, weight)

    kept = _kept(gradients.get_concrete_function(tf.TensorSpec([3, 4])).graph)
    assert [tensor.shape.as_list() for tensor in kept if tensor.shape.rank == 2] == [[3, 5]]


def test_the_largest_bucket_has_most_tokens_and_of_equal_ones_the_longest():
    assert _largest(Buckets((4, 8, 16), (8, 4, 2), 16)) == (16, 2)
    assert _largest(Buckets((4, 8, 16), (8, 5, 2), 16)) == (8, 5)
