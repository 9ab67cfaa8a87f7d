"""t2t-compare: the best run first, settings that differ as columns, and only what is comparable in one table."""

import json

import pytest

from t2t_mm.cli import comparer


def make_run(folder, values, problems=("one", "two"), vocabularies=None, **hparams):
    """A run whose dev log-perplexities of each evaluation, every ten steps, are `values`: tuples, one a problem."""
    folder.mkdir(parents=True)
    fields = {"format_version": 1, "problems": problems, "model": "transformer", "hparams_set": "tiny", "seed": 1,
              "hparams": {"dropout": 0.1, "heads": [1, 2], **hparams}, "modalities": {}, "data_dir": str(folder),
              "vocabularies": vocabularies or {"bytes": "ab"}, "trained_on": {"one": "0123456789abcdef"}}
    (folder / "experiment.json").write_text(json.dumps(fields), encoding="utf-8")
    lines = [{"step": 10 * (i + 1), "split": "dev", "problem": problem,
              "metrics": {"log_perplexity": value, "token_accuracy": 0.5}}
             for i, evaluation in enumerate(values) for problem, value in zip(problems, evaluation)]
    lines.append({"step": 95, "split": "train", "problem": "one", "metrics": {"steps": 5.0}})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def table(capsys, *folders) -> list[list[str]]:
    assert comparer.main([f"--runs={','.join(map(str, folders))}"]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_best_evaluation_of_each_run_counts_and_the_best_run_is_first(tmp_path, capsys):
    make_run(tmp_path / "a", [(3.0, 4.0), (2.0, 3.0), (2.0, 3.5)])
    make_run(tmp_path / "deep" / "b", [(1.0, 2.0), (0.5, None)], dropout=0.25)
    make_run(tmp_path / "c", [], dropout=0.5)
    title, _, head, _, *rows = table(capsys, tmp_path)
    assert " ".join(title) == "dev split of one, two"
    assert " ".join(head) == "run step best at log-perplexity accuracy dropout"
    assert rows == [[str(tmp_path / "deep" / "b"), "95", "10", "1.5000", "50.0", "%", "0.25"],
                    [str(tmp_path / "a"), "95", "20", "2.5000", "50.0", "%", "0.1"],
                    [str(tmp_path / "c"), "95", "never", "0.5"]]


def test_other_problems_or_vocabularies_stand_apart_and_a_run_named_twice_once(tmp_path, capsys):
    make_run(tmp_path / "a", [(3.0, 4.0)])
    make_run(tmp_path / "b", [(3.0,)], problems=("one",))
    make_run(tmp_path / "c", [(3.0, 4.0)], vocabularies={"bytes": "cd"})
    lines = table(capsys, tmp_path, tmp_path / "a")
    assert [" ".join(line) for line in lines if line[:1] == ["dev"]] == ["dev split of one, two", "dev split of one",
                                                                         "dev split of one, two"]
    assert sum(line[:1] == [str(tmp_path / "a")] for line in lines) == 1


def test_a_key_that_an_older_run_has_not_is_its_default_and_lists_are_words(tmp_path, capsys):
    make_run(tmp_path / "a", [(3.0, 4.0)])
    make_run(tmp_path / "b", [(4.0, 4.0)], heads=[3], newer=7)
    head, _, *rows = table(capsys, tmp_path)[2:]
    assert head[-2:] == ["heads", "newer"] and [row[-2:] for row in rows] == [["1,2", "default"], ["3", "7"]]


@pytest.mark.parametrize("arguments,words", [
    ([], ["--runs"]), (["--runs=nowhere"], ["'nowhere'", "t2t-trainer"]),
    (["--runs=broken"], ["experiment.json", "damaged"]), (["--runs=half"], ["experiment.json", "damaged"])])
def test_what_is_no_run_is_refused(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in (("broken", "{"), ("half", '{"format_version": 1}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "experiment.json").write_text(text, encoding="utf-8")
    assert comparer.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("t2t-compare: error: ") and all(word in error for word in words), error
