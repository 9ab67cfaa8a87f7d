"""Laws of the hparams of mixing: what is asked for is what comes, and what is wrong is said before any work."""

import numpy as np
import pytest

from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.training.adaptive_mixing import AdaptiveMixing
from t2t_mm.training.mixing_hparams import loss_weights, make_mixing
from t2t_mm.training.quotas import ROUND

SIZES = {"big": 100_000, "middle": 10_000, "small": 1_000, "tiny": 40}


def made(text, sizes=None, seed=0):
    return make_mixing(Hparams().override(text), SIZES if sizes is None else sizes, seed)


def shares(text, step=0):
    return list(made(text).shares_at(step).values())


@pytest.mark.parametrize("text, amounts", [
    ("", [1, 1, 1, 1]), ("mixing=uniform", [1, 1, 1, 1]), ("mixing=proportional", list(SIZES.values())),
    ("mixing=temperature,mixing_temperature=3", [size ** (1 / 3) for size in SIZES.values()]),
    ("mixing=temperature,mixing_temperature=1", list(SIZES.values())),
    ("mixing=weights,mixing_weights=3:1.5:1:0.1", [3, 1.5, 1, 0.1]),
    ("mixing=schedule,mixing_schedule=0:proportional", list(SIZES.values())),
    ("mixing=schedule,mixing_schedule=0:0:1:0:3", [0, 1, 0, 3]), ("mixing=adaptive", [1, 1, 1, 1])])
def test_shares_are_what_was_asked_for(text, amounts):
    np.testing.assert_allclose(shares(text), np.asarray(amounts) / np.sum(amounts), atol=2 / ROUND)


def test_the_schedule_holds_and_moves():
    text = "mixing=schedule,mixing_schedule=0:uniform/100:1:0:0:1~300:0:1:1:0/400:proportional"
    assert shares(text, 99) == [0.25] * 4 and shares(text, 100) == [0.5, 0, 0, 0.5]
    np.testing.assert_allclose(shares(text, 200), [0.25] * 4)
    assert shares(text, 300) == shares(text, 399) == [0, 0.5, 0.5, 0]
    assert shares(text, 400) == shares("mixing=proportional")


def test_even_the_smallest_share_comes_in_a_round():
    mixing = made("mixing=proportional", {"huge": 10 ** 9, "one": 1})
    assert mixing.counts_between(0, ROUND)["one"] == 1


def test_the_seed_and_the_problems_per_step_are_those_of_the_run():
    text = "mixing=weights,mixing_weights=3:2:2:1"
    one, other = (made(text, seed=seed) for seed in (1, 2))
    assert [one.problems_at(step) for step in range(50)] != [other.problems_at(step) for step in range(50)]
    assert len(made(f"{text},problems_per_step=3").problems_at(7)) == 3
    assert isinstance(made("mixing=adaptive"), AdaptiveMixing)


@pytest.mark.parametrize("text, said", [
    ("mixing=weights", "mixing_weights=1:1:1:1"), ("mixing=weights,mixing_weights=1:2", "2 weights for 4 problems"),
    ("mixing_weights=1", "mixing_weights is given, but mixing=uniform. Add mixing=weights"),
    ("mixing=weights,mixing_weights=1e308:1e308:1:1", "sum of the weights is no number"),
    ("mixing=schedule,mixing_schedule=0:1e308:1e308:1:1", "at least 0"),
    ("mixing=weights,mixing_weights=1:2:0:1", "weight of small is 0"),
    ("mixing_schedule=0:uniform", "mixing=uniform. Add mixing=schedule"),
    ("mixing=schedule", "'' is not a step, a colon and shares"),
    ("mixing=schedule,mixing_schedule=uniform", "'uniform' is not a step"),
    ("mixing=schedule,mixing_schedule=0:uniform/", "'' is not a step"),
    ("mixing=schedule,mixing_schedule=0:unifrom", "Did you mean 'uniform'"),
    ("mixing=schedule,mixing_schedule=0:weights", "neither uniform, proportional, temperature nor weights"),
    ("mixing=schedule,mixing_schedule=5:uniform", "begins at step 5, and not at 0"),
    ("mixing=schedule,mixing_schedule=0:uniform/9:uniform~9:uniform", "step 9 comes after step 9"),
    ("mixing=schedule,mixing_schedule=0:uniform/1e3:uniform", "'1e3:uniform' is not a step"),
    ("mixing=schedule,mixing_schedule=0:uniform/10:1:2:3", "'10:1:2:3' has 3 weights for 4 problems"),
    ("mixing=schedule,mixing_schedule=0:uniform/10:1:2:x:3", "no numbers"),
    ("mixing=schedule,mixing_schedule=0:0:0:0:0", "at least 0, and one of them more"),
    ("mixing=schedule,mixing_schedule=0:1:-1:1:1", "at least 0"),
    ("mixing=schedule,mixing_schedule=0:1:nan:1:1", "at least 0"),
])
def test_wrong_settings_say_what_to_do(text, said):
    with pytest.raises(UserError) as error:
        made(text)
    assert said in str(error.value)
    assert "mixing=" in str(error.value) or "mixing_weights" in str(error.value)


@pytest.mark.parametrize("kind", ["mixing=proportional", "mixing=temperature",
                                  "mixing=schedule,mixing_schedule=0:uniform/5:proportional"])
def test_shares_by_size_need_sizes(kind):
    with pytest.raises(UserError, match="b has 0"):
        made(kind, {"a": 3, "b": 0})
    made("mixing=uniform", {"a": 3, "b": 0})


def test_weights_of_losses_are_one_for_each_problem_or_none():
    assert loss_weights(Hparams(), ("a", "b")) == {"a": 1.0, "b": 1.0}
    assert loss_weights(Hparams().override("loss_weights=1:0.5"), ("a", "b")) == {"a": 1.0, "b": 0.5}
    for wrong, said in (("1", "1 weights for 2 problems"), ("1:0", "weight of b is 0")):
        with pytest.raises(UserError, match=said):
            loss_weights(Hparams().override(f"loss_weights={wrong}"), ("a", "b"))
