"""The experiment: problems, model, hparams and vocabularies; what trainer, evaluator and decoder share and save."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm import registry
from t2t_mm.errors import UserError, did_you_mean
from t2t_mm.experiment_names import resolve
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.training import run_folder


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything that decides what a training run computes, but for how long it runs and on which devices.

    Attributes:
        problems: Problem instances, in the order they were named.
        model_name, hparams_set: registered names.
        hparams: the resolved values.
        data_dir: where the generated data lie.
        modalities: overrides, "inputs" or "problem.inputs" → name of a modality.
        seed: of initial weights, order of data, mixing and dropout.
        encoders: vocabulary key → encoder, of every text feature.
        usr_dir: the user's folder or file that registers problems, models, ... of their own.
        unseen: problems that the model is asked for without having been trained on them (`asked_for`).
        trained_on: of a run that was loaded, problem → checksum of its training data.
        warm_start: the folder of the run whose weights this one begins with (training/warm_start.py).
    """

    problems: tuple[Any, ...]
    model_name: str
    hparams_set: str
    hparams: Hparams
    data_dir: str = ""
    modalities: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seed: int = 1
    encoders: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    usr_dir: str | None = None
    unseen: tuple[Any, ...] = ()
    trained_on: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warm_start: str | None = None

    @property
    def vocabulary_sizes(self) -> dict[str, int]:
        """Vocabulary key → number of ids."""
        return {key: encoder.size for key, encoder in self.encoders.items()}

    @property
    def checksums(self) -> dict[str, str]:
        """Vocabulary key → hex sha256."""
        return {key: encoder.checksum for key, encoder in self.encoders.items()}

    def problem(self, name: str) -> Any:
        """The problem called `name`; UserError if the model was neither made nor asked for it."""
        by_name = {problem.name: problem for problem in (*self.problems, *self.unseen)}
        if name not in by_name:
            raise UserError(f"This experiment has no problem {name!r}, only {', '.join(by_name)}."
                            f"{did_you_mean(name, by_name)}")
        return by_name[name]

    def asked_for(self, names: Sequence[str]) -> Experiment:
        """This experiment, asked for the problems called `names` too: those it was not trained on become `unseen`.

        The model answers them with what it learned for others ("zero-shot"), so it must have their commands and
        vocabularies. Raises UserError where it has not.
        """
        trained = {problem.name for problem in self.problems}
        return dataclasses.replace(self, unseen=tuple(self._unseen(name) for name in names if name not in trained))

    def in_precision(self, mixed_precision: str | None) -> Experiment:
        """This experiment with activations of another type; None: as it is."""
        if mixed_precision is None:
            return self
        return dataclasses.replace(self, hparams=self.hparams.replace(mixed_precision=mixed_precision))

    def _unseen(self, name: str) -> Any:
        names = [problem.name for problem in self.problems]
        said = f"This run was not trained on {name}, only on {', '.join(names)}. Other problems can be asked for "
        try:
            problem = registry.problem(name)
        except UserError as error:
            raise UserError(f"{said}if they are registered: {error}") from None
        commands = sorted({trained.command for trained in self.problems})
        if problem.command not in commands:
            raise UserError(f"{said}if their command is one of {', '.join(commands)}; that of {name} is "
                            f"{problem.command}.{did_you_mean(name, names)}")
        keys = {feature.vocabulary for feature in problem.features.values() if feature.vocabulary}
        if not keys <= set(self.encoders):
            raise UserError(f"{said}if they have its vocabularies, {', '.join(self.encoders) or 'none'}; {name} has "
                            f"{', '.join(sorted(keys))}.")
        return problem

    def build_model(self) -> Any:
        """A new T2TModel whose variables all exist; equal experiments give equal initial weights."""
        import keras

        policy = keras.config.dtype_policy()
        keras.utils.set_random_seed(self.seed % 2**32)
        precision = self.hparams.mixed_precision
        keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
        try:
            cls = registry.model(self.model_name)
            model = cls(self.problems, self.vocabulary_sizes, self.hparams, dict(self.modalities))
            model.build_variables()
        finally:
            keras.config.set_dtype_policy(policy)
        for problem in self.unseen:
            model.admit(problem)
        return model

    def buckets(self, problem: Any) -> Any:
        """The length buckets and batch sizes of one of the problems (data/buckets.py)."""
        from t2t_mm.data.buckets import make_buckets

        hp = self.hparams
        return make_buckets(problem, hp.batch_size, hp.max_examples, hp.max_length, hp.min_bucket)

    # On disk (training/run_folder.py).

    def to_dict(self) -> dict[str, Any]:
        """Plain values for experiment.json."""
        return {
            "problems": [problem.name for problem in self.problems],
            "model": self.model_name,
            "hparams_set": self.hparams_set,
            "hparams": self.hparams.to_dict(),
            "modalities": dict(self.modalities),
            "seed": self.seed,
            "warm_start": self.warm_start,
            "vocabularies": self.checksums,
            **_declared(self.problems),
            "facts": {problem.name: dict(problem.facts) for problem in self.problems if problem.facts},
            "data_dir": os.path.abspath(self.data_dir) if self.data_dir else "",
            "usr_dir": os.path.abspath(self.usr_dir) if self.usr_dir else None,
        }

    def save(self, output_dir: str | os.PathLike, trained_on: Mapping[str, str] | None = None) -> None:
        """Writes experiment.json and copies of the vocabularies, each whole or not at all.

        Raises UserError if output_dir holds a run of another experiment.
        """
        fields = {**self.to_dict(), "trained_on": dict(trained_on or {})}
        run_folder.write(output_dir, fields, self.encoders, type(self.hparams)().to_dict())

    def check_output_dir(self, output_dir: str | os.PathLike) -> None:
        """UserError, listing what differs, if output_dir holds a run of another experiment; writes nothing."""
        run_folder.check_same(output_dir, self.to_dict(), type(self.hparams)().to_dict())

    @classmethod
    def load(cls, output_dir: str | os.PathLike, data_dir: str | None = None,
             usr_dir: str | None = None) -> Experiment:
        """The experiment of a run; needs nothing but its output_dir (and the user's folder, if it had one).

        `data_dir` and `usr_dir` are given where these folders have moved, or `usr_dir` for parts that the run has not.
        Raises UserError if there is no run, if it is damaged, or if its problems have changed since.
        """
        fields = run_folder.read(output_dir)
        try:
            usr_dir = _import_parts(fields, usr_dir)
            hparams = type(registry.hparams(fields["hparams_set"])).from_dict(fields["hparams"])
            registry.check_name("model", fields["model"])
            problems = tuple(registry.problem(name) for name in fields["problems"])
            for problem in problems:
                problem.facts = fields.get("facts", {}).get(problem.name, {})
            _check_as_trained(problems, fields)
            return cls(
                problems=problems, model_name=fields["model"],
                hparams_set=fields["hparams_set"], hparams=hparams, data_dir=data_dir or fields["data_dir"],
                modalities=dict(fields["modalities"]), seed=fields["seed"],
                encoders=run_folder.read_encoders(output_dir, fields["vocabularies"]), usr_dir=usr_dir,
                trained_on=fields.get("trained_on", {}), warm_start=fields.get("warm_start"))
        except (KeyError, TypeError, AttributeError) as error:
            raise run_folder.damaged(output_dir, error) from None


