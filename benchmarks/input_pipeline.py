"""The input pipeline alone beside the training step it feeds. `python -m benchmarks.input_pipeline [--cases ...]`.

Both are timed in turn; the last line of a case is their ratio in examples a second. Shards are generated in a temporary
folder by the code of t2t-datagen.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Iterator

import tensorflow as tf

from benchmarks import synthetic
from benchmarks.measure import Work, chosen, emit, measure_in_turn, note
from benchmarks.synthetic_samples import Captions, Pairs, Pictures, Sounds, Trees
from t2t_mm import datagen
from t2t_mm.data.pipeline import train_batches
from t2t_mm.data.vocabulary_building import load_encoders
from t2t_mm.experiment import Experiment
from t2t_mm.training.choices import XLA
from t2t_mm.training.distribution import use_xla
from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep

# case: (problem, model, hparams set, examples the pipeline gives in one timed call: ten times the three batches that it
# may have ready after a training step, or more)
CASES = {
    "text_transformer_small": (Pairs(), "transformer", "transformer_small", 4000),
    "text": (Pairs(), "multimodel", "multimodel_tiny", 4000),
    "text_to_tree": (Trees(), "multimodel", "multimodel_tiny", 4000),
    "image_png_32_to_class": (Pictures(32, 5000, "png"), "multimodel", "multimodel_tiny", 4000),
    "image_jpeg_64_to_class": (Pictures(64, 3000), "multimodel", "multimodel_tiny", 4000),
    "image_jpeg_224_to_class": (Pictures(224, 600), "multimodel", "multimodel_tiny", 2000),
    "image_jpeg_128_to_text": (Captions(), "multimodel", "multimodel_tiny", 1600),
    "audio_to_text": (Sounds(), "multimodel", "multimodel_tiny", 1600),
}
QUICK = ("text", "image_jpeg_224_to_class", "audio_to_text")


def run(case: str, folder: str, repeats: int, xla: str, step: bool, quick: bool) -> None:
    """Generates the shards of a case and times its pipeline, and the training step in turn with it."""
    problem, model_name, hparams_set, examples = CASES[case]
    examples = examples // 4 if quick else examples
    datagen.generate([problem], folder, folder, vocabulary_size=synthetic.VOCABULARY, say=lambda message: None)
    experiment = dataclasses.replace(synthetic.experiment([problem], model_name, hparams_set),
                                     encoders=load_encoders(problem, folder))
    batches = iter(train_batches(problem, folder, experiment.encoders, experiment.buckets(problem), seed=1))
    functions, works = {f"{case}_pipeline": lambda: take(batches, examples)}, {f"{case}_pipeline": Work(examples)}
    if step:
        batch = largest_of(batches, 50)
        size = len(batch["targets"])
        functions[f"{case}_step"], works[f"{case}_step"] = training_step(experiment, batch, xla), Work(size)
    lines = measure_in_turn(functions, works, repeats)
    if step:
        rates = [line["examples_per_s"] for line in lines.values()]
        emit({"case": f"{case}_ratio", "pipeline_to_step": round(rates[0] / rates[1], 1)})


def take(batches: Iterator[dict[str, tf.Tensor]], examples: int) -> None:
    """Takes batches until they hold so many examples."""
    while examples > 0:
        examples -= len(next(batches)["targets"])


def largest_of(batches: Iterator[dict[str, tf.Tensor]], number: int) -> dict[str, tf.Tensor]:
    """Of the next batches the one with the most examples: the one whose step trains the most a second."""
    return max((next(batches) for _ in range(number)), key=lambda batch: len(batch["targets"]))


def training_step(experiment: Experiment, batch: dict[str, tf.Tensor], xla: str) -> Callable[[], float]:
    """A function that updates a new model with the batch."""
    model = experiment.build_model()
    optimizer = make_optimizer(experiment.hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, experiment.hparams, xla=use_xla(xla), train_steps=1000)
    name = experiment.problems[0].name
    return lambda: float(train_step.step(name, batch, 1)["loss"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--xla", choices=XLA, default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-step", action="store_true", help="the pipeline alone")
    parser.add_argument("--quick", action="store_true", help="a few cases and examples, the pipeline alone")
    arguments = parser.parse_args()
    for case in chosen(QUICK if arguments.quick else CASES, arguments.cases):
        note(f"{case} ...")
        with tempfile.TemporaryDirectory() as folder:
            step = not (arguments.no_step or arguments.quick)
            run(case, folder, arguments.repeats, arguments.xla, step, arguments.quick)


if __name__ == "__main__":
    main()
