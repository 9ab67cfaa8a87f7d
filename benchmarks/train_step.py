"""Training steps, whole: forward, backward, clipping, Adam. `python -m benchmarks.train_step [--cases ...]`."""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks import synthetic
from benchmarks.flops import training_flops
from benchmarks.measure import Work, chosen, measure
from t2t_mm.cli.tensorflow_start import start_tensorflow
from t2t_mm.hparams.hparams import PRECISIONS
from t2t_mm.training.choices import XLA
from t2t_mm.training.distribution import parts, use_xla
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep

TEXT, IMAGE, AUDIO = synthetic.SyntheticText(), synthetic.SyntheticImage(32), synthetic.SyntheticAudio()
T2T_TINY = dict(  # as tensor2tensor's multimodel_tiny: width 128, two layers, experts of 2,048 units with k = 2; 28 M
    hidden_size=128, num_heads=8, encoder_blocks=2, mixer_blocks=1, decoder_blocks=2, num_experts=24,
    experts_per_token=2, expert_size=2048)

# case: (problem, examples, model, hparams set, changes)
CASES = {
    "transformer_base": (TEXT, 32, "transformer", "transformer_base", {}),
    "transformer_small": (TEXT, 32, "transformer", "transformer_small", {}),
    "multimodel_small": (TEXT, 32, "multimodel", "multimodel_small", {}),
    "multimodel_t2t_tiny": (TEXT, 32, "multimodel", "multimodel_base", T2T_TINY),
    "multimodel_t2t_tiny_image": (IMAGE, 8, "multimodel", "multimodel_base", T2T_TINY),
    "multimodel_tiny_text": (TEXT, 32, "multimodel", "multimodel_tiny", {}),
    "multimodel_tiny_image": (IMAGE, 32, "multimodel", "multimodel_tiny", {}),
    "multimodel_tiny_audio": (AUDIO, 8, "multimodel", "multimodel_tiny", {}),
}

QUICK = ("transformer_small", "multimodel_small", "multimodel_tiny_audio")


def run(case: str, xla: str, repeats: int, strategy: str, precision: str) -> None:
    """Builds the model of a case and times its training step."""
    problem, examples, model_name, hparams_set, changes = CASES[case]
    experiment = synthetic.experiment([problem], model_name, hparams_set, mixed_precision=precision, **changes)
    model, batch = experiment.build_model(), synthetic.batch(problem, examples)
    optimizer = make_optimizer(experiment.hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, experiment.hparams, xla=use_xla(xla), train_steps=1000,
                           parts=parts(strategy))

    def forward(batch):
        return model.call(batch, problem.name, training=True, seed=[0, 0]).logits

    tokens = examples * (32 if problem.targets.is_text else 1)
    work = Work(examples, tokens, training_flops(forward, batch))
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    measure(case, lambda: float(train_step.step(problem.name, batch, 1)["loss"]), work, repeats,
            parameters=parameters, xla=xla, parts=parts(strategy), mixed_precision=precision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--xla", choices=XLA, default="auto")
    parser.add_argument("--strategy", choices=("none", "cores"), default="none", help="as that of t2t-trainer")
    parser.add_argument("--mixed_precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help=f"five repeats of {', '.join(QUICK)}")
    arguments = parser.parse_args()
    start_tensorflow(batches_at_once=arguments.strategy == "cores")
    for case in chosen(QUICK if arguments.quick else CASES, arguments.cases):
        run(case, arguments.xla, 5 if arguments.quick else arguments.repeats, arguments.strategy,
            arguments.mixed_precision)


if __name__ == "__main__":
    main()
