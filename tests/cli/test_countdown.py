"""Laws of the line about work whose end is known."""

from t2t_mm.cli.countdown import EVERY, Countdown


def test_it_says_rate_and_time_left_now_and_then_and_counts_nothing_done_before(capsys):
    now = [0.0]
    countdown = Countdown("t2t-x", "inputs", 5000, done=1000, clock=lambda: now[0])
    for second in range(1, 41):
        now[0] = float(second)
        countdown.update(1000 + 50 * second)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 40 / EVERY
    assert said[0] == "t2t-x: 1,500 of 5,000 inputs (30%)  50.0/s  left 1:10"
    assert said[-1] == "t2t-x: 3,000 of 5,000 inputs (60%)  50.0/s  left 0:40"


def test_short_work_is_silent_and_nothing_done_is_no_speed(capsys):
    now = [0.0]
    countdown = Countdown("t2t-x", "inputs", 0, clock=lambda: now[0])
    countdown.update(0)
    now[0] = 2 * EVERY
    countdown.update(0)
    assert not capsys.readouterr().err
