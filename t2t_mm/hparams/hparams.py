"""Hparams: the numbers and choices of a run, a frozen dataclass whose every key has a type, a range and a sentence."""

import dataclasses
import functools
import math
import typing
from dataclasses import dataclass
from typing import Any, Self

from t2t_mm.errors import UserError, did_you_mean

PRECISIONS = ("float32", "bfloat16", "float16")
_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def hparam(default: Any, help: str = "", low: float | None = None, high: float | None = None,
           choices: typing.Sequence | None = None, count: int | None = None, fewest: int = 0) -> Any:
    """A dataclass field with its default, a sentence, and what it may be.

    `low`, `high` (both included) and `choices` hold for each item of a tuple; `count` is a tuple's number of items,
    `fewest` the least.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices and tuple(choices), "count": count,
                "fewest": fewest}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Hparams:
    """The keys every model has. Types: bool, int, float, str, and tuples of these (`tuple[int, ...]`).

    Every way to make one (constructor, `override`, `replace`, `from_dict`) raises UserError for a value that is out of
    its type or range. A subclass, itself a frozen dataclass, adds keys.
    """

    hidden_size: int = hparam(512, "width of the model's body", low=1)
    batch_size: int = hparam(4096, "padded tokens a batch, of the longest text or sound (0.32 s are one)", low=1)
    max_examples: int = hparam(128, "most examples in a batch, however short they are", low=1)
    max_length: int = hparam(256, "longest text in tokens; longer examples are dropped and counted", low=1)
    min_bucket: int = hparam(8, "length in tokens to which the shortest texts are padded", low=1)
    dropout: float = hparam(0.1, "share of activations set to zero in training", low=0.0, high=0.95)
    label_smoothing: float = hparam(0.0, "probability spread over wrong tokens in training", low=0.0, high=0.95)
    optimizer: str = hparam("adam", "what turns gradients into updates", choices=("adam", "sgd"))
    learning_rate: float = hparam(1e-3, "highest learning rate of the schedule", low=0.0)
    learning_rate_schedule: str = hparam("cosine", "how the rate falls after warm-up",
                                         choices=("constant", "linear", "rsqrt", "cosine"))
    warmup_steps: int = hparam(200, "steps over which the learning rate rises from 0", low=0)
    train_steps: int = hparam(0, "steps to train; 0: as --train_steps says", low=0)
    clip_norm: float = hparam(1.0, "gradients are scaled down to this global norm; 0: never", low=0.0)
    adam_beta1: float = hparam(0.9, "decay of Adam's mean of gradients", low=0.0, high=0.99999)
    adam_beta2: float = hparam(0.98, "decay of Adam's mean of squared gradients", low=0.0, high=0.99999)
    adam_epsilon: float = hparam(1e-9, "added to Adam's denominator", low=1e-30)
    weight_decay: float = hparam(0.0, "decoupled weight decay; 0: none", low=0.0)
    mixing: str = hparam("uniform", "how the problem of a step is chosen",
                         choices=("uniform", "proportional", "temperature", "weights", "schedule", "adaptive"))
    mixing_temperature: float = hparam(2.0, "mixing=temperature: share ~ size^(1/this); 1: proportional", low=0.01)
    mixing_weights: tuple[float, ...] = hparam((), "mixing=weights: one for each problem, in their order", low=0.0)
    mixing_schedule: str = hparam("", "mixing=schedule: shares by step, such as 0:uniform/2000:proportional")
    mixing_floor: float = hparam(0.25, "mixing=adaptive: least share of a problem, in equal shares", low=0.01, high=1.0)
    loss_weights: tuple[float, ...] = hparam((), "factor of each problem's loss, in their order; none: 1", low=0.0)
    problems_per_step: int = hparam(1, "problems whose gradients are averaged in one step", low=1)
    adversary_coef: float = hparam(0.0, "strength of the domain adversary's reversed gradient; 0: none", low=0.0)
    similarity_coef: float = hparam(0.0, "weight of the distance between encoded input and target; 0: none", low=0.0)
    mixed_precision: str = hparam("float32", "type of the activations; variables are always float32",
                                  choices=PRECISIONS)
    eval_interval: int = hparam(500, "steps from one evaluation to the next", low=1)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(self, field, getattr(self, field.name)))
        heads = getattr(self, "num_heads", 1)
        if self.hidden_size % heads:
            raise UserError(f"--hparams: hidden_size={self.hidden_size} is no multiple of num_heads={heads}, which "
                            "share it. Change one of them.")

    def override(self, text: str) -> Self:
        """A copy with the changes of `"a=1,b=2.5,c=x,d=1:2:3"`; d is a tuple. UserError: unknown key, type or range."""
        changes: dict[str, Any] = {}
        for item in filter(None, (part.strip() for part in (text or "").split(","))):
            key, equals, value = (part.strip() for part in item.partition("="))
            if not equals:
                raise UserError(f"--hparams: {item!r} is not key=value. Write it like learning_rate=0.001,dropout=0.1; "
                                "the items of a tuple are parted by colons: 1:2:3.")
            if key in changes:
                raise UserError(f"--hparams: {key!r} is given twice. Keep one of them.")
            changes[key] = _parsed(type(self), key, value)
        return self.replace(**changes)

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed, all checked."""
        for key in changes:
            check_key(type(self), key)
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; tuples become lists."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_dict`; a key that is not given has its default, an unknown one is a UserError."""
        for key in values:
            check_key(cls, key)
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    def describe(self) -> str:
        """A line for each key: its value, what it is for, and what it may be."""
        rows = [(field.name, _shown(getattr(self, field.name)), field) for field in dataclasses.fields(self)]
        key_width, value_width = (max(len(row[i]) for row in rows) for i in (0, 1))
        lines = []
        for key, value, field in rows:
            about = f"{field.metadata.get('help', '')} ({_expected(type(self), field)})".strip()
            lines.append(f"{key:<{key_width}} = {value:<{value_width}}  {about}")
        return "\n".join(lines)


