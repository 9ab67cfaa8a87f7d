"""Laws over every problem in the box: declared features, disjoint splits, the same samples in every process."""

import hashlib
import itertools
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import t2t_mm
from t2t_mm import registry
from t2t_mm.data.splitting import normalised
from t2t_mm.data.text_encoders import Bytes
from t2t_mm.problems.problem import Problem

DEMO = ("image_digits", "translate_ende_gettext", "translate_deen_gettext", "translate_enfr_gettext",
        "translate_fren_gettext", "caption_glyphs", "speech_codes", "parse_python")
NAMES = (*DEMO, "lm_python_docs", "algorithmic_identity", "algorithmic_reverse", "algorithmic_shift",
         "algorithmic_sort", "algorithmic_addition", "algorithmic_parity_label")
DIGESTS = """
import itertools, json, sys
from test_all_problems import digest
from t2t_mm import registry
names = json.loads(sys.argv[1])
found = {name: [digest(registry.problem(name), split) for split in ("train", "dev", "test")] for name in names}
assert "tensorflow" not in sys.modules
print(json.dumps(found))
"""


def digest(problem: Problem, split: str) -> str:
    """A fingerprint of the first samples of a split."""
    hashed = hashlib.sha256()
    for sample in itertools.islice(problem.generate(split, ""), 100):
        for name, value in sample.items():
            value = value.tobytes() if isinstance(value, np.ndarray) else str(value).encode()
            hashed.update(name.encode() + b"=" + value + b";")
    return hashed.hexdigest()


def source(sample):
    """What must not be shared between splits: every input (of a language model its target), comparable."""
    inputs = [value for name, value in sample.items() if name != "targets"] or [sample["targets"]]
    return tuple(value.tobytes() if isinstance(value, np.ndarray) else normalised(value) for value in inputs)


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_what_the_features_declare(name, first):
    problem = registry.problem(name)
    assert problem.command.startswith("to-") and problem.metrics and problem.description
    assert pickle.loads(pickle.dumps(problem)).name == name
    assert "targets" in problem.features and set(problem.shards) == set(problem.splits)
    for split in problem.splits:
        for sample in first(name, split)[:30]:
            assert set(sample) == set(problem.features)
            for key, feature in problem.features.items():
                stored = feature.encode(sample[key], Bytes() if feature.is_text else None)
                assert {key + suffix for suffix in stored} == set(feature.columns(key))
                assert not feature.is_text or sample[key].strip()


@pytest.mark.parametrize("name", NAMES)
def test_no_source_is_in_two_splits(name, first):
    train, dev, test = ({source(sample) for sample in first(name, split)} for split in ("train", "dev", "test"))
    assert train and dev and test
    assert not train & dev and not train & test and not dev & test


def test_all_demo_texts_share_one_vocabulary():
    assert {feature.vocabulary for name in DEMO for feature in registry.problem(name).features.values()
            if feature.is_text} == {"subwords:demo"}


def test_another_process_generates_the_same_samples_without_tensorflow(first):
    names = [name for name in NAMES if first(name, "dev")]
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join([here, os.path.dirname(os.path.dirname(t2t_mm.__file__))])
    run = subprocess.run([sys.executable, "-c", DIGESTS, json.dumps(names)], capture_output=True, text=True,
                         env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path}, check=False)
    assert run.returncode == 0, run.stderr
    splits = ("train", "dev", "test")
    assert json.loads(run.stdout) == {n: [digest(registry.problem(n), split) for split in splits] for n in names}
