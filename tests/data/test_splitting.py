"""Laws of splitting: the same source always falls in the same split, in the asked shares."""

import collections
import subprocess
import sys

import pytest

from t2t_mm.data.splitting import split_of

SOURCES = [f"source number {number}" for number in range(4000)]


def test_shares_are_as_asked():
    counts = collections.Counter(split_of(source, dev=0.1, test=0.2) for source in SOURCES)
    assert abs(counts["dev"] / len(SOURCES) - 0.1) < 0.02
    assert abs(counts["test"] / len(SOURCES) - 0.2) < 0.02
    assert sum(counts.values()) == len(SOURCES)


def test_case_and_white_space_do_not_matter():
    for source in SOURCES[:300]:
        assert split_of(f"  {source.upper()}\t\n".replace(" NUMBER", " \u00a0 Number")) == split_of(source)


def test_another_seed_divides_independently():
    both = sum(split_of(source, test=0.5) == split_of(source, test=0.5, seed="other") for source in SOURCES)
    assert 0.35 < both / len(SOURCES) < 0.65


def test_a_larger_dev_split_holds_the_smaller_one():
    assert all(split_of(source, dev=0.2) == "dev" for source in SOURCES if split_of(source, dev=0.1) == "dev")


def test_another_process_agrees():
    program = ("from t2t_mm.data.splitting import split_of;"
               "print(*(split_of(f'source number {n}', 0.3, 0.3) for n in range(50)))")
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert told == [split_of(source, 0.3, 0.3) for source in SOURCES[:50]]


@pytest.mark.parametrize(("dev", "test", "split"), [(0, 0, "train"), (1, 0, "dev"), (0, 1, "test")])
def test_shares_of_nothing_and_all(dev, test, split):
    assert {split_of(source, dev, test) for source in [*SOURCES[:100], "", "\ud800"]} == {split}


@pytest.mark.parametrize(("dev", "test"), [(-0.1, 0.5), (0.6, 0.5), (float("nan"), 0)])
def test_impossible_shares_are_refused(dev, test):
    with pytest.raises(ValueError, match="add up to at most 1"):
        split_of("x", dev, test)
