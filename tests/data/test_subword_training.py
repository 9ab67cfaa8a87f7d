"""Laws of vocabulary training: bounded even samples, the same result every time, silence, and sizes that fit."""

import random

import pytest

from t2t_mm.data.subword_training import Sample, train_subwords
from t2t_mm.errors import UserError

LINES = [" ".join(random.Random(n).choices(["alpha", "beta", "gamma", "delta", "epsilon", "42"], k=6))
         for n in range(300)]


def sample_of(lines, **limits):
    sample = Sample(**limits)
    for line in lines:
        sample.add(line)
    return sample.lines()


def test_all_lines_are_kept_while_there_is_room():
    assert sorted(sample_of(["a\nb", "", "  ", "c"])) == ["a", "b", "c"]


def test_a_sample_is_within_its_limits_and_as_large_as_they_allow():
    lines = [f"{n:09d}" for n in range(5000)]
    kept = sample_of(lines, most_lines=700)
    assert len(kept) == len(set(kept)) == 700 and set(kept) <= set(lines)
    assert len(sample_of(lines, most_bytes=900)) == 100


def test_a_sample_is_even_over_the_stream():
    kept = [int(line) for line in sample_of([str(n) for n in range(10_000)], most_lines=1000)]
    for quarter in range(4):
        assert abs(sum(quarter * 2500 <= n < (quarter + 1) * 2500 for n in kept) - 250) < 75


def test_memory_is_bounded_while_sampling():
    sample = Sample(most_lines=50, most_bytes=5000)
    for n in range(3000):
        sample.add(str(n) * 10)
        assert len(sample._kept) <= 100
    sample.add("x" * 100_000)
    assert sum(map(len, sample.lines())) <= 5000


def test_the_same_stream_gives_the_same_sample_and_another_seed_another():
    lines = [str(n) for n in range(1000)]
    assert sample_of(lines, most_lines=10) == sample_of(lines, most_lines=10)
    assert sample_of(lines, most_lines=10, seed="a") != sample_of(lines, most_lines=10, seed="b")


def test_training_is_deterministic_and_silent(capfd):
    first, second = (train_subwords("x", LINES, 280) for _ in range(2))
    assert first.checksum == second.checksum and first.size == 280
    assert capfd.readouterr() == ("", "")


def test_frequent_words_become_one_id():
    encoder = train_subwords("x", LINES, 400)
    assert len(encoder.encode("alpha beta gamma")) == 3


def test_a_size_that_the_text_cannot_fill_is_reduced_and_said():
    said = []
    encoder = train_subwords("demo", ["a b", "ab ab"], 4096, said.append)
    assert 259 < encoder.size < 300
    assert len(said) == 1 and "demo" in said[0] and str(encoder.size) in said[0] and "4096" in said[0]


@pytest.mark.parametrize("lines", [[], ["", "  \t"]])
def test_no_text_is_a_user_error(lines):
    with pytest.raises(UserError, match="no text to train the vocabulary 'demo'"):
        train_subwords("demo", lines, 400)


@pytest.mark.parametrize(("size", "lines"), [(100, LINES), (400, ["".join(map(chr, range(0x4E00, 0x5000)))])])
def test_a_size_too_small_for_bytes_or_characters_is_a_user_error(size, lines):
    with pytest.raises(UserError, match=f"'demo' cannot have {size} ids"):
        train_subwords("demo", lines, size)


def test_odd_characters_in_the_training_text_do_no_harm():
    encoder = train_subwords("x", [*LINES, "nul \0 byte", "surrogate \ud800", "日本語"], 400)
    assert encoder.decode(encoder.encode("alpha \0 日本語")) == "alpha \0 日本語"
