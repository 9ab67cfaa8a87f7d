"""From the names that flags give to problems, hparams and modalities: all that neither data nor TensorFlow is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2t_mm import registry
from t2t_mm.errors import UserError, did_you_mean
from t2t_mm.hparams.hparams import Hparams


def resolve(problems: Sequence[str], model: str, hparams_set: str, hparams: str = "",
            modality: str = "") -> tuple[tuple[Any, ...], Hparams, dict[str, str]]:
    """(problems, hparams, modalities) of their names, after every check that needs neither data nor TensorFlow."""
    problems = registry.expand(problems)
    _check_names(problems, model, hparams_set)
    _check_fits(model, hparams_set)
    resolved = registry.hparams(hparams_set).override(hparams)
    objects = tuple(registry.problem(name) for name in problems)
    _check_distinct(objects)
    modalities = parse_modalities(modality, objects)
    _check_mixing(objects, resolved)
    return objects, resolved, modalities


def trial(hparams_set: str, ranged: str, number: int, changes: str = "") -> str:
    """Changes to the hparams set: draw `number` of a ranged set, but for the keys of `changes`, and `changes`."""
    ranges, hparams = registry.ranged_hparams(ranged), registry.hparams(hparams_set)
    if not isinstance(hparams, type(ranges.base)):
        raise UserError(f"The ranged hparams set {ranged} is for {type(ranges.base).__name__}, but {hparams_set} is "
                        f"{type(hparams).__name__}. --registry_help=ranged_hparams lists the others.")
    hparams.override(changes)
    own = {item.partition("=")[0].strip() for item in changes.split(",")}
    drawn = [item for item in ranges.trial(number).split(",") if item.partition("=")[0] not in own]
    return ",".join([*drawn, *filter(None, [changes])])


def parse_modalities(text: str, problems: Sequence[Any]) -> dict[str, str]:
    """`"inputs:image_small,p.inputs:image"` → {"inputs": "image_small", "p.inputs": "image"}, all of them checked."""
    known = [name for problem in problems for name in problem.features]
    known += [f"{problem.name}.{name}" for problem in problems for name in problem.features]
    overrides: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in (text or "").split(","))):
        feature, colon, name = (part.strip() for part in item.partition(":"))
        if not (feature and colon and name):
            raise UserError(f"--modality: {item!r} is not feature:modality. Write it like inputs:image_small or "
                            "problem_name.inputs:image_small.")
        if feature not in known:
            raise UserError(f"--modality: no problem of this experiment has a feature {feature!r}."
                            f"{did_you_mean(feature, known)} There are: {', '.join(dict.fromkeys(known))}.")
        if feature in overrides:
            raise UserError(f"--modality: {feature!r} is given twice. Keep one of them.")
        registry.check_name("modality", name)
        overrides[feature] = name
    return overrides


# Checks.

def _check_names(problems: Sequence[str], model: str, hparams_set: str) -> None:
    if not problems:
        raise UserError("No problem is named. Name at least one with --problem; --registry_help=problems lists all.")
    for name in problems:
        registry.check_name("problem", name)
    registry.check_name("model", model)
    registry.check_name("hparams", hparams_set)


def _check_distinct(problems: Sequence[Any]) -> None:
    names = [problem.name for problem in problems]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"The problem {twice[0]} is named twice. Name it once; to train on it more often, use "
                        "--hparams=mixing=weights,mixing_weights=2:1.")


def _check_mixing(problems: Sequence[Any], hparams: Hparams) -> None:
    """UserError for all that is wrong but for numbers of examples, which only the data tell."""
    from t2t_mm.training.mixing_hparams import loss_weights, make_mixing

    names = [problem.name for problem in problems]
    make_mixing(hparams, dict.fromkeys(names, 1))
    loss_weights(hparams, names)


def _is_one(hparams_set: str, needed: type) -> bool:
    """Whether a set is of a class; of one that is wrong itself nobody asked."""
    try:
        return isinstance(registry.hparams(hparams_set), needed)
    except UserError:
        return False


def _check_fits(model: str, hparams_set: str) -> None:
    """UserError if the model needs other hparams."""
    hparams, needed = registry.hparams(hparams_set), registry.hparams_class(model) or Hparams
    if not isinstance(hparams, needed):
        fitting = [name for name in registry.names("hparams") if _is_one(name, needed)]
        raise UserError(f"The hparams set {hparams_set} ({type(hparams).__name__}) does not fit the model {model}, "
                        f"which needs {needed.__name__}. Use --hparams_set with one of: "
                        f"{', '.join(fitting) or 'none yet'}.")
