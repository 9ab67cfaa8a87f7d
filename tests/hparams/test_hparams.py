"""Laws of Hparams: every way in checks, every way out leads back."""

import dataclasses
import json
from dataclasses import dataclass

import pytest

from t2t_mm import registry
from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams, hparam


@dataclass(frozen=True)
class Toy(Hparams):
    use_it: bool = hparam(False, "whether to")
    depth: int = hparam(2, "how deep", low=1, high=9)
    rate: float = hparam(0.5, "how fast", low=0.0, high=1.0)
    body: str = hparam("conv", "what kind", choices=("conv", "attention"))
    dilations: tuple[int, ...] = hparam((1, 8), "how wide", low=1, count=2)
    shares: tuple[float, ...] = hparam((), "how much")
    words: tuple[str, ...] = hparam(("a",), "which", choices=("a", "b"))


GOOD = {
    "use_it=true": ("use_it", True), "use_it=0": ("use_it", False), "depth=9": ("depth", 9), "depth=1": ("depth", 1),
    "rate=1": ("rate", 1.0), "rate=2.5e-1": ("rate", 0.25), "body=attention": ("body", "attention"),
    "dilations=2:4": ("dilations", (2, 4)), "shares=": ("shares", ()), "shares=1": ("shares", (1.0,)),
    "words=b:a": ("words", ("b", "a")), "train_steps=2e5": ("train_steps", 200000),
}
BAD = {
    "use_it=maybe": "true or false", "depth=0": "from 1 to 9", "depth=10": "from 1 to 9", "depth=2.5": "whole number",
    "depth=x": "whole number", "depth=1.5e0": "whole number", "rate=1.01": "from 0.0 to 1.0", "rate=nan": "a number",
    "rate=inf": "a number", "train_steps=1e999": "whole number", "rate=": "a number", "depth=1:2": "whole number",
    "body=attenton": "Did you mean 'attention'", "dilations=2": "2 whole numbers", "dilations=0:1": "at least 1",
    "dilations=1:x": "whole numbers", "words=c": "one of a, b", "dept=3": "Did you mean 'depth'", "depth": "key=value",
    "depth=1,depth=2": "twice",
}


@pytest.mark.parametrize("text", GOOD)
def test_override_sets_one_key_to_a_value_of_its_type_and_nothing_else(text):
    key, value = GOOD[text]
    new = Toy().override(text)
    assert getattr(new, key) == value and type(getattr(new, key)) is type(value)
    assert new.replace(**{key: getattr(Toy(), key)}) == Toy()


@pytest.mark.parametrize("text", BAD)
def test_override_refuses_and_names_key_and_expectation(text):
    with pytest.raises(UserError, match=BAD[text]) as caught:
        Toy().override(text)
    assert text.partition("=")[0] in str(caught.value)


def test_overrides_add_up_in_any_spacing():
    assert Toy().override(" depth = 3 , rate=0.1,") == Toy(depth=3, rate=0.1)
    assert Toy().override("depth=3").override("rate=0.1") == Toy(depth=3, rate=0.1)
    assert Toy().override("") == Toy() == Toy().override(None)


@pytest.mark.parametrize("key,value", [("depth", 0), ("depth", True), ("depth", 2.0), ("use_it", 1), ("rate", "1"),
                                       ("body", "x"), ("dilations", (1,)), ("dilations", [1, 2]), ("shares", 1.0)])
def test_constructor_replace_and_from_dict_check_alike(key, value):
    for make in (lambda: Toy(**{key: value}), lambda: Toy().replace(**{key: value}),
                 lambda: dataclasses.replace(Toy(), **{key: value})):
        with pytest.raises(UserError, match=key):
            make()
    if not isinstance(value, list):  # from JSON, a list is a tuple
        with pytest.raises(UserError, match=key):
            Toy.from_dict({key: value})


def test_whole_numbers_are_numbers_and_frozen_means_frozen():
    assert type(Toy(rate=1).rate) is float and Toy(shares=(1, 2)).shares == (1.0, 2.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Toy().depth = 3


@pytest.mark.parametrize("text", GOOD)
def test_json_leads_back(text):
    new = Toy().override(text)
    assert Toy.from_dict(json.loads(json.dumps(new.to_dict()))) == new


def test_from_dict_fills_in_defaults_and_refuses_unknown_keys():
    assert Toy.from_dict({}) == Toy()
    with pytest.raises(UserError, match="Did you mean 'depth'"):
        Toy.from_dict({"depths": 1})
    with pytest.raises(UserError, match="no key"):
        Toy().replace(depths=1)


def test_describe_has_a_line_for_each_key_that_override_can_read():
    toy = Toy(shares=(0.5, 2.0), use_it=True)
    lines = toy.describe().splitlines()
    assert [line.split(" = ")[0].strip() for line in lines] == [field.name for field in dataclasses.fields(toy)]
    for line, field in zip(lines, dataclasses.fields(toy)):
        value = line.split(" = ")[1].split("  ")[0].strip()
        assert Toy().override(f"{field.name}={value}") == Toy().replace(**{field.name: getattr(toy, field.name)})
        assert field.metadata["help"] in line


def test_a_key_of_another_type_is_refused_at_the_first_use():
    @dataclass(frozen=True)
    class Wrong(Hparams):
        table: dict = hparam(None, "no")

    with pytest.raises(TypeError, match="Wrong.table"):
        Wrong()


@pytest.mark.parametrize("name", registry.names("hparams"))
def test_every_registered_set_is_described_and_survives_json(name):
    hparams = registry.hparams(name)
    assert isinstance(hparams, Hparams)
    assert all(field.metadata.get("help") for field in dataclasses.fields(hparams))
    assert type(hparams).from_dict(json.loads(json.dumps(hparams.to_dict()))) == hparams
