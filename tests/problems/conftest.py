"""What the tests of the problems share: the first samples of any registered problem, generated once; no network."""

import functools
import itertools

import pytest

from t2t_mm import registry
from t2t_mm.data.files import tfds_reader
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


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network, and no datasets but those below `tmp_path`."""
    monkeypatch.setattr(tfds_reader, "_reachable", lambda host: False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
