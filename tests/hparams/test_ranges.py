"""Laws of Ranges: draws stay in range, fit the hparams, and depend on the seed and the key alone."""

import math

import pytest

from t2t_mm import registry
from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.hparams.ranges import Ranges


def ranges() -> Ranges:
    return (Ranges(Hparams())
            .float("learning_rate", 1e-4, 1e-2, scale="log")
            .float("dropout", 0.0, 0.3)
            .int("hidden_size", 2, 5)
            .discrete("batch_size", [256, 1024])
            .categorical("mixing", ["uniform", "temperature"])
            .categorical("mixing_weights", [(1.0, 2.0), ()]))


def drawn(seed=1, count=400) -> list[Hparams]:
    return [Hparams().override(text) for text in ranges().sample(seed, count)]


def test_every_draw_is_in_range_and_every_choice_is_drawn():
    sets = drawn()
    assert all(1e-4 <= one.learning_rate <= 1e-2 and 0 <= one.dropout <= 0.3 for one in sets)
    assert {one.hidden_size for one in sets} == {2, 3, 4, 5}
    assert {one.batch_size for one in sets} == {256, 1024}
    assert {one.mixing for one in sets} == {"uniform", "temperature"}
    assert {one.mixing_weights for one in sets} == {(), (1.0, 2.0)}


def test_log_draws_have_their_middle_at_the_geometric_mean():
    below = sum(one.learning_rate < 1e-3 for one in drawn()) / 400
    assert math.isclose(below, 0.5, abs_tol=0.1)
    assert math.isclose(sum(one.dropout < 0.15 for one in drawn()) / 400, 0.5, abs_tol=0.1)


def test_the_seed_decides_and_more_draws_only_add():
    assert ranges().sample(7, 5) == ranges().sample(7, 9)[:5]
    assert ranges().sample(7, 5) != ranges().sample(8, 5)


def test_another_key_leaves_the_draws_of_the_rest_as_they_were():
    more = ranges().float("clip_norm", 0.5, 1.0).sample(3, 4)
    assert [text.rpartition(",")[0] for text in more] == ranges().sample(3, 4)


def test_trials_are_the_draws_one_after_another():
    assert [ranges().trial(number) for number in (1, 2, 3)] == ranges().sample(0, 3)


def test_a_range_says_what_it_draws():
    def words(line):
        return line.split(maxsplit=1)

    found = Ranges(Hparams()).float("learning_rate", 1e-4, 0.01, scale="log").int("batch_size", 8, 64)
    found = found.discrete("warmup_steps", [10, 20]).categorical("mixing", ["uniform", "proportional"])
    assert list(map(words, found.describe().splitlines())) == [
        ["learning_rate", "0.0001 to 0.01, log"], ["batch_size", "whole numbers, 8 to 64, linear"],
        ["warmup_steps", "one of 10, 20"], ["mixing", "one of uniform, proportional"]]


@pytest.mark.parametrize("wrong,match", [
    (lambda r: r.float("learning_rat", 0, 1), "Did you mean 'learning_rate'"),
    (lambda r: r.float("dropout", 0, 2), "dropout"),
    (lambda r: r.int("hidden_size", 0, 2), "at least 1"),
    (lambda r: r.float("hidden_size", 1.5, 2.5), "whole number"),
    (lambda r: r.categorical("mixing", ["uniform", "unifrom"]), "one of uniform"),
    (lambda r: r.discrete("batch_size", []), "empty"),
    (lambda r: r.float("learning_rate", 0.0, 1.0, scale="log"), "0 < low"),
    (lambda r: r.float("learning_rate", 1.0, 0.1), "low <= high"),
    (lambda r: r.float("learning_rate", 0.1, 1.0, scale="cubic"), "no scale 'cubic'"),
    (lambda r: r.int("max_length", 5, 9).int("max_length", 5, 9), "twice"),
])
def test_a_wrong_range_is_refused_where_it_is_written(wrong, match):
    with pytest.raises(UserError, match=match):
        wrong(Ranges(Hparams()))


@pytest.mark.parametrize("name", registry.names("ranged_hparams"))
def test_every_registered_range_draws_what_its_base_accepts(name):
    found = registry.ranged_hparams(name)
    assert all(isinstance(found.base.override(text), Hparams) for text in found.sample(1, 20))
