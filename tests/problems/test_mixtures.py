"""Laws of all mixtures: their problems exist, each once, and share one vocabulary; and --problem takes them."""

import pytest

from t2t_mm import registry
from t2t_mm.cli import datagen, trainer
from t2t_mm.experiment_names import resolve

MIXTURES = registry.names("mixture")
OWN = '''
"""A mixture of one's own."""
from t2t_mm import registry


@registry.register_mixture("own_pair")
def own_pair():
    """Two that are quickly made."""
    return ("algorithmic_reverse", "algorithmic_shift_rev")
'''


@pytest.fixture(autouse=True)
def registry_as_it_was():
    with registry.temporary():
        yield


@pytest.mark.parametrize("name", MIXTURES)
def test_the_problems_exist_each_once_and_share_one_vocabulary(name):
    problems = [registry.problem(member) for member in registry.mixture(name)]
    assert len({problem.name for problem in problems}) == len(problems) > 1
    vocabularies = {feature.vocabulary for problem in problems for feature in problem.features.values()} - {None}
    assert len(vocabularies) == 1


@pytest.mark.parametrize("name", ["multimodel_eight", "multimodel_eight_open"])
def test_the_eight_are_the_papers_tasks(name):
    """One of pictures to classes, four of text to text, captions, speech and trees; 8k subwords."""
    problems = [registry.problem(member) for member in registry.mixture(name)]
    kinds = [(*(feature.modality.split("_")[0] for feature in problem.inputs.values()), problem.targets.modality)
             for problem in problems]
    assert sorted(kinds) == sorted([("image", "categorical"), ("image", "language"), ("audio", "language"),
                                    *[("language", "language")] * 5])
    assert {feature.vocabulary for problem in problems for feature in problem.features.values()} == {
        None, "subwords:multimodel_8k"}
    assert [problem.command for problem in problems].count("to-english") == 2


def test_problem_takes_a_mixture_wherever_it_takes_problems(tmp_path, capsys):
    own, data = tmp_path / "own.py", f"--data_dir={tmp_path / 'data'}"
    own.write_text(OWN, encoding="utf-8")
    flags = [f"--t2t_usr_dir={own}", data, "--problem=own_pair,algorithmic_sort"]
    assert datagen.main([*flags, "--num_processes=1", f"--tmp_dir={tmp_path}"]) == 0
    names = ["algorithmic_reverse", "algorithmic_shift_rev", "algorithmic_sort"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [*names, "vocabularies"]
    problems, *_ = resolve(["own_pair", "algorithmic_sort"], "transformer", "transformer_tiny")
    assert [problem.name for problem in problems] == names
    assert datagen.main([f"--t2t_usr_dir={own}", "--registry_help=own_pair"]) == 0
    assert "mixtures:\n  own_pair  Two that are quickly made." in capsys.readouterr().out


@pytest.mark.parametrize("named, said", [("own_pair,algorithmic_reverse", "algorithmic_reverse is named twice"),
                                         ("own_pair_rev", "'own_pair' is a mixture of problems"),
                                         ("own_piar", "Did you mean 'own_pair'")])
def test_a_mixture_named_wrongly_is_explained(tmp_path, capsys, named, said):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    assert trainer.main([f"--t2t_usr_dir={tmp_path / 'own.py'}", f"--problem={named}", "--model=transformer",
                         "--hparams_set=transformer_tiny", f"--data_dir={tmp_path}", "--dry_run"]) == 2
    assert said in capsys.readouterr().err
