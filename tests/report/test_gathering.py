"""Laws of what is read from a run's log: curves of dev figures, and what was trained."""

import math

import pytest

from t2t_mm.report.gathering import curves, trained


def line(step, problem, split="dev", **metrics):
    return {"step": step, "problem": problem, "split": split, "metrics": metrics}


def test_curves_are_the_dev_lines_in_the_order_of_steps():
    lines = [line(20, "a", token_accuracy=0.5, log_perplexity=2.0),
             line(10, "a", token_accuracy=0.25, log_perplexity=None),
             line(20, "b", accuracy=0.75), line(10, "a", split="train", loss=3.0)]
    first, second = curves(lines)
    assert (first.problem, first.steps, first.accuracy) == ("a", (10, 20), (0.25, 0.5))
    assert math.isnan(first.log_perplexity[0]) and first.log_perplexity[1] == 2.0
    assert (second.problem, second.steps, second.accuracy) == ("b", (20,), (0.75,))
    assert list(curves([])) == []


@pytest.mark.parametrize("changing", [False, True])
def test_what_was_trained_is_summed_and_its_shares_lie_on_all_moments(changing):
    lines = [line(50, "a", "train", steps=40, examples=80, tokens=400, share=0.8),
             line(50, "b", "train", steps=10, examples=10, tokens=70, share=0.2), line(50, "a", token_accuracy=0.5),
             line(90, "b", "train", steps=40, examples=40, tokens=200, share=1.0)]
    first, second = trained(lines, changing)
    assert (first.problem, first.steps, first.examples, first.tokens) == ("a", 40, 80, 400)
    assert (second.problem, second.steps, second.examples, second.tokens) == ("b", 50, 50, 270)
    shares = [((50, 90), (0.8, 0.0)), ((50, 90), (0.2, 1.0))] if changing else [((), ())] * 2
    assert [(one.moments, one.shares) for one in (first, second)] == shares
