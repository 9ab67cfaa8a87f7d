"""What the tests of the problems share: the first samples of any registered problem, generated once."""

import functools
import itertools

import pytest

from t2t_mm import registry
from t2t_mm.errors import UserError

MOST = {"train": 2000, "dev": 300, "test": 300}  # samples, so that the big problems cost little


@functools.cache
def _first(name, split):
    problem = registry.problem(name)
    try:
        problem.check_needs()
    except UserError as error:
        pytest.skip(str(error))
    return list(itertools.islice(problem.generate(split, ""), MOST[split]))


@pytest.fixture
def first():
    """A function (problem name, split) → list of the first samples; skips where a package is not installed."""
    return _first
