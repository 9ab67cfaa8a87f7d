"""Memory of training, measured beside the estimate of the dry run. `python -m benchmarks.memory [--cases ...]`.

Each case runs in a process of its own: build the model, train a few steps of one shape, look at the resident memory.
All figures are MiB beside what the process had before it made the first variable (`program`: Python and TensorFlow).
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.measure import chosen, emit
from t2t_mm.training.choices import XLA


STEPS = 4
QUICK = "transformer_small"


def cases() -> dict[str, tuple]:
    """Those of benchmarks/train_step.py, and one model with 8 and with 64 experts: (problem, examples, ...)."""
    from benchmarks.train_step import CASES
    problem, examples, model, hparams_set, changes = CASES["multimodel_small"]
    of_experts = {f"multimodel_small_{n}_experts": (problem, examples, model, hparams_set, changes | {"num_experts": n})
                  for n in (8, 64)}
    return CASES | of_experts


def run(case: str, xla: str, steps: int, strategy: str) -> None:
    """Measures one case in this process, which must be a fresh one, and prints its line."""
    from t2t_mm.cli.tensorflow_start import start_tensorflow
    tf = start_tensorflow(batches_at_once=strategy == "cores")

    from benchmarks import synthetic
    from t2t_mm.training.distribution import parts, use_xla
    from t2t_mm.training.dry_run import training_memory
    from t2t_mm.training.optimizers import make_optimizer
    from t2t_mm.training.train_step import TrainStep

    problem, examples, model_name, hparams_set, changes = cases()[case]
    experiment = synthetic.experiment([problem], model_name, hparams_set, **changes)
    tf.matmul(tf.ones([64, 64]), tf.ones([64, 64]))  # TensorFlow starts its threads
    program = resident("VmRSS")
    forget_peak()
    model, batch = experiment.build_model(), synthetic.batch(problem, examples)
    optimizer = make_optimizer(experiment.hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, experiment.hparams, xla=use_xla(xla), train_steps=1000,
                           parts=parts(strategy))
    for step in range(steps):
        float(train_step.step(problem.name, batch, step)["loss"])
    peak = resident("VmHWM") - program
    estimate = training_memory(model, experiment.hparams, problem.name, batch, parts(strategy))
    parameters = sum(model.parameter_groups().values())
    by_bar = (16 * parameters + estimate.activations) / 2**20
    emit({"case": case, "xla": xla, "parts": parts(strategy), "program_mib": round(program), "peak_mib": round(peak),
          "estimate_mib": _mib(estimate.total), "peak_by_estimate": round(peak * 2**20 / estimate.total, 3),
          "parameters": parameters, "bytes_16_a_parameter_mib": _mib(16 * parameters),
          "activations_mib": _mib(estimate.activations), "graph_mib": _mib(estimate.graph),
          "peak_by_parameters_and_activations": round(peak / by_bar, 3)})


def resident(key: str) -> float:
    """MiB of this process: VmRSS is what is resident now, VmHWM the most since `forget_peak`."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def forget_peak() -> None:
    """Lets VmHWM start again from what is resident now."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def _mib(count: int) -> int:
    return round(count / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--xla", choices=XLA, default="off")
    parser.add_argument("--strategy", choices=("none", "cores"), default="none", help="as that of t2t-trainer")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--quick", action="store_true", help=f"only {QUICK}")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the process of one case
    arguments = parser.parse_args()
    if arguments.one:
        return run(arguments.one, arguments.xla, arguments.steps, arguments.strategy)
    for case in [QUICK] if arguments.quick else chosen(cases(), arguments.cases):
        subprocess.run([sys.executable, "-m", "benchmarks.memory", "--one", case, "--xla", arguments.xla,
                        "--steps", str(arguments.steps), "--strategy", arguments.strategy], check=True)


if __name__ == "__main__":
    main()
