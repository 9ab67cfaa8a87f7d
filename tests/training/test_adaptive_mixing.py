"""Laws of adaptive mixing: steps go where one lowers the dev loss most, within bounds, and a state says it all."""

import json
import math

import pytest

from t2t_mm.errors import UserError
from t2t_mm.training.adaptive_mixing import CHANGE, AdaptiveMixing
from t2t_mm.training.quotas import ROUND

FLOOR = 0.3


def mixing(names="abc", floor=FLOOR, **more):
    return AdaptiveMixing(tuple(names), floor, **more)


def shares_after(*evaluations, every=100, **more):
    """The shares after evaluations, each a text of losses by problem: "5 4 3"."""
    made = mixing(**more)
    for number, text in enumerate(evaluations, 1):
        made.adapt(number * every, dict(zip(made.names, map(float, text.split()))))
    return made.shares_at(len(evaluations) * every)


def test_shares_are_equal_until_there_is_progress_to_compare():
    equal = pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert shares_after() == equal and shares_after("5 4 3") == equal
    assert shares_after("5 4 3", "5 4.5 3") == equal                      # nothing fell


def test_the_formula():
    """a and b fell by 1 and 3 in equally many steps, c rose."""
    found = shares_after("5 9 3", "4 6 3.5", every=300)
    wanted = [(1 - CHANGE) / 3 + CHANGE * (FLOOR / 3 + (1 - FLOOR) * gain) for gain in (0.25, 0.75, 0.0)]
    assert list(found.values()) == pytest.approx(wanted, abs=1e-3)


def test_what_counts_is_the_gain_of_a_step_not_of_an_evaluation():
    first = shares_after("5 5", "4 5", names="ab")
    assert first["a"] > 0.5 > first["b"]
    then = shares_after("5 5", "4 5", "3 4", names="ab")                  # the same gain, but b had fewer steps
    assert then["b"] > (1 - CHANGE) * first["b"] + CHANGE * 0.5 + 0.01


@pytest.mark.parametrize("floor", [0.1, 0.5, 1.0])
def test_no_share_falls_below_the_floor_or_below_half_at_once(floor):
    made, before = mixing(floor=floor), [1 / 3] * 3
    for number in range(1, 12):
        made.adapt(100 * number, {"a": 10.0 - number, "b": 5.0, "c": math.nan if number % 2 else 4.0})
        shares = list(made.shares_at(100 * number).values())
        assert sum(shares) == pytest.approx(1) and min(shares) >= floor / 3 - 2 / ROUND
        assert all(new >= (1 - CHANGE) * old - 2 / ROUND for old, new in zip(before, shares))
        before = shares
    assert before[0] == pytest.approx(1 - 2 / 3 * floor, abs=0.01)        # all that may move has moved


@pytest.mark.parametrize("per_step", [1, 2])
def test_between_evaluations_the_shares_are_kept_exactly(per_step):
    made = mixing(per_step=per_step, seed=4)
    made.adapt(200, {"a": 5.0, "b": 5.0, "c": 5.0})
    made.adapt(400, {"a": 3.0, "b": 4.5, "c": 5.0})
    for step in range(401, 700, 23):
        counts = made.counts_between(400, step)
        for name, share in made.shares_at(400).items():
            assert abs(counts[name] - per_step * (step - 400) * share) < 1 + 1e-6


def test_the_state_is_all_there_is():
    """Whoever takes over from a state, through JSON, has the same shares and order, now and after what follows."""
    made, losses = mixing(seed=6), {"a": 5.0, "b": 4.0, "c": 3.0}
    for number in range(1, 6):
        losses = {name: value * (0.95 - 0.1 * k) for k, (name, value) in enumerate(losses.items())}
        other = mixing(seed=6)
        other.restore(json.loads(json.dumps(made.state)))
        for one in (made, other):
            one.adapt(80 * number, losses)
        steps = range(80 * number, 80 * number + 60)
        assert [made.problems_at(step) for step in steps] == [other.problems_at(step) for step in steps]
        assert made.state == other.state


def test_what_cannot_work_is_said_beforehand():
    made = mixing(floor=0.1)
    made.check({"a": True, "b": True, "c": True}, 30)
    with pytest.raises(UserError, match="b has no dev split"):
        made.check({"a": True, "b": False, "c": True}, 30)
    with pytest.raises(UserError, match="30 steps or more .* --eval_interval is 29"):
        made.check({"a": True, "b": True, "c": True}, 29)
    mixing(floor=0.1, per_step=2).check({"a": True}, 15)
