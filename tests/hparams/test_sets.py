"""Laws of all registered sets: they build, they fit a model, and their sizes fit each other."""

import dataclasses
import inspect

import pytest

from t2t_mm import registry
from t2t_mm.hparams.hparams import Hparams

SETS = registry.names("hparams")
every_set = pytest.mark.parametrize("name", SETS)


@every_set
def test_a_set_builds_and_survives_json(name):
    hparams = registry.hparams(name)
    assert isinstance(hparams, Hparams) and hparams == registry.hparams(name)
    assert type(hparams).from_dict(hparams.to_dict()) == hparams
    assert hparams.override("") == hparams


@every_set
def test_sizes_fit_each_other(name):
    hparams = registry.hparams(name)
    assert hparams.hidden_size % getattr(hparams, "num_heads", 1) == 0
    assert getattr(hparams, "experts_per_token", 0) <= getattr(hparams, "num_experts", 0)
    assert hparams.min_bucket <= hparams.max_length <= hparams.batch_size
    assert len(getattr(hparams, "audio_filters", (1, 1))) >= 2


def function_of(name):
    kind = "ranged_hparams" if name in registry.names("ranged_hparams") else "hparams"
    registry.hparams(name) if kind == "hparams" else registry.ranged_hparams(name)
    return registry._tables.objects[kind, name]


@pytest.mark.parametrize("name", [*SETS, *registry.names("ranged_hparams")])
def test_a_set_says_in_a_sentence_what_it_is_for(name):
    first = (inspect.getdoc(function_of(name)) or "").split("\n")[0]
    assert first.endswith(".") and len(first) > 20


@every_set
def test_a_set_belongs_to_a_model(name):
    classes = {registry.model(model).hparams_class for model in registry.names("model")}
    assert type(registry.hparams(name)) in classes


@pytest.mark.parametrize("model", registry.names("model"))
def test_a_model_has_a_set_and_its_keys_say_what_they_are(model):
    cls = registry.model(model).hparams_class
    assert any(type(registry.hparams(name)) is cls for name in SETS)
    assert [field.name for field in dataclasses.fields(cls) if not field.metadata.get("help")] == []


@pytest.mark.parametrize("name", registry.names("ranged_hparams"))
def test_every_draw_of_a_range_fits_its_set(name):
    ranges = registry.ranged_hparams(name)
    draws = ranges.sample(seed=3, count=50)
    assert len(set(draws)) > 25
    for text in draws:
        changed = ranges.base.override(text)
        assert changed.hidden_size % getattr(changed, "num_heads", 1) == 0
