"""One process of benchmarks/workers.py: builds a model, then does what each line of its standard input says.

`python -m benchmarks.worker_process CASE STRATEGY CORES EXAMPLES`; the lines are "step" (one training step), "sum N"
(an all-reduce of N floats) or "matmul" (numpy's product of two matrices), and each is answered by a line when its
result is there. The first line of all says how many parameters the model has.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Callable
from functools import cache, partial

CASES = {"multimodel_tiny": "multimodel", "transformer_small": "transformer"}  # hparams set → model


def main(case: str, kind: str, cores: str, examples: str) -> None:
    os.sched_setaffinity(0, [int(core) for core in cores.split(",")])  # TensorFlow counts its threads by it
    from t2t_mm.cli.tensorflow_start import start_tensorflow

    tf = start_tensorflow()
    if kind == "mirrored":
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                                   [tf.config.LogicalDeviceConfiguration()] * len(cores.split(",")))
    from t2t_mm.training.distribution import make_strategy

    strategy = make_strategy(kind)  # before the first tensor
    step, parameters = _training_step(case, strategy, int(examples))
    step()
    step()
    print(parameters, flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        {"step": step, "sum": partial(_all_reduce, strategy), "matmul": _product}[command](*map(int, arguments))
        print("done", flush=True)


def _training_step(case: str, strategy, examples: int) -> tuple[Callable[[], float], int]:
    """Does a step on a batch of so many examples; and the number of parameters, each of which has a gradient."""
    from benchmarks import synthetic
    from t2t_mm.training.optimizers import make_optimizer
    from t2t_mm.training.train_step import TrainStep

    problem = synthetic.SyntheticText()
    experiment = synthetic.experiment([problem], CASES[case], case)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = experiment.build_model()
        optimizer = make_optimizer(experiment.hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, experiment.hparams, strategy=strategy, train_steps=1000)
    batch = synthetic.batch(problem, examples)
    parameters = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    return lambda: float(train_step.step(problem.name, batch, 1)["loss"]), parameters


def _all_reduce(strategy, size: int) -> None:
    """The sum over all replicas of one tensor of `size` floats, like the step's of all gradients in one piece."""
    float(_sum(strategy, size)())


@cache
def _sum(strategy, size: int) -> Callable:
    import tensorflow as tf

    def add():
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.zeros([size]))

    return tf.function(lambda: strategy.experimental_local_results(strategy.run(add))[0][0], autograph=False)


@cache
def _matrix():
    import numpy as np

    return np.random.default_rng(0).standard_normal((2048, 2048), np.float32)


def _product() -> None:
    _matrix() @ _matrix()


if __name__ == "__main__":
    main(*sys.argv[1:])
