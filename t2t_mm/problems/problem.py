"""The base class of every problem: one class holds everything about a task."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_mm.errors import UserError
from t2t_mm.metrics.corpus import check_names

if TYPE_CHECKING:
    from t2t_mm.data.features import Feature

Sample = dict[str, Any]  # feature name → raw value: str, int, uint8 [H, W, C], float32 [samples]


class Problem:
    """A task as a declaration, independent of any model.

    A subclass sets `command`, and writes `define_features` and `samples`; everything else has a default.
    Readers use `features`, `inputs`, `targets` and `generate`, which already honour the `_rev` and `_copy` suffixes:
    `_rev` swaps inputs and targets, `_copy` makes the (swapped) inputs the targets too.
    """

    registered_name: ClassVar[str] = ""  # set by registry.register_problem
    needs: tuple[str, ...] = ()  # Python modules that `samples` imports beyond the core requirements
    extra: str | None = None  # the pip extra of this package that brings them
    command: str = ""  # the learned token that starts decoding, e.g. "to-german"
    reverse_command: str | None = None  # the token of the `_rev` problem
    copy_command: str = "to-copy"  # the token of the `_copy` problem
    reversible: bool = True  # False: `_rev` and `_copy` are refused whatever the features are
    splits: tuple[str, ...] = ("train", "dev", "test")
    shards: dict[str, int] = {"train": 4, "dev": 1, "test": 1}
    metrics: tuple[str, ...] = ("exact_match",)  # corpus metrics of decoded text, names of metrics/corpus.py
    facts: Mapping[str, Any] = {}  # of an instance: what `find_facts` found, from its manifest or its run

    def __init__(self, reverse: bool = False, copy: bool = False):
        """Raises UserError where `reverse` or `copy` makes no sense for this problem's features."""
        self.reverse = reverse
        self.copy = copy
        if reverse or copy:
            self._check_swappable()
        if reverse:
            self.command = self.reverse_command or f"back-{self.command}"
        if copy:
            self.command = self.copy_command

    # What a subclass writes.

    def define_features(self) -> dict[str, Feature]:
        """All features by name, in order, before any swap; exactly one is called "targets"."""
        raise UserError(f"The class {type(self).__name__} does not define define_features(self). Let it return the "
                        "features by name, one of them \"targets\" (docs/new_problem.md).")

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        """Raw samples of a split, feature name → value, before any swap; the same ones in every process."""
        raise UserError(f"The class {type(self).__name__} does not define samples(self, split, tmp_dir). Let it yield "
                        "{feature: value} for each example (docs/new_problem.md).")

    def check_sources(self, tmp_dir: str) -> None:
        """Raises UserError if files that `samples` reads are not there; called before any work."""
        del tmp_dir

    def source_path(self, tmp_dir: str) -> Path:
        """The file or folder of the user's own that `samples` reads: t2t-datagen says so where it has changed."""
        return Path(tmp_dir, self.registered_name)

    def find_facts(self, tmp_dir: str) -> dict[str, Any]:
        """What `define_features` must know of the files, e.g. the names of classes: JSON values, kept as `facts`.

        Called once, before anything is generated; until then `facts` is empty, and features may be provisional.
        """
        del tmp_dir
        return {}

    def preprocess(self, tensors: dict[str, Any], training: bool, seed: Any) -> dict[str, Any]:
        """Changes one parsed example inside tf.data, e.g. augments it; `seed` is an int32 tensor [2].

        When a model decodes, the tensors are those of the inputs alone.
        """
        del training, seed
        return tensors

    def postprocess(self, text: str, inputs: Mapping[str, str]) -> str:
        """Decoded text → what a human reads and metrics measure; `inputs`: feature name → text, of those that are."""
        del inputs
        return text

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        """Texts that the vocabularies are trained on: by default every text of the training split."""
        names = [name for name, feature in self.features.items() if feature.is_text]
        if names:
            for sample in self.generate("train", tmp_dir):
                yield from (sample[name] for name in names)

    # What readers use.

    @property
    def name(self) -> str:
        """The registered name with its suffixes: the name of the problem's files and of its lines in reports."""
        base = self.registered_name or type(self).__name__
        return base + ("_rev" if self.reverse else "") + ("_copy" if self.copy else "")

    @property
    def description(self) -> str:
        """The first line of the class docstring."""
        return (type(self).__doc__ or "").strip().split("\n")[0]

    @property
    def features(self) -> dict[str, Feature]:
        """All features by name, as this instance sees them (swapped for `_rev`, copied for `_copy`)."""
        return self._as_seen(self.define_features())

    @property
    def inputs(self) -> dict[str, Feature]:
        """The input features in order: all but the targets; empty for a language model."""
        return {name: feature for name, feature in self.features.items() if name != "targets"}

    @property
    def targets(self) -> Feature:
        """The one target feature."""
        return self.features["targets"]

    def as_read(self, ids: Iterable[int], example: Mapping[str, Any], encoders: Mapping[str, Any]) -> str:
        """Ids of an output or reference, as a human reads them: the only way from ids to text.

        example: feature name → stored or encoded input; encoders: vocabulary → its encoder.
        """
        def text(feature: Feature, ids: Iterable[int]) -> str:
            return feature.decode([int(i) for i in ids], encoders.get(feature.vocabulary))

        return self.postprocess(text(self.targets, ids), {
            name: text(feature, example[name]) for name, feature in self.inputs.items() if feature.is_text})

    def generate(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        """Raw samples as this instance sees them; UserError for an unknown split or a missing package."""
        if split not in self.splits:
            raise UserError(f"Problem {self.name!r} has no split {split!r}. It has: {', '.join(self.splits)}.")
        self.check_needs()
        return map(self._as_seen, self._checked(self.samples(split, tmp_dir)))

    def check_declaration(self) -> None:
        """Raises UserError if features or metrics are none that there are."""
        features = self.define_features()
        wrong = [name for name, feature in features.items() if not hasattr(feature, "padded_shapes")]
        if wrong:
            raise UserError(f"{self.name}: {', '.join(wrong)} of define_features() is no feature. Make it one of "
                            "t2t_mm.data.features, such as Text(\"subwords:mine\").")
        if "targets" not in features:
            raise UserError(f"{self.name}: define_features() has no 'targets', but {', '.join(features)}.")
        check_names(self.metrics, f" (in the metrics of {self.name})")

    def check_needs(self) -> None:
        """Raises UserError if a Python module needed for generation is not installed; imports nothing."""
        if self.unmet_needs():
            raise UserError("\n".join(self.unmet_needs()))

    def unmet_needs(self) -> list[str]:
        """A line for each module of `needs` that this Python does not have: its name and how to get it."""
        return [f"{self.name} needs the Python module {module!r}: "
                + (f"pip install 't2t_mm[{self.extra}]'" if self.extra else f"install the package that has {module}")
                for module in self.needs if not module_exists(module)]

    def __repr__(self) -> str:
        return f"<problem {self.name}>"

    def _checked(self, samples: Iterable[Sample] | None) -> Iterator[Sample]:
        """The samples; UserError for what is no sample."""
        if samples is None:
            raise UserError(f"{self.name}: samples() gives nothing. It yields dicts, feature name → value.")
        names = self.define_features().keys()
        for sample in samples:
            if not isinstance(sample, dict):
                raise UserError(f"{self.name}: samples() gives {type(sample).__name__}, not dicts of values.")
            if not sample.keys() <= names:
                raise UserError(f"{self.name}: a sample has {', '.join(map(str, sample.keys() - names))}, which is no "
                                f"feature. Features: {', '.join(names)}.")
            yield sample

    def _as_seen(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Applies `_rev`, then `_copy`, to a dict keyed by feature name."""
        if not (self.reverse or self.copy):
            return fields
        inputs, targets = fields["inputs"], fields["targets"]
        if self.reverse:
            inputs, targets = targets, inputs
        return {"inputs": inputs, "targets": inputs if self.copy else targets}

    def _check_swappable(self) -> None:
        base = self.registered_name or type(self).__name__
        asked = base + ("_rev" if self.reverse else "") + ("_copy" if self.copy else "")
        declared = self.define_features()
        if not self.reversible or set(declared) != {"inputs", "targets"}:
            raise UserError(f"{asked!r}: problem {base!r} cannot be reversed or copied. Use {base!r} as it is.")
        seen = self._as_seen(declared)
        unfit = [f"{name} ({feature.modality})" for name, feature in seen.items() if not feature.is_text]
        if unfit:
            raise UserError(
                f"{asked!r}: swapping and copying are for texts, but this would have {', '.join(unfit)}. "
                f"Use {base!r} as it is."
            )


def module_exists(name: str) -> bool:
    """Whether a module, dotted or not, can be found; imports nothing, not even its parents."""
    if sys.modules.get(name) is not None:
        return True
    root, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(root)
    except ValueError:  # imported, but without a specification
        return not rest
    for depth, _ in enumerate(rest, start=2):
        if spec is None or spec.submodule_search_locations is None:
            return False
        path = ".".join(name.split(".")[:depth])
        spec = importlib.machinery.PathFinder.find_spec(path, list(spec.submodule_search_locations))
    return spec is not None