LARGEST = 2**31 - 1  # of whole numbers, here and in flags: TensorFlow's and Python's own limits are not below it


def check_key(cls: type[Hparams], key: str) -> dataclasses.Field:
    """The field called `key`; UserError with the closest keys if there is none."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if key not in fields:
        raise UserError(f"--hparams: there is no key {key!r} in {cls.__name__}.{did_you_mean(key, fields)} "
                        f"Its keys: {', '.join(sorted(fields))}.")
    return fields[key]


@functools.cache
def _types(cls: type[Hparams]) -> dict[str, tuple[type, bool]]:
    """Key → (type of one item, is it a tuple)."""
    types = {}
    for key, hint in typing.get_type_hints(cls).items():
        is_tuple = typing.get_origin(hint) is tuple
        item = typing.get_args(hint)[0] if is_tuple else hint
        if item not in _NOUNS:
            raise TypeError(f"{cls.__name__}.{key}: hparams are bool, int, float, str or tuples of them, not {hint}")
        types[key] = (item, is_tuple)
    return types


def _parsed(cls: type[Hparams], key: str, text: str) -> Any:
    """The value of `text` for `key`; UserError if it is not of the key's type."""
    field = check_key(cls, key)
    item, is_tuple = _types(cls)[key]
    try:
        if is_tuple:
            return tuple(_parse_item(item, part.strip()) for part in text.split(":")) if text else ()
        return _parse_item(item, text)
    except (ValueError, OverflowError):
        raise _wrong(cls, field, text) from None


def _parse_item(item: type, text: str) -> Any:
    if item is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]
    if item is int:
        number = float(text) if "e" in text.lower() else int(text)  # 2e5 is a whole number too
        if number != int(number):
            raise ValueError(text)
        return int(number)
    return item(text)


def _checked(hparams: Hparams, field: dataclasses.Field, value: Any) -> Any:
    """`value`, its whole numbers made floats where the key is a float; UserError if it breaks type or range."""
    item, is_tuple = _types(type(hparams))[field.name]
    if is_tuple != isinstance(value, tuple):
        raise _wrong(type(hparams), field, value)
    values = [float(v) if item is float and type(v) is int else v for v in (value if is_tuple else (value,))]
    count, fewest = field.metadata.get("count"), field.metadata.get("fewest", 0)
    if not all(_allowed(item, v, field.metadata) for v in values) or (
            is_tuple and (count not in (None, len(values)) or len(values) < fewest)):
        raise _wrong(type(hparams), field, value)
    return tuple(values) if is_tuple else values[0]


def _allowed(item: type, value: Any, limits: typing.Mapping[str, Any]) -> bool:
    low, high, choices = limits.get("low"), limits.get("high"), limits.get("choices")
    if type(value) is not item or (item is float and not math.isfinite(value)):
        return False
    if _too_large(value):
        return False
    if choices is not None and value not in choices:
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def _too_large(value: Any) -> bool:
    return type(value) is int and abs(value) > LARGEST


def _wrong(cls: type[Hparams], field: dataclasses.Field, value: Any) -> UserError:
    near = did_you_mean(str(value), field.metadata.get("choices") or ()) if isinstance(value, str) else ""
    large = any(map(_too_large, value if isinstance(value, tuple) else (value,)))
    return UserError(f"--hparams: {field.name} of {cls.__name__} must be {_expected(cls, field)}"
                     f"{f', at most {LARGEST}' * large}, "
                     f"not {_shown(value)!r}.{near} The default is {_shown(field.default)!r}.")


def _expected(cls: type[Hparams], field: dataclasses.Field) -> str:
    """What a key may be, in words: "a whole number, at least 1"."""
    limits = field.metadata
    item, is_tuple = _types(cls)[field.name]
    text = _NOUNS[item]
    if is_tuple:
        count = limits.get("count")
        plural = {bool: "true/false values", int: "whole numbers", float: "numbers", str: "texts"}[item]
        many = f"{limits['fewest']} or more" if limits.get("fewest") else "any number of"
        text = f"{count or many} {plural} parted by colons"
    if limits.get("choices"):
        text += f", one of {', '.join(str(choice) for choice in limits['choices'])}"
    low, high = limits.get("low"), limits.get("high")
    if low is not None:
        text += f", at least {low}" if high is None else f", from {low} to {high}"
    elif high is not None:
        text += f", at most {high}"
    return text


def _shown(value: Any) -> str:
    """The value as `--hparams` would write it."""
    if isinstance(value, tuple | list):
        return ":".join(_shown(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
