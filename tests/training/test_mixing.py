"""Laws of the mixing schedule: shares kept in every window, pure in (seed, step), wrong settings explained."""

import numpy as np
import pytest

from t2t_mm.errors import UserError
from t2t_mm.training.mixing import ROUND, Mixing

SIZES = {"big": 100_000, "middle": 10_000, "small": 1_000, "tiny": 40}
MIXINGS = {
    "uniform": Mixing(tuple(SIZES), SIZES),
    "proportional": Mixing(tuple(SIZES), SIZES, "proportional"),
    "temperature": Mixing(tuple(SIZES), SIZES, "temperature", temperature=3.0),
    "weights": Mixing(tuple(SIZES), SIZES, "weights", weights=(3, 1.5, 1, 0.1)),
    "alone": Mixing(("big",), SIZES),
    "many": Mixing([f"p{i}" for i in range(13)], {}, "weights", weights=[1 + i * i for i in range(13)]),
}


@pytest.fixture(params=MIXINGS)
def mixing(request):
    return MIXINGS[request.param]


def drawn(mixing, seed, stop):
    return [mixing.problem_at(seed, step) for step in range(stop)]


@pytest.mark.parametrize("seed", [0, 7])
def test_counts_stay_within_one_of_the_shares_and_windows_within_two(mixing, seed):
    names = np.array(drawn(mixing, seed, ROUND + 2000))
    for name, share in mixing.shares.items():
        excess = np.concatenate([[0], np.cumsum((names == name) - share)])
        assert np.abs(excess).max() < 1 + 1e-6
        assert excess.max() - excess.min() < 2 + 1e-6     # the largest deviation of any window at all


def test_a_round_has_exactly_the_shares(mixing):
    counts = mixing.steps_between(3, 0, ROUND)
    assert {name: counts[name] / ROUND for name in counts} == mixing.shares
    assert sum(mixing.shares.values()) == pytest.approx(1.0, abs=1e-12)


def test_shares_are_what_was_asked_for():
    sizes = np.array(list(SIZES.values()))
    wished = {"uniform": np.ones(4), "proportional": sizes, "temperature": sizes ** (1 / 3),
              "weights": [3, 1.5, 1, 0.1]}
    for kind, amounts in wished.items():
        shares = list(MIXINGS[kind].shares.values())
        np.testing.assert_allclose(shares, np.asarray(amounts) / np.sum(amounts), atol=2 / ROUND)


def test_temperature_goes_from_proportional_to_uniform():
    one = Mixing(tuple(SIZES), SIZES, "temperature", temperature=1.0)
    endless = Mixing(tuple(SIZES), SIZES, "temperature", temperature=float("inf"))
    assert one.shares == MIXINGS["proportional"].shares
    assert endless.shares == MIXINGS["uniform"].shares


def test_no_state_and_no_order_of_asking(mixing):
    again = Mixing(mixing.names, {}, "weights", weights=list(mixing.shares.values()))
    steps = [ROUND + 5, 3, 0, 999, 3]
    assert [again.problem_at(1, step) for step in steps] == [mixing.problem_at(1, step) for step in steps]
    assert mixing.problem_at(1, 3) == mixing.problem_at(1, ROUND * 4 + 3)


def test_the_seed_changes_the_order_and_not_the_shares():
    mixing = MIXINGS["uniform"]
    assert drawn(mixing, 1, 100) != drawn(mixing, 2, 100)
    assert mixing.steps_between(1, 0, 400) == mixing.steps_between(2, 0, 400)


@pytest.mark.parametrize("start, stop", [(0, 0), (5, 40), (ROUND - 3, ROUND + 9), (100, 2 * ROUND + 100)])
def test_steps_between_counts_what_comes(mixing, start, stop):
    counts = mixing.steps_between(4, start, stop)
    assert set(counts) == set(mixing.names) and sum(counts.values()) == stop - start
    if stop - start < 100:
        came = [mixing.problem_at(4, step) for step in range(start, stop)]
        assert all(counts[name] == came.count(name) for name in mixing.names)


def test_a_problem_that_never_comes_is_named():
    text = MIXINGS["proportional"].warning(0, 20)
    assert "tiny" in text and "mixing" in text and "big" not in text
    assert MIXINGS["uniform"].warning(0, 20) is None


def test_even_the_smallest_share_comes_in_a_round():
    mixing = Mixing(("huge", "one"), {"huge": 10 ** 9, "one": 1}, "proportional")
    assert mixing.steps_between(0, 0, ROUND)["one"] == 1


@pytest.mark.parametrize("arguments, said", [
    (dict(names=(), sizes={}), "--problem"),
    (dict(names=("a", "a"), sizes={}), "2 times"),
    (dict(names=("a", "b"), sizes={}, kind="wieghts"), "'weights'"),
    (dict(names=("a", "b"), sizes={}, kind="weights", weights=(1,)), "1:1"),
    (dict(names=("a", "b"), sizes={}, kind="weights", weights=(1, 0)), "weight of b"),
    (dict(names=("a", "b"), sizes={}, kind="weights", weights=(1, float("nan"))), "weight of b"),
    (dict(names=("a", "b"), sizes={"a": 3}, kind="proportional"), "b has"),
    (dict(names=("a", "b"), sizes={"a": 3, "b": 0}, kind="temperature"), "b has 0"),
    (dict(names=("a", "b"), sizes={"a": 3, "b": 1}, kind="temperature", temperature=0), "above 0"),
])
def test_wrong_settings_say_what_to_do(arguments, said):
    with pytest.raises(UserError) as error:
        Mixing(**arguments)
    assert said in str(error.value)
