"""Laws of progress: plain lines that hold step, speed, time left and losses; evaluations do not slow the figures."""

import pytest

from t2t_mm.training.progress import Progress, Taken


class Clock:
    """Seconds that pass only when told to."""

    now = 100.0

    def __call__(self):
        return self.now


def steps(progress, clock, first, last, seconds=0.5, tokens=30.0, examples=4.0):
    for step in range(first, last):
        clock.now += seconds
        progress.update(step + 1, [Taken("p", 2.0, tokens, examples)])


def test_a_line_says_it_all():
    clock, lines = Clock(), []
    with Progress(400, report=lines.append, clock=clock) as progress:
        steps(progress, clock, 0, 50)
        progress.log()
        progress.say("done")
    assert lines == ["step 50/400 (12%)  left 2:55  8 examples/s  60 target tokens/s  loss: p 2.000", "done"]


def test_before_the_first_step_there_is_no_speed():
    progress = Progress(10, report=print, clock=Clock())
    assert progress.speeds() == {} and progress.line() == "step 0/10 (0%)"


def test_a_resumed_run_counts_only_its_own_steps():
    clock = Clock()
    progress = Progress(1000, start=900, report=print, clock=clock)
    steps(progress, clock, 900, 910)
    assert progress.speeds()["steps_per_second"] == pytest.approx(2.0)
    assert "left 0:45" in progress.line()


def test_pauses_do_not_count():
    clock = Clock()
    progress = Progress(100, report=print, clock=clock)
    steps(progress, clock, 0, 5)
    with progress.pause():
        clock.now += 1000
    steps(progress, clock, 5, 10)
    assert progress.speeds() == pytest.approx(
        {"steps_per_second": 2.0, "examples_per_second": 8.0, "target_tokens_per_second": 60.0})


def test_speed_follows_the_last_half_minute():
    clock = Clock()
    progress = Progress(1000, report=print, clock=clock)
    steps(progress, clock, 0, 3, seconds=60.0)  # tracing
    steps(progress, clock, 3, 100)
    assert progress.speeds()["steps_per_second"] == pytest.approx(2.0)


def test_the_step_that_traces_a_problem_counts_in_no_speed():
    clock = Clock()
    progress = Progress(100, report=print, clock=clock)
    for step in range(10):
        clock.now += 20.0 if step in (0, 4) else 0.5
        progress.update(step + 1, [Taken("a" if step < 4 else "b", 2.0, 30.0, 4.0)])
    assert progress.speeds()["steps_per_second"] == pytest.approx(2.0)
    assert "left 0:45" in progress.line()


def test_a_block_has_a_line_for_each_loss():
    progress = Progress(10, report=print, clock=Clock())
    progress.update(1, [Taken("a", 1.0, 1.0, 1.0), Taken("b", 5.0, 1.0, 1.0)])
    assert progress.line("\n").splitlines() == ["step 1/10 (10%)", "loss: a 1.000,", "b 5.000"]


def test_losses_are_smoothed_per_problem():
    progress = Progress(10, report=print, clock=Clock())
    for step, loss in enumerate((1.0, 2.0, 2.0)):
        progress.update(step + 1, [Taken("a", loss, 1.0, 1.0), Taken("b", 5.0, 1.0, 1.0)])
    assert "a 1.190, b 5.000" in progress.line()
