"""Laws of mixing: shares kept at every moment of every stage, pure in (seed, step), pauses that are pauses."""

import numpy as np
import pytest

from t2t_mm.training.mixing import Mixing, Stage
from t2t_mm.training.quotas import ROUND, whole_steps

NAMES = ("big", "middle", "small", "tiny")
WEIGHTS = {"uniform": (1, 1, 1, 1), "unequal": (1000, 100, 10, 4), "alone": (1,),
           "many": [1 + i * i for i in range(13)]}


def mixing_of(*stages, seed=0, per_step=1):
    """(start, weights) or (start, weights, glides) of each stage → Mixing."""
    built = [Stage(start, whole_steps(weights), *glides) for start, weights, *glides in stages]
    count = len(stages[0][1])
    return Mixing([*NAMES, *(f"p{i}" for i in range(count))][:count], built, seed, per_step)


STAGED = [(0, (1, 2, 1, 0)), (500, (5, 1, 1, 1), True), (1700, (0, 0, 1, 3), True), (2000, (0, 1, 0, 0)),
          (2100, (3, 1, 2, 0.5))]


def drawn(mixing, stop, start=0):
    return [name for step in range(start, stop) for name in mixing.problems_at(step)]


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("seed", [0, 7])
def test_counts_stay_within_one_of_the_shares_and_windows_within_two(weights, seed):
    mixing = mixing_of((0, weights), seed=seed)
    names = np.array(drawn(mixing, ROUND + 2000))
    for name, share in mixing.shares_at(0).items():
        excess = np.concatenate([[0], np.cumsum((names == name) - share)])
        assert np.abs(excess).max() < 1 + 1e-6
        assert excess.max() - excess.min() < 2 + 1e-6     # the largest deviation of any window at all


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_a_round_has_exactly_the_shares(weights):
    mixing = mixing_of((0, weights), seed=3)
    counts = mixing.counts_between(0, ROUND)
    assert {name: counts[name] / ROUND for name in counts} == mixing.shares_at(0)
    assert sum(mixing.shares_at(0).values()) == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(list(mixing.shares_at(0).values()), np.array(weights) / np.sum(weights), atol=2 / ROUND)


@pytest.mark.parametrize("per_step", [1, 3])
def test_in_every_stage_counts_stay_within_one_of_the_sum_of_its_shares(per_step):
    mixing = mixing_of(*STAGED, seed=5, per_step=per_step)
    starts = [start for start, *_ in STAGED] + [2600]
    for start, stop in zip(starts, starts[1:]):
        came = np.array(drawn(mixing, stop, start)).reshape(-1, per_step)
        shares = np.array([list(mixing.shares_at(step).values()) for step in range(start, stop)])
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
        for name, share in zip(NAMES, shares.T):
            excess = np.cumsum((came == name).sum(axis=1) - per_step * share)
            assert np.abs(excess).max() < 1 + 1e-5


def test_a_problem_without_weight_pauses():
    mixing = mixing_of(*STAGED)
    assert "tiny" not in drawn(mixing, 500) and set(drawn(mixing, 2100, 2000)) == {"middle"}
    assert mixing.shares_at(2050) == {"big": 0, "middle": 1, "small": 0, "tiny": 0}


def test_shares_glide_in_a_straight_line_and_jump_otherwise():
    mixing = mixing_of((0, (1, 3)), (100, (1, 1), True), (300, (1, 0), True), (400, (1, 4)))
    at = {step: round(mixing.shares_at(step)["big"], 4) for step in (0, 99, 100, 200, 300, 350, 399, 400, 9999)}
    assert at == {0: 0.25, 99: 0.25, 100: 0.5, 200: 0.75, 300: 1.0, 350: 0.6, 399: 0.208, 400: 0.2, 9999: 0.2}


@pytest.mark.parametrize("stages", [[(0, (3, 1, 1, 0.1))], STAGED], ids=["one stage", "stages"])
def test_no_state_and_no_order_of_asking(stages):
    asked = [ROUND + 5, 3, 0, 999, 2001, 1750, 3]
    one, other = mixing_of(*stages, seed=1), mixing_of(*stages, seed=1)
    assert [one.problems_at(step) for step in asked] == [other.problems_at(step) for step in asked[::-1]][::-1]
    last = stages[-1][0]
    assert drawn(one, last + 50, last) == drawn(one, last + 4 * ROUND + 50, last + 4 * ROUND)


def test_the_seed_changes_the_order_and_not_the_shares():
    one, other = mixing_of((0, (1, 1, 1)), seed=1), mixing_of((0, (1, 1, 1)), seed=2)
    assert drawn(one, 100) != drawn(other, 100)
    assert one.counts_between(0, 300) == other.counts_between(0, 300)


@pytest.mark.parametrize("start, stop", [(0, 0), (5, 40), (490, 520), (ROUND - 3, ROUND + 9), (100, 2400)])
@pytest.mark.parametrize("per_step", [1, 2])
def test_counts_between_are_what_comes(start, stop, per_step):
    mixing = mixing_of(*STAGED, seed=4, per_step=per_step)
    counts, came = mixing.counts_between(start, stop), drawn(mixing, stop, start)
    assert {name: counts[name] for name in counts} == {name: came.count(name) for name in NAMES}


def test_several_problems_a_step_are_the_same_order():
    one, two = mixing_of((0, (3, 2, 1)), seed=2), mixing_of((0, (3, 2, 1)), seed=2, per_step=2)
    assert drawn(one, 60) == drawn(two, 30)


def test_a_problem_that_never_comes_is_named():
    text = mixing_of((0, (1000, 100, 100, 1))).warning(20)
    assert "tiny" in text and "mixing" in text and "big" not in text
    assert mixing_of((0, (1, 1))).warning(20) is None


def test_every_stage_is_described():
    lines = mixing_of((0, (1, 1)), (2000, (1, 3), True), (3000, (0, 1))).describe()
    assert lines[0] == "Share of the steps from step 0 on: big 50.0%, middle 50.0%."
    assert "step 2,000" in lines[1] and "middle 75.0%" in lines[1] and "straight line" in lines[1]
    assert len(lines) == 3 and "big 0.0%" in lines[2]
    assert mixing_of((0, (1, 3))).describe({"big": 1000, "middle": 9}) == [
        "Share of the steps: big 25.0% (1,000 examples), middle 75.0% (9 examples)."]
