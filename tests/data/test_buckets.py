"""Laws of buckets: every length has one bucket, no batch exceeds the budget, a plan keeps order and loses nothing."""

import itertools
import random

import pytest
import toy_problems

from t2t_mm.data.buckets import Buckets, boundary_for, length_features, make_buckets, plan_in_order
from t2t_mm.errors import UserError

TEXTS = toy_problems.toy("toy_text_to_text")
SETTINGS = list(itertools.product((1, 30, 512, 4096), (1, 7, 100), (1, 2, 50, 256), (1, 8, 300)))


@pytest.mark.parametrize("batch_size, max_examples, max_length, min_bucket", SETTINGS)
def test_boundaries_rise_to_max_length_and_batches_keep_the_budget(batch_size, max_examples, max_length, min_bucket):
    buckets = make_buckets(TEXTS, batch_size, max_examples, max_length, min_bucket)
    assert buckets.boundaries[-1] == buckets.max_length == max_length
    assert list(buckets.boundaries) == sorted(set(buckets.boundaries))
    assert buckets.boundaries[0] == min(min_bucket, max_length)
    assert len(buckets.batch_sizes) == len(buckets.boundaries)
    for boundary, size in zip(buckets.boundaries, buckets.batch_sizes, strict=True):
        assert 1 <= size <= max_examples and (size * boundary <= batch_size or size == 1)


def test_an_example_falls_in_the_smallest_bucket_that_holds_it():
    buckets = make_buckets(TEXTS, 512, 100, 100, 8)
    for length in range(1, 101):
        boundary = boundary_for(buckets, length)
        assert boundary >= length and boundary in buckets.boundaries
        assert all(other < length for other in buckets.boundaries if other < boundary)
    assert all(boundary_for(buckets, boundary) == boundary for boundary in buckets.boundaries)
    with pytest.raises(UserError, match="max_length=100"):
        boundary_for(buckets, 101)


def test_texts_and_sounds_set_the_length():
    found = {problem.name: list(length_features(problem)) for problem in toy_problems.all_toys()}
    assert found == {
        "toy_text_to_text": ["inputs", "targets"], "toy_image_to_label": [], "toy_image_to_text": ["targets"],
        "toy_audio_to_text": ["inputs", "targets"], "toy_text_to_label": ["inputs"],
        "toy_two_inputs_to_text": ["question", "targets"], "toy_label_and_text_to_text": ["words", "targets"],
        "toy_language_model": ["targets"]}


def test_without_lengths_there_is_one_bucket():
    problem = toy_problems.toy("toy_image_to_label")
    assert make_buckets(problem, 512, 64, 100, 8) == Buckets((1,), (64,), 1)
    assert make_buckets(problem, 32, 64, 100, 8) == Buckets((1,), (32,), 1)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"max_examples": 0}, {"max_length": 0}, {"min_bucket": 0}])
def test_numbers_out_of_range_are_errors(wrong):
    settings = {"batch_size": 64, "max_examples": 8, "max_length": 50, "min_bucket": 8} | wrong
    with pytest.raises(UserError, match="toy_text_to_text"):
        make_buckets(TEXTS, **settings)


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_keeps_order_budget_and_every_example_that_fits(seed):
    rng = random.Random(seed)
    buckets = make_buckets(TEXTS, rng.choice((40, 200, 1000)), rng.choice((3, 50)), rng.choice((20, 60)), 4)
    lengths = [rng.randint(1, 70) for _ in range(300)]
    plan = plan_in_order(lengths, buckets)
    assert [batch == -1 for batch in plan.batch_of] == [length > buckets.max_length for length in lengths]
    kept = [(batch, length) for batch, length in zip(plan.batch_of, lengths, strict=True) if batch >= 0]
    assert [batch for batch, _ in kept] == sorted(batch for batch, _ in kept)
    for number, (size, boundary) in enumerate(zip(plan.sizes, plan.boundaries, strict=True)):
        members = [length for batch, length in kept if batch == number]
        assert len(members) == size >= 1 and boundary == boundary_for(buckets, max(members))
        assert size <= buckets.batch_sizes[buckets.boundaries.index(boundary)]


def test_a_plan_of_nothing_is_empty():
    buckets = make_buckets(TEXTS, 64, 8, 20, 4)
    assert plan_in_order([], buckets).sizes == []
    assert plan_in_order([21, 99], buckets) == ([-1, -1], [], [])
