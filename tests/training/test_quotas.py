"""Laws of quotas: whole steps that sum up, and an order that is less than a step away from any targets."""

import numpy as np
import pytest

from t2t_mm.training.quotas import ROUND, order, whole_steps

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("amounts", [[1], [1, 1], [3, 1.5, 1, 0.1], [1e9, 1], [0, 2, 0, 1e-9], [0.2] * 7])
def test_whole_steps_sum_up_and_leave_out_only_what_has_nothing(amounts):
    counts = np.array(whole_steps(amounts))
    assert counts.sum() == ROUND
    assert [count > 0 for count in counts] == [amount > 0 for amount in amounts]
    assert np.abs(counts / ROUND - np.array(amounts) / np.sum(amounts)).max() <= 2 * len(amounts) / ROUND


@pytest.mark.parametrize("problems", [1, 2, 5, 11])
@pytest.mark.parametrize("change", ["constant", "every step", "with pauses"])
def test_no_count_is_a_step_away_from_its_target(problems, change):
    steps = 3000
    shares = RNG.dirichlet(np.ones(problems), size=1 if change == "constant" else steps)
    if change == "with pauses":
        shares *= (RNG.random(shares.shape) < 0.5) | (np.arange(problems) == 0)
        shares /= shares.sum(axis=1, keepdims=True)
    sums = np.cumsum(np.broadcast_to(shares, (steps, problems)), axis=0)
    targets = np.concatenate([np.zeros((1, problems)), sums])
    counts = np.cumsum(np.eye(problems)[order(targets, seed=1)], axis=0)
    assert np.abs(counts - sums).max() < 1 + 1e-5


def test_the_seed_decides_between_equals_only():
    targets = np.arange(13.0)[:, None] * [0.5, 0.5]
    orders = {tuple(order(targets, seed)) for seed in range(20)}
    assert len(orders) > 1 and all(sorted(one[i:i + 2]) == [0, 1] for one in orders for i in range(0, 12, 2))
    assert tuple(order(targets, 5)) == tuple(order(targets, 5))
