"""Two logical CPU devices against one, in a process of its own: devices are set before TensorFlow starts."""

import numpy as np
import tensorflow as tf
from fake_model import FakeHparams, FakeModel, label_batch, text_batch, weights

from t2t_mm.cli.tensorflow_start import REWRITING
from t2t_mm.training.distribution import make_strategy
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep

PROBLEMS = ("text_a", "label", "text_b", "label")


def make_batches():
    return [text_batch(3, 5), label_batch(1), text_batch(5, 4), label_batch(4)]


def train(strategy, dropout=False, xla=False, batches=4, **hparams):
    hparams = FakeHparams(clip_norm=0.5, weight_decay=0.1, **hparams)
    with strategy.scope() if strategy else tf.device("CPU:0"):
        model = FakeModel(dropout)
        optimizer = make_optimizer(hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, hparams, strategy=strategy, xla=xla)
    if hparams.problems_per_step == 1:
        pairs = list(zip(PROBLEMS, make_batches()))[:batches]
        scalars = [train_step.step(problem, batch, step) for step, (problem, batch) in enumerate(pairs)]
    else:
        pair = PROBLEMS[:2], make_batches()[:2]
        scalars = [s for step in range(2) for s in train_step.step_many(*pair, step)]
    return model, scalars


def check_equal(xla=False, **hparams):
    strategy = make_strategy("mirrored")
    assert strategy.num_replicas_in_sync == 2
    (one, by_one), (two, by_two) = train(None, **hparams), train(strategy, xla=xla, **hparams)
    for a, b in zip(weights(one), weights(two)):
        np.testing.assert_allclose(a, b, atol=2e-5)
    for variable in two.trainable_variables:
        copies = [copy.numpy() for copy in strategy.experimental_local_results(variable.value)]
        assert len(copies) == 2
        np.testing.assert_array_equal(*copies)
    for a, b in zip(by_one, by_two):
        for name in ("loss", "activity", "objective", "grad_norm", "finite", "learning_rate"):
            np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-6, err_msg=name)


if __name__ == "__main__":
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                               [tf.config.LogicalDeviceConfiguration()] * 2)
    tf.config.optimizer.set_experimental_options(REWRITING)
    check_equal()
    check_equal(problems_per_step=2, optimizer="sgd")
    check_equal(xla=True, batches=1)
    train(make_strategy("mirrored"), dropout=True, batches=1)
    assert make_strategy("auto") is None
    print("equal")
