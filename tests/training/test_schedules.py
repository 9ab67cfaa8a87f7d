"""Laws of the learning rate: warm-up, peak and fall."""

import numpy as np
import pytest

from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.training import schedules

PEAK, WARMUP, STEPS = 0.25, 10, 60
KINDS = Hparams.__dataclass_fields__["learning_rate_schedule"].metadata["choices"]


def rates(kind, warmup=WARMUP):
    return np.array([schedules.learning_rate(kind, step, PEAK, warmup, STEPS) for step in range(STEPS + 20)])


@pytest.mark.parametrize("kind", KINDS)
def test_climbs_in_a_line_to_the_peak_and_never_rises_again(kind):
    values = rates(kind)
    np.testing.assert_allclose(values[:WARMUP], PEAK * np.arange(1, WARMUP + 1) / WARMUP)
    assert (np.diff(values[WARMUP - 1:]) <= 0).all()
    assert (values[:STEPS] > 0).all() and values.max() == pytest.approx(PEAK)


@pytest.mark.parametrize("kind", schedules.FALLING_TO_ZERO)
def test_falls_to_zero_at_the_end_and_stays(kind):
    values = rates(kind)
    np.testing.assert_allclose(values[STEPS:], 0, atol=1e-9)
    half = (WARMUP + STEPS - 1) // 2
    assert values[half] == pytest.approx(PEAK / 2, rel=0.05)      # both pass the half in the middle


def test_rsqrt_halves_when_time_is_four_times_as_long():
    early, late = (schedules.learning_rate("rsqrt", t - 1, PEAK, WARMUP) for t in (3 * WARMUP, 12 * WARMUP))
    assert late == pytest.approx(early / 2)


def test_constant_without_warmup_is_the_peak():
    assert (rates("constant", warmup=0) == PEAK).all()


@pytest.mark.parametrize("kind, warmup, steps, said", [
    ("linear", 5, 0, "--train_steps"), ("cosine", 50, 40, "warmup_steps=50")])
def test_impossible_schedules_say_what_to_do(kind, warmup, steps, said):
    with pytest.raises(UserError) as error:
        schedules.check(kind, warmup, steps)
    assert said in str(error.value)


def test_what_hparams_do_not_offer_is_no_schedule():
    with pytest.raises(KeyError, match="cosin"):
        schedules.learning_rate("cosin", 0, PEAK, WARMUP, STEPS)
