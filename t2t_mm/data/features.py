"""Features: what a value of a problem is (text, label, image, audio), how it is stored, parsed, padded and shown.

A value takes one path: `encode` on the host (no TensorFlow), a record on disk, `parse` inside tf.data. Every
feature named `x` is stored in one record column `x`; `encode` returns `{"": stored}`, a column suffix each.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from t2t_mm.data import audio, images
from t2t_mm.data.text_encoders import EOS
from t2t_mm.errors import UserError, did_you_mean

Stored = dict[str, Any]  # column suffix → list[int] | list[float] | bytes


@dataclasses.dataclass(frozen=True)
class Feature:
    """One input or the target of a problem; subclasses are frozen, so features compare and hash by value."""

    is_text: ClassVar[bool] = False
    vocabulary: ClassVar[str | None] = None  # vocabulary key of a Text
    column_type: ClassVar[str] = "bytes"  # int64 and float32 columns are lists, bytes columns single strings

    def columns(self, name: str) -> dict[str, str]:
        """The record columns of the feature `name` and their types: "int64", "float32" or "bytes"."""
        return {name: self.column_type}

    def encode(self, value: Any, encoder: Any = None) -> Stored:
        """A raw value as it is stored; raises UserError for a value that the feature cannot hold."""
        raise NotImplementedError

    def encode_many(self, values: Sequence[Any], encoder: Any = None) -> list[Stored]:
        """`encode` of many values at once (texts: in one call of the encoder)."""
        return [self.encode(value, encoder) for value in values]

    def parse(self, name: str, columns: dict) -> dict:
        """The tensors of ONE example from its record columns, inside tf.data."""
        raise NotImplementedError

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        """The tensors of `parse` and their shapes for one example; None is padded with zeros at the end."""
        raise NotImplementedError

    def length(self, tensors: dict, name: str):
        """The scalar int32 length that sets the bucket: tokens with EOS, audio frames, else 1."""
        return 1

    def decode(self, ids: Sequence[int], encoder: Any = None) -> str:
        """Output ids of a model as a human reads them; raises UserError for a feature no model can write."""
        raise UserError(f"{type(self).__name__} cannot be decoded from ids. Use Text or Label as the target.")

    def describe(self, value: Any) -> str:
        """A raw value in a few words, for tables."""
        raise NotImplementedError

    def describe_stored(self, stored: Any, encoder: Any = None) -> str:
        """The value of the stored column in a few words: texts and labels in full."""
        return self.describe(stored)

    def read(self, argument: str) -> Any:
        """A command-line argument as a raw value: the text or label itself; the file's name for images and audio."""
        return argument


@dataclasses.dataclass(frozen=True)
class Text(Feature):
    """Text as int32 ids [L], closed by EOS. `vocabulary` is "subwords:<name>", "tokens:<name>" or "bytes"."""

    vocabulary: str
    modality: ClassVar[str] = "language"
    is_text: ClassVar[bool] = True
    column_type: ClassVar[str] = "int64"

    def __post_init__(self):
        kind, _, name = self.vocabulary.partition(":")
        if not (self.vocabulary == "bytes" or (kind in ("subwords", "tokens") and name)):
            raise UserError(f"Text has no vocabulary {self.vocabulary!r}. "
                            'Write "subwords:<name>", "tokens:<name>" or "bytes".')

    def encode(self, value: str, encoder: Any = None) -> Stored:
        return self.encode_many([value], encoder)[0]

    def encode_many(self, values: Sequence[str], encoder: Any = None) -> list[Stored]:
        for value in values:
            if not isinstance(value, str):
                raise UserError(f"A Text value must be a str; got {type(value).__name__}: {value!r:.80}.")
        return [{"": [*ids, EOS]} for ids in encoder.encode_many(list(values))]

    def parse(self, name: str, columns: dict) -> dict:
        import tensorflow as tf
        return {name: tf.cast(columns[name], tf.int32)}  # [L]

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: (None,)}

    def length(self, tensors: dict, name: str):
        import tensorflow as tf
        return tf.shape(tensors[name])[0]

    def decode(self, ids: Sequence[int], encoder: Any = None) -> str:
        return encoder.decode([int(i) for i in ids])

    def describe(self, value: str) -> str:
        return value

    def describe_stored(self, stored: Sequence[int], encoder: Any = None) -> str:
        return self.decode(stored, encoder)


@dataclasses.dataclass(frozen=True)
class Label(Feature):
    """One of a fixed list of classes, by name or number, as an int32 scalar."""

    names: tuple[str, ...]
    modality: ClassVar[str] = "categorical"
    column_type: ClassVar[str] = "int64"

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        if not self.names or len(set(self.names)) < len(self.names):
            raise UserError(f"Label needs different class names, at least one; got {self.names}.")

    @property
    def size(self) -> int:
        """The number of classes."""
        return len(self.names)

    def encode(self, value: int | str, encoder: Any = None) -> Stored:
        if isinstance(value, str):
            if value not in self.names:
                raise UserError(f"There is no class {value!r} among {len(self.names)} classes "
                                f"({_shorten(self.names)}).{did_you_mean(value, self.names)}")
            return {"": [self.names.index(value)]}
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < self.size:
            raise UserError(f"A label must be a class name or a number from 0 to {self.size - 1}; got {value!r}.")
        return {"": [int(value)]}

    def parse(self, name: str, columns: dict) -> dict:
        import tensorflow as tf
        return {name: tf.cast(columns[name][0], tf.int32)}  # []

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: ()}

    def decode(self, ids: Sequence[int], encoder: Any = None) -> str:
        return self.names[int(np.ravel(ids)[0])]

    def describe(self, value: int | str) -> str:
        return self.names[self.encode(value)[""][0]]

    def describe_stored(self, stored: Sequence[int], encoder: Any = None) -> str:
        return self.decode(stored)


