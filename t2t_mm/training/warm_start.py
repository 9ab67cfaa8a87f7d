"""Warm start: a run that begins with the weights of another one, as far as both have the same parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.training import run_folder


def check(experiment: Experiment) -> None:
    """UserError if the run that an experiment starts from is none, or of another model, width or vocabulary."""
    source = experiment.warm_start
    fields = run_folder.read(source)
    if not run_folder.has_checkpoint(source):
        raise UserError(f"--warm_start_from={source}: this run has no checkpoint yet. Go on training it first.")
    if fields["model"] != experiment.model_name:
        raise UserError(f"--warm_start_from={source}: this run is of the model {fields['model']}, not of "
                        f"{experiment.model_name}, and their parts have nothing in common.")
    width, here = fields["hparams"].get("hidden_size"), experiment.hparams.hidden_size
    if width != here:
        raise UserError(f"--warm_start_from={source}: this run has hidden_size={width}, here it is {here}, and nothing "
                        f"would fit. Use --hparams=hidden_size={width}.")
    for key, checksum in experiment.checksums.items():
        if fields["vocabularies"].get(key, checksum) != checksum:
            raise UserError(
                f"--warm_start_from={source}: the vocabulary {key!r} of this run is not that of {experiment.data_dir}, "
                "so what it learned of its ids would be of other words. Generate the data with the run's: copy "
                f"{Path(source, 'vocabularies')} into an empty --data_dir before t2t-datagen; or give the problem's "
                "texts a vocabulary of another name.")


def load(model: Any, experiment: Experiment, report: Callable[[str], None]) -> None:
    """Gives a model that was just made the weights of the run that its experiment starts from, and says which.

    A variable is taken over if it has the same place in the same part (a door, encoder, decoder) and the same shape.
    Commands go by their names, and classes only to a problem that has the same. All else starts anew.
    """
    from t2t_mm.training.checkpoints import load_weights

    before = Experiment.load(experiment.warm_start, usr_dir=experiment.usr_dir)
    other = before.build_model()
    step, which = load_weights(other, experiment.warm_start)
    changed = _other_classes(other, before, experiment)
    learned = {place: variable for place, variable in _places(other) if place.part not in changed}
    taken, anew = Counter(), Counter()
    for place, variable in _places(model):
        fits = place in learned and learned[place].shape == variable.shape
        (taken if fits else anew)[place.part] += int(np.prod(variable.shape))
        if fits:
            variable.assign(np.array(learned[place]))
    known = model.take_commands(other)
    report(f"Warm start from {experiment.warm_start}, its {which} weights (step {step:,}): {sum(taken.values()):,} of "
           f"{sum((taken + anew).values()):,} parameters.")
    new = [f"{part} ({count:,} parameters)" for part, count in anew.items()]
    new += [f"the command {command}" for command in dict.fromkeys(problem.command for problem in experiment.problems)
            if command not in known]
    if new:
        report(f"Starting anew: {', '.join(new)}.")


class _Place(NamedTuple):
    """Where a variable is: its part, its path there, and which of those with this path."""

    part: str
    path: str
    number: int


def _places(model: Any) -> Iterator[tuple[_Place, Any]]:
    """The variables of a model's parts."""
    from t2t_mm.training.checkpoints import variable_name

    for part, layer in model.parts().items():
        seen: Counter[str] = Counter()
        for variable in layer.weights:
            path = variable_name(variable)
            yield _Place(part, path, seen[path]), variable
            seen[path] += 1


def _other_classes(model: Any, before: Experiment, now: Experiment) -> set[str]:
    """The doors of a run through which other classes pass now."""
    features = {(problem.name, name): feature for problem in now.problems for name, feature in problem.features.items()}
    return {model.doors.name_of(problem.name, name) for problem in before.problems
            for name, feature in problem.features.items()
            if hasattr(feature, "size") and features.get((problem.name, name), feature) != feature}
