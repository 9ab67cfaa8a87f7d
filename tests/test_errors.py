"""The hint names what is near and nothing else."""

import random
import string

import pytest

from t2t_mm.errors import UserError, did_you_mean

KNOWN = ("learning_rate", "learning_rate_schedule", "hidden_size", "dropout", "batch_size")


@pytest.mark.parametrize("name", KNOWN)
def test_every_single_slip_finds_the_name_again(name):
    rng = random.Random(name)
    for _ in range(50):
        i = rng.randrange(len(name))
        slip = name[:i] + rng.choice(["", rng.choice(string.ascii_lowercase), name[i] + "x"]) + name[i + 1:]
        assert repr(name) in did_you_mean(slip, KNOWN), slip


def test_no_hint_where_nothing_is_near():
    assert did_you_mean("zzz", KNOWN) == ""
    assert did_you_mean("anything", ()) == ""


def test_a_part_of_a_name_finds_it():
    assert did_you_mean("multimodel_tiny_of_mine_and_yours", ["multimodel"]) == " Did you mean 'multimodel'?"


def test_at_most_n_names_joined_by_or():
    near = [f"name_{i}" for i in range(9)]
    for n in (1, 2, 3):
        hint = did_you_mean("name_", near, n=n)
        assert hint.startswith(" Did you mean '") and hint.endswith("'?") and hint.count(" or ") == n - 1


def test_user_error_is_an_exception_that_keeps_its_text():
    with pytest.raises(UserError, match="^do this$"):
        raise UserError("do this")
