"""Laws of the base class: what `_rev` and `_copy` mean, and what a problem says when something is missing."""

import sys

import pytest

from t2t_mm.data.features import Image, Label, Text
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Problem, module_exists

SAMPLES = [{"inputs": "a b", "targets": "c"}, {"inputs": "d", "targets": "e f"}]


class Pairs(Problem):
    """Two pairs of texts.

    More words.
    """

    registered_name = "pairs"
    command = "to-there"
    reverse_command = "to-here"

    def define_features(self):
        return {"inputs": Text("bytes"), "targets": Text("tokens:there")}

    def samples(self, split, tmp_dir):
        yield from SAMPLES


class Pictures(Pairs):
    """Picture → text."""

    registered_name = "pictures"

    def define_features(self):
        return {"inputs": Image(2, 2, 1), "targets": Text("bytes")}


class TwoInputs(Pairs):
    """Text and text → class."""

    registered_name = "two_inputs"

    def define_features(self):
        return {"inputs": Text("bytes"), "question": Text("bytes"), "targets": Label(("no", "yes"))}


def test_plain_problem_is_as_declared():
    problem = Pairs()
    assert (problem.name, problem.command, problem.description) == ("pairs", "to-there", "Two pairs of texts.")
    assert problem.features == problem.define_features()
    assert list(problem.generate("dev", "")) == SAMPLES
    assert problem.inputs == {"inputs": Text("bytes")} and problem.targets == Text("tokens:there")


def test_rev_swaps_features_and_samples_together():
    problem = Pairs(reverse=True)
    assert (problem.name, problem.command) == ("pairs_rev", "to-here")
    assert problem.features == {"inputs": Text("tokens:there"), "targets": Text("bytes")}
    assert list(problem.generate("dev", "")) == [{"inputs": s["targets"], "targets": s["inputs"]} for s in SAMPLES]


@pytest.mark.parametrize("reverse", [False, True])
def test_copy_makes_the_seen_inputs_the_targets(reverse):
    problem, side = Pairs(reverse=reverse, copy=True), "targets" if reverse else "inputs"
    assert problem.name == ("pairs_rev_copy" if reverse else "pairs_copy")
    assert problem.command == "to-copy"
    assert set(problem.features.values()) == {Pairs().features[side]}
    assert list(problem.generate("dev", "")) == [{"inputs": s[side], "targets": s[side]} for s in SAMPLES]


@pytest.mark.parametrize("problem", [Pictures, TwoInputs])
@pytest.mark.parametrize("suffix", ["reverse", "copy"])
def test_only_texts_can_be_swapped_or_copied(problem, suffix):
    with pytest.raises(UserError, match=problem.registered_name):
        problem(**{suffix: True})


def test_a_text_target_can_be_copied_whatever_the_input_was():
    assert Pictures(reverse=True, copy=True).features == {"inputs": Text("bytes"), "targets": Text("bytes")}


def test_an_irreversible_problem_says_so():
    one_way = type("OneWay", (Pairs,), {"reversible": False, "registered_name": "one_way"})
    with pytest.raises(UserError, match="one_way_rev"):
        one_way(reverse=True)


def test_vocabulary_texts_are_all_texts_of_the_training_split():
    assert list(Pairs().sample_texts("")) == ["a b", "c", "d", "e f"]


def test_an_unknown_split_is_an_error_before_any_work():
    with pytest.raises(UserError, match="train, dev, test"):
        Pairs().generate("valid", "")


@pytest.mark.parametrize("extra, cure", [("demo", r"t2t_mm\[demo\]"), (None, "package that has no_such_package_x")])
def test_a_missing_package_is_an_error_before_any_work_that_says_what_to_install(extra, cure):
    needy = type("Needy", (Pairs,), {"needs": ("json", "no_such_package_x"), "extra": extra})
    with pytest.raises(UserError, match=cure) as caught:
        needy().generate("train", "")
    assert "json" not in str(caught.value)


def test_finding_a_module_imports_nothing(tmp_path, monkeypatch):
    package = tmp_path / "explosive" / "inner"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "leaf.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert module_exists("explosive.inner.leaf") and module_exists("explosive")
    assert not module_exists("explosive.inner.twig") and not module_exists("explosive.inner.leaf.cell")
    assert not any(name.startswith("explosive") for name in sys.modules)


def test_a_problem_without_samples_or_features_names_its_class():
    empty = type("Empty", (Problem,), {})
    with pytest.raises(UserError, match="Empty.*define_features"):
        empty().define_features()
    with pytest.raises(UserError, match="Empty.*samples"):
        empty().samples("train", "")
