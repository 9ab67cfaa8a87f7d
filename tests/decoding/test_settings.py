"""Laws of the decoding settings: the method follows from the choices, and contradictions are refused with a cure."""

import pytest

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError


@pytest.mark.parametrize(("choices", "method"), [
    ({}, "greedy"), ({"beam_size": 2}, "beam"), ({"temperature": 1.0}, "sample"), ({"top_k": 5}, "sample"),
    ({"top_p": 0.9}, "sample"), ({"beam_size": 1, "method": "beam"}, "beam"), ({"method": "sample"}, "sample"),
])
def test_the_method_follows_from_the_choices(choices, method):
    assert DecodeSettings(**choices).method == method


@pytest.mark.parametrize(("choices", "words"), [
    ({"beam_size": 0}, "--beam_size=0"), ({"alpha": -1.0}, "--alpha=-1.0"), ({"alpha": float("nan")}, "--alpha"),
    ({"max_length": 0}, "--max_length=0"), ({"temperature": 0.0}, "leave it out"), ({"top_k": -1}, "--top_k"),
    ({"top_p": 0.0}, "--top_p"), ({"top_p": 1.1}, "--top_p"), ({"seed": -1}, "--seed"), ({"n_best": 0}, "--n_best"),
    ({"method": "beams"}, "Did you mean 'beam'"), ({"beam_size": 4, "top_k": 3}, "Leave one of them out"),
    ({"method": "beam", "temperature": 1.0}, "for sampling"), ({"method": "greedy", "beam_size": 3}, "beam search"),
])
def test_what_cannot_be_is_refused(choices, words):
    with pytest.raises(UserError) as error:
        DecodeSettings(**choices)
    assert words in str(error.value)


@pytest.mark.parametrize("choices", [{"n_best": 2}, {"n_best": 5, "beam_size": 4}])
def test_more_results_than_the_search_keeps_are_refused_for_texts_only(choices):
    settings = DecodeSettings(**choices)
    settings.check_target(is_text=False)
    with pytest.raises(UserError, match=f"--beam_size={choices['n_best']}"):
        settings.check_target(is_text=True)
    DecodeSettings(n_best=2, temperature=1.0).check_target(is_text=True)