@dataclasses.dataclass(frozen=True)
class Image(Feature):
    """A picture as float32 [height, width, channels] in [-1, 1]; channels 1 (grey), 3 (RGB) or 4 (RGBA).

    Values are uint8 arrays of exactly this shape, or the bytes of an image file of any size, which is resized
    and cropped centrally when it is stored.
    """

    height: int
    width: int
    channels: int
    modality: str = "image"

    def __post_init__(self):
        if self.height < 1 or self.width < 1 or self.channels not in images.MODES:
            raise UserError(f"Image needs a height and width of at least 1 and 1, 3 or 4 channels; got {self}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)"""
        return self.height, self.width, self.channels

    def encode(self, value: np.ndarray | bytes, encoder: Any = None) -> Stored:
        if isinstance(value, bytes):
            return {"": images.fit_file(value, self.shape)}
        array = np.asarray(value)
        if array.dtype != np.uint8 or array.shape != self.shape:
            raise UserError(f"An Image value must be bytes of an image file or a uint8 array of shape {self.shape}; "
                            f"got {array.dtype} of shape {array.shape}.")
        return {"": images.encode_png(array)}

    def parse(self, name: str, columns: dict) -> dict:
        return {name: images.parse(columns[name], self.shape)}  # [H, W, C]

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: self.shape}

    def describe(self, value: Any = None) -> str:
        return f"image {self.height}×{self.width}×{self.channels}"

    def read(self, argument: str) -> bytes:
        return _existing_file(argument).read_bytes()


@dataclasses.dataclass(frozen=True)
class Audio(Feature):
    """Sound as log-mel frames, float32 [frames, mel_bins]: windows of 25 ms every 10 ms, normalised per utterance.

    Values are mono waveforms [samples]: float in [-1, 1], or int16; at `sample_rate`, or as a pair
    (waveform, rate) at any rate. Stored as little-endian int16. `x_length` (int32 scalar) counts the frames.
    """

    sample_rate: int
    mel_bins: int = 40
    modality: ClassVar[str] = "audio"

    def __post_init__(self):
        if self.sample_rate < 1000 or self.mel_bins < 1:
            raise UserError(f"Audio needs a sample rate of at least 1000 Hz and at least one mel bin; got {self}.")

    def encode(self, value: Any, encoder: Any = None) -> Stored:
        waveform, rate = value if isinstance(value, tuple) else (value, self.sample_rate)
        samples = audio.resample(audio.check_waveform(waveform), rate, self.sample_rate)
        return {"": audio.to_int16_bytes(samples)}

    def parse(self, name: str, columns: dict) -> dict:
        samples = audio.parse_int16_bytes(columns[name])  # [samples]
        frames = audio.log_mel(samples, self.sample_rate, self.mel_bins)  # [frames, mel_bins]
        return {name: frames, f"{name}_length": audio.frame_count(samples, self.sample_rate)}

    def padded_shapes(self, name: str) -> dict[str, tuple[int | None, ...]]:
        return {name: (None, self.mel_bins), f"{name}_length": ()}

    def length(self, tensors: dict, name: str):
        return tensors[f"{name}_length"]

    def describe(self, value: Any) -> str:
        if isinstance(value, bytes):
            return f"audio {len(value) / 2 / self.sample_rate:.1f} s"
        waveform, rate = value if isinstance(value, tuple) else (value, self.sample_rate)
        return f"audio {len(waveform) / rate:.1f} s"

    def read(self, argument: str) -> tuple[np.ndarray, int]:
        return audio.read_wav(_existing_file(argument))


def columns_of(features: dict[str, Feature]) -> dict[str, str]:
    """All record columns of the named features and their types."""
    return {column: kind for name, feature in features.items() for column, kind in feature.columns(name).items()}


def encode_samples(features: dict[str, Feature], encoders: dict[str, Any],
                   samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raw samples (feature name → value) as stored records (column → list or bytes), in the same order.

    Raises UserError naming the feature for a missing or wrong value.
    """
    records: list[dict[str, Any]] = [{} for _ in samples]
    for name, feature in features.items():
        missing = next((sample for sample in samples if name not in sample), None)
        if missing is not None:
            raise UserError(f"A sample lacks the feature {name!r}; it has {sorted(missing)}. "
                            f"Give all of: {', '.join(features)}.")
        try:
            stored = feature.encode_many([sample[name] for sample in samples], encoders.get(feature.vocabulary))
        except UserError as error:
            raise UserError(f"Feature {name!r}: {error}") from error
        for record, columns in zip(records, stored, strict=True):
            record.update({name + suffix: value for suffix, value in columns.items()})
    return records


def _existing_file(argument: str) -> pathlib.Path:
    path = pathlib.Path(argument).expanduser()
    if not path.is_file():
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"There is no file {argument!r}.{did_you_mean(path.name, near)}")
    return path


def _shorten(names: Iterable[str], most: int = 10) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
