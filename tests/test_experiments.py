"""Laws of the experiments: every training could start, no two share a name, and the pages show what came out."""

import dataclasses
import json

import pytest

from experiments import page, piece
from experiments.pieces import PAGES, SEEDS
from t2t_mm.experiment_names import resolve

PIECES = tuple(dict.fromkeys(one for pieces in PAGES.values() for one in pieces))


def test_names_are_of_one_piece_each():
    assert len({one.name for one in PIECES}) == len(PIECES)


@pytest.mark.parametrize("one", PIECES, ids=lambda one: one.name)
def test_every_training_is_of_known_names_and_fitting_hparams(one):
    problems, _, _ = resolve(list(one.problems), one.model, one.hparams_set, one.hparams)
    assert [problem.name for problem in problems] == list(one.problems)
    for name in one.asked or one.problems:
        assert name.split("_")[0] in page.MEASURES


def test_every_result_is_of_a_piece_as_it_stands():
    stray = [path.name for path in piece.RESULTS.glob("*.json") if path.stem not in {one.name for one in PIECES}]
    assert stray == []
    assert [one.name for one in PIECES if one.result_path.exists() and one.result() is None] == []


def test_the_pages_show_the_results(tmp_path, monkeypatch):
    for name in PAGES:
        (tmp_path / f"{name}.md").write_text((page.HERE / f"{name}.md").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(page, "HERE", tmp_path)
    assert page.write_tables() == []


def test_a_cell_is_the_mean_and_half_the_distance_of_the_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(piece, "RESULTS", tmp_path)
    made = [dataclasses.replace(PIECES[0], name=f"one-s{seed}", problems=("translate_x",)) for seed in SEEDS]
    of_seed = dict(zip(SEEDS, made, strict=True)).get
    assert page.cell(of_seed, "translate_x", "measure") == "not run"
    for number, one in enumerate(made):
        forced, decoded = {"log_perplexity": 1.0, "token_accuracy": 0.5}, {"bleu": 20.0 + 3 * number}
        figures = {"problems": {"translate_x": {"teacher_forced": forced, "decoded": decoded}}}
        one.result_path.write_text(json.dumps({"piece": dataclasses.asdict(one), "figures": figures}))
    assert page.cell(of_seed, "translate_x", "measure") == "21.5 ± 1.5"
    assert page.cell(of_seed, "translate_x", "accuracy") == "50.0 ± 0.0"