def create_experiment(problems: Sequence[str], model: str, hparams_set: str, hparams: str = "", data_dir: str = "",
                      modality: str = "", seed: int = 1, usr_dir: str | None = None,
                      warm_start: str | None = None) -> Experiment:
    """Names → an Experiment, after every check that is possible before work starts.

    Args:
        problems: registered names of problems and mixtures, each problem once.
        model, hparams_set: registered names that fit each other.
        hparams: changes to the set, "a=1,b=2.5".
        data_dir: where the problems were generated.
        modality: overrides, "inputs:image_small,problem_name.inputs:image_small".
        seed: any whole number from 0.
        usr_dir: imported first, so that its names are known.
        warm_start: the folder of a run whose weights are the first ones of this.

    Raises UserError for whatever is unknown, missing, damaged, or does not fit.
    """
    if usr_dir:
        registry.import_usr_dir(usr_dir)
    objects, resolved, modalities = resolve(problems, model, hparams_set, hparams, modality)
    encoders = _checked_encoders(objects, data_dir)
    return Experiment(objects, model, hparams_set, resolved, os.fspath(data_dir), modalities, seed, encoders, usr_dir,
                      warm_start=os.path.abspath(warm_start) if warm_start else None)


def _checked_encoders(problems: Sequence[Any], data_dir: str) -> dict[str, Any]:
    """The vocabularies of all problems; UserError if data are missing or were made with different vocabularies."""
    from t2t_mm.data.manifest import check_features, check_files, read_manifest
    from t2t_mm.data.vocabulary_building import load_encoders

    if not data_dir:
        raise UserError("No folder with data is named. Name it with --data_dir; t2t-datagen fills it.")
    encoders: dict[str, Any] = {}
    for problem in problems:
        manifest = read_manifest(data_dir, problem.name)
        problem.facts = manifest.facts
        check_files(manifest)
        check_features(manifest, problem)
        encoders |= load_encoders(problem, data_dir, manifest)  # one file a key: who shares a key shares its checksum
    return encoders


def _declared(problems: Sequence[Any]) -> dict[str, Any]:
    """What the classes of problems decide about the weights: the command and the features of each."""
    from t2t_mm.data.manifest import describe_features

    return {"commands": {problem.name: problem.command for problem in problems},
            "features": {problem.name: describe_features(problem) for problem in problems}}


def _check_as_trained(problems: Sequence[Any], fields: dict[str, Any]) -> None:
    """UserError if commands or features are not those of the run: its weights would answer for others."""
    now = _declared(problems)
    changes = run_folder.differences({key: fields.get(key, value) for key, value in now.items()}, now)
    if changes:
        raise UserError("The problems of this run are declared otherwise than when it was trained. What differs:\n  "
                        + "\n  ".join(changes) + "\nPut that back as it was, or train a new run.")


def _import_parts(fields: dict[str, Any], usr_dir: str | None) -> str | None:
    """Imports the user's folder that is given, and the run's own if a name of the run is not known by then."""
    if usr_dir:
        registry.import_usr_dir(usr_dir)
    own = fields["usr_dir"]
    wanted = [("model", fields["model"]), ("hparams", fields["hparams_set"]),
              *(("problem", registry.split_problem_name(name)[0]) for name in fields["problems"])]
    if own and (not usr_dir or Path(own).exists() and any(name not in registry.names(kind) for kind, name in wanted)):
        registry.import_usr_dir(own)
    return usr_dir or own
