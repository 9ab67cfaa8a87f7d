"""Training steps with XLA and without, in turn: `python -m benchmarks.xla [--cases ...] [--quick]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from benchmarks import synthetic
from benchmarks.flops import training_flops
from benchmarks.measure import Work, chosen, measure_in_turn
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep

TEXT, LENGTH = synthetic.SyntheticText(), 32

# case: (examples, model, hparams set)
CASES = {
    "transformer_tiny": (32, "transformer", "transformer_tiny"),
    "transformer_small": (32, "transformer", "transformer_small"),
    "transformer_base": (32, "transformer", "transformer_base"),
    "multimodel_tiny": (8, "multimodel", "multimodel_tiny"),
}
QUICK = ("transformer_tiny",)


def run(case: str, repeats: int) -> None:
    """Two models of a case, one of them compiled, and a line for each; the first call traces and compiles."""
    examples, model_name, hparams_set = CASES[case]
    experiment = synthetic.experiment([TEXT], model_name, hparams_set)
    batch = synthetic.batch(TEXT, examples, LENGTH)
    functions, works, extras = {}, {}, {}
    for xla in (False, True):
        name = f"{case}_{'xla' if xla else 'plain'}"
        functions[name], flops = _step(experiment, batch, xla)
        works[name] = Work(examples, examples * LENGTH, flops)
        start = time.perf_counter()
        functions[name]()
        extras[name] = {"first_call_s": round(time.perf_counter() - start, 1)}
    measure_in_turn(functions, works, repeats, warm_up=1, extras=extras)


def _step(experiment, batch, xla: bool) -> tuple[Callable[[], float], int]:
    """A function that trains one step, and its FLOPs."""
    model = experiment.build_model()
    optimizer = make_optimizer(experiment.hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, experiment.hparams, xla=xla, train_steps=1000)
    flops = training_flops(lambda batch: model.call(batch, TEXT.name, training=True, seed=[0, 0]).logits, batch)
    return lambda: float(train_step.step(TEXT.name, batch, 1)["loss"]), flops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    arguments = parser.parse_args()
    for case in QUICK if arguments.quick else chosen(CASES, arguments.cases):
        run(case, arguments.repeats)


if __name__ == "__main__":
    main()
