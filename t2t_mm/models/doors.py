"""The doors of a model: one modality net for each modality and vocabulary, shared by all features that pass it."""

from t2t_mm import registry
from t2t_mm.errors import UserError
from t2t_mm.layers.layer import Layer


class Doors(Layer):
    """Which feature of which problem passes which modality net (1706.05137, section 2.5).

    Args:
        problems: objects with `name` and `features`.
        vocabulary_sizes: vocabulary key of a text feature → number of ids.
        hparams: of the model.
        overrides: "inputs" or "problem.inputs" → name of a modality.
    """

    def __init__(self, problems, vocabulary_sizes, hparams, overrides, **kwargs):
        super().__init__(**kwargs)
        self._hparams, self._overrides = hparams, overrides
        self._names = {}  # (problem, feature) → attribute
        self._keys = {}  # attribute → what is behind it
        for problem in problems:
            for name, feature in problem.features.items():
                self._names[problem.name, name] = self._open(problem.name, name, feature, vocabulary_sizes)

    def door(self, problem: str, feature: str):
        """The modality that `feature` of `problem` passes."""
        return getattr(self, self._names[problem, feature])

    def name_of(self, problem: str, feature: str) -> str:
        """The name of that door; features with equal names share it."""
        return self._names[problem, feature]

    def all(self) -> dict:
        """Name → door."""
        return {name: getattr(self, name) for name in sorted(self._keys)}

    def admit(self, problem) -> list[str]:
        """Lets one more problem pass the doors that there are; the doors that it lacks, in words, if there are any."""
        doors = {name: self._key(problem.name, name, feature) for name, feature in problem.features.items()}
        missing = [f"a door for its {name} ({key})" for name, (key, attribute) in doors.items()
                   if attribute not in self._keys]
        if not missing:
            self._names |= {(problem.name, name): attribute for name, (_, attribute) in doors.items()}
        return missing

    def _open(self, problem, name, feature, vocabulary_sizes):
        key, attribute = self._key(problem, name, feature)
        if self._keys.setdefault(attribute, key) != key:
            raise UserError(f"{self._keys[attribute]!r} and {key!r} would share a door: rename one vocabulary.")
        if not hasattr(self, attribute):
            size = vocabulary_sizes[feature.vocabulary] if feature.vocabulary else getattr(feature, "size", None)
            modality = self._modality_class(problem, name, feature)
            setattr(self, attribute, modality(self._hparams, size, name=attribute))
            getattr(self, attribute).build()  # doors are entered by their methods, not called
        return attribute

    def _key(self, problem, name, feature):
        """(what is behind the door of a feature, in words; the attribute that has it)."""
        key = self._modality(problem, name, feature)
        if feature.vocabulary is not None:
            key = f"{key}_{feature.vocabulary}"
        elif name == "targets":
            key = f"{key}_{problem}"
        elif getattr(feature, "size", None) is not None:  # classes mean what the problem says they mean
            key = f"{key}_{problem}_{name}"
        elif hasattr(feature, "channels"):
            key = f"{key}_{feature.channels}"
        elif hasattr(feature, "mel_bins"):
            key = f"{key}_{feature.mel_bins}"
        return key, "door_" + "".join(c if c.isalnum() else "_" for c in key)

    def _modality_class(self, problem, name, feature):
        """UserError if the modality that was chosen is for other values than the feature's own, or lacks a method."""
        chosen, own = (registry.modality(key) for key in (self._modality(problem, name, feature), feature.modality))
        if chosen.kind and own.kind and chosen.kind != own.kind:
            raise UserError(f"--modality: {name} of {problem} is a {own.kind}, and {chosen.registered_name} is for a "
                            f"{chosen.kind}. Leave it out to have {own.registered_name}.")
        missing = [method for method in self._methods(chosen, name) if not hasattr(chosen, method)]
        if missing:
            kind = "a text or a label" if name == "targets" else "a text"
            raise UserError(f"{name} of {problem} cannot pass the modality {chosen.registered_name}, which lacks "
                            f"{', '.join(missing)}. Make it {kind}, or register a modality that has what is needed "
                            f"there (t2t_mm/modalities/modality.py) and give --modality={name}:NAME.")
        return chosen

    def _methods(self, modality, name):
        """What a modality must have to stand at this feature (modalities/modality.py)."""
        if name != "targets":
            return ("bottom",)
        generated = ("targets_bottom", *(("bottom",) if self._hparams.similarity_coef else ()))
        return "top", "target_ids", "target_weights", *(generated if modality.autoregressive else ())

    def _modality(self, problem, name, feature):
        return self._overrides.get(f"{problem}.{name}", self._overrides.get(name, feature.modality))
