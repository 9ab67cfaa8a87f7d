"""The experiment: problems, model, hparams and vocabularies; what trainer, evaluator and decoder share and save."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from t2t_mm import registry
from t2t_mm.errors import UserError, did_you_mean
from t2t_mm.hparams.hparams import Hparams

FILE_NAME = "experiment.json"
FORMAT_VERSION = 1
FREE_TO_CHANGE = ("format_version", "hparams_set", "data_dir", "usr_dir", "versions", "hparams.train_steps",
                  "hparams.eval_interval")  # what may differ when a run goes on in its output_dir


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

    @property
    def vocabulary_sizes(self) -> dict[str, int]:
        """Vocabulary key → number of ids."""
        return {key: encoder.size for key, encoder in self.encoders.items()}

    @property
    def checksums(self) -> dict[str, str]:
        """Vocabulary key → hex sha256."""
        return {key: encoder.checksum for key, encoder in self.encoders.items()}

    def problem(self, name: str) -> Any:
        """The problem called `name`; UserError if the model was not made for it."""
        by_name = {problem.name: problem for problem in self.problems}
        if name not in by_name:
            raise UserError(f"This experiment has no problem {name!r}, only {', '.join(by_name)}."
                            f"{did_you_mean(name, by_name)}")
        return by_name[name]

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
        return model

    def buckets(self, problem: Any) -> Any:
        """The length buckets and batch sizes of one of the problems (data/buckets.py)."""
        from t2t_mm.data.buckets import make_buckets

        hp = self.hparams
        return make_buckets(problem, hp.batch_size, hp.max_examples, hp.max_length, hp.min_bucket)

    # On disk.

    def to_dict(self) -> dict[str, Any]:
        """Plain values for experiment.json."""
        return {
            "format_version": FORMAT_VERSION,
            "problems": [problem.name for problem in self.problems],
            "model": self.model_name,
            "hparams_set": self.hparams_set,
            "hparams": self.hparams.to_dict(),
            "modalities": dict(self.modalities),
            "seed": self.seed,
            "vocabularies": self.checksums,
            "data_dir": os.path.abspath(self.data_dir) if self.data_dir else "",
            "usr_dir": os.path.abspath(self.usr_dir) if self.usr_dir else None,
            "versions": _versions(),
        }

    def save(self, output_dir: str | os.PathLike) -> None:
        """Writes experiment.json and copies of the vocabularies, each whole or not at all.

        Raises UserError if output_dir holds a run of another experiment.
        """
        from t2t_mm.data.atomic import atomic_file
        from t2t_mm.data.text_encoders import Bytes
        from t2t_mm.data.vocabulary_building import vocabulary_path

        self.check_output_dir(output_dir)
        for key, encoder in self.encoders.items():
            if key != Bytes.kind:
                with atomic_file(vocabulary_path(output_dir, key)) as partial:
                    encoder.save(partial)
        with atomic_file(Path(output_dir, FILE_NAME)) as partial:  # last: where it is, the vocabularies are
            partial.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def check_output_dir(self, output_dir: str | os.PathLike) -> None:
        """UserError, listing what differs, if output_dir holds a run of another experiment; writes nothing."""
        path = Path(output_dir, FILE_NAME)
        if Path(output_dir).exists() and not Path(output_dir).is_dir():
            raise UserError(f"--output_dir={os.fspath(output_dir)} is a file. Name a folder; it is made if need be.")
        if not path.is_file():
            return
        changes = differences(_read(path), self.to_dict())
        if changes:
            raise UserError(f"{os.fspath(output_dir)!r} holds a run of another experiment. What differs:\n  "
                            + "\n  ".join(changes) + "\nUse another --output_dir for the new experiment, or the same "
                            "flags as before to go on with this one (only --train_steps, --eval_interval and folders "
                            "may change).")

    @classmethod
    def load(cls, output_dir: str | os.PathLike, data_dir: str | None = None,
             usr_dir: str | None = None) -> Experiment:
        """The experiment of a run; needs nothing but its output_dir (and the user's folder, if it had one).

        `data_dir` and `usr_dir` are given where these folders have moved. Raises UserError if there is no run, or if
        it is damaged.
        """
        folder = Path(output_dir)
        fields = _read(folder / FILE_NAME)
        try:
            usr_dir = usr_dir or fields["usr_dir"]
            if usr_dir:
                registry.import_usr_dir(usr_dir)
            registry.check_name("model", fields["model"])
            return cls(
                problems=tuple(registry.problem(name) for name in fields["problems"]), model_name=fields["model"],
                hparams_set=fields["hparams_set"], hparams=_saved_hparams(fields),
                data_dir=data_dir or fields["data_dir"], modalities=dict(fields["modalities"]), seed=fields["seed"],
                encoders=_saved_encoders(output_dir, fields["vocabularies"]), usr_dir=usr_dir)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{folder / FILE_NAME} is damaged ({error!r}). Put it back, or start another run "
                            "in another --output_dir.") from None


def create_experiment(problems: Sequence[str], model: str, hparams_set: str, hparams: str = "", data_dir: str = "",
                      modality: str = "", seed: int = 1, usr_dir: str | None = None) -> Experiment:
    """Names → an Experiment, after every check that is possible before work starts.

    Args:
        problems: registered names, each once.
        model, hparams_set: registered names that fit each other.
        hparams: changes to the set, "a=1,b=2.5".
        data_dir: where the problems were generated.
        modality: overrides, "inputs:image_small,problem_name.inputs:image_small".
        seed: any whole number from 0.
        usr_dir: imported first, so that its names are known.

    Raises UserError for whatever is unknown, missing, damaged, or does not fit.
    """
    if usr_dir:
        registry.import_usr_dir(usr_dir)
    _check_names(problems, model, hparams_set)
    resolved = registry.hparams(hparams_set).override(hparams)
    objects = tuple(registry.problem(name) for name in problems)
    _check_distinct(objects)
    modalities = parse_modalities(modality, objects)
    _check_mixing(objects, resolved)
    encoders = _checked_encoders(objects, data_dir)
    _check_fits(model, hparams_set, resolved)
    return Experiment(objects, model, hparams_set, resolved, os.fspath(data_dir), modalities, seed, encoders, usr_dir)


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


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Lines like "hparams.dropout: 0.1 (before), 0.2 (now)" for all keys that must not change within a run."""
    before, now = _flat(old), _flat(new)
    fixed = [key for key in dict.fromkeys([*before, *now])
             if not any(key == free or key.startswith(f"{free}.") for free in FREE_TO_CHANGE)]
    changed = [key for key in fixed if before.get(key) != now.get(key)]
    return [f"{key}: {_shown(before.get(key))} (before), {_shown(now.get(key))} (now)" for key in changed]


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
    weights, names = hparams.mixing_weights, [problem.name for problem in problems]
    if (weights or hparams.mixing == "weights") and len(weights) != len(names):
        raise UserError(f"mixing_weights has {len(weights)} weights for {len(names)} problems ({', '.join(names)}). "
                        f"Give one for each, in this order: mixing=weights,mixing_weights={':'.join('1' * len(names))}.")


def _checked_encoders(problems: Sequence[Any], data_dir: str) -> dict[str, Any]:
    """The vocabularies of all problems; UserError if data are missing or were made with different vocabularies."""
    from t2t_mm.data.manifest import check_features, check_files, read_manifest
    from t2t_mm.data.vocabulary_building import load_encoders

    if not data_dir:
        raise UserError("No folder with data is named. Name it with --data_dir; t2t-datagen fills it.")
    encoders: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for problem in problems:
        manifest = read_manifest(data_dir, problem.name)
        check_files(manifest)
        check_features(manifest, problem)
        for key, encoder in load_encoders(problem, data_dir, manifest).items():
            if key in encoders and encoders[key].checksum != encoder.checksum:
                raise UserError(f"{owners[key]} and {problem.name} were generated with different vocabularies {key!r}. "
                                f"Generate them together: t2t-datagen --problem={owners[key]},{problem.name} "
                                f"--data_dir={os.fspath(data_dir)} --overwrite")
            encoders[key], owners[key] = encoder, problem.name
    return encoders


def _check_fits(model: str, hparams_set: str, hparams: Hparams) -> None:
    """UserError if the model needs other hparams; this imports the model, and with it TensorFlow, so it comes last."""
    needed = getattr(registry.model(model), "hparams_class", Hparams)
    if not isinstance(hparams, needed):
        fitting = [name for name in registry.names("hparams") if isinstance(registry.hparams(name), needed)]
        raise UserError(f"The hparams set {hparams_set} ({type(hparams).__name__}) does not fit the model {model}, which "
                        f"needs {needed.__name__}. Use --hparams_set with one of: {', '.join(fitting) or 'none yet'}.")


# Files.

def _read(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        version = fields["format_version"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no run in {str(path.parent)!r}: it has no {path.name}. "
                        "Name the --output_dir of a t2t-trainer run.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}). Put it back, or start another run in another "
                        "--output_dir.") from None
    if version != FORMAT_VERSION:
        raise UserError(f"{path} has format version {version}; this program reads version {FORMAT_VERSION}. "
                        "Use the version of t2t-mm that wrote it, or start another run in another --output_dir.")
    return fields


def _saved_hparams(fields: Mapping[str, Any]) -> Hparams:
    registry.check_name("hparams", fields["hparams_set"])
    return type(registry.hparams(fields["hparams_set"])).from_dict(fields["hparams"])


def _saved_encoders(output_dir: str | os.PathLike, checksums: Mapping[str, str]) -> dict[str, Any]:
    from t2t_mm.data.text_encoders import Bytes, load
    from t2t_mm.data.vocabulary_building import vocabulary_path

    encoders: dict[str, Any] = {}
    for key, checksum in checksums.items():
        if key == Bytes.kind:
            encoders[key] = Bytes()
            continue
        path = vocabulary_path(output_dir, key)
        if not path.is_file():
            raise UserError(f"{path}, the vocabulary {key!r} of this run, is missing. Put the file back: it is the one of "
                            "the data the run was trained on.")
        encoders[key] = load(path)
        if encoders[key].checksum != checksum:
            raise UserError(f"{path} is not the vocabulary {key!r} that this run was trained with (its checksum differs). "
                            "Put the right file back: with another one the model would write garbage.")
    return encoders


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("t2t-mm", "tensorflow", "keras", "sentencepiece"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by dotted key, {"hparams": {"a": 1}} → {"hparams.a": 1}."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}.{inner}": item for inner, item in _flat(value).items()})
        else:
            flat[key] = value
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
