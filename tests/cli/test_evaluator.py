"""Laws of t2t-eval: teacher-forced and decoded figures beside each other and never mixed, mistakes explained early."""

import json
import shutil

import pytest

from t2t_mm import datagen, inference, registry
from t2t_mm.cli import evaluator
from t2t_mm.cli.results import Journal
from t2t_mm.data.vocabulary_building import load_encoders
from t2t_mm.experiment import Experiment
from t2t_mm.training import evaluation
from t2t_mm.training.run_data import data_checksums

PROBLEMS = ("algorithmic_reverse", "algorithmic_sort")
FORCED = {"log_perplexity": 0.5, "token_accuracy": 0.75, "sequence_accuracy": 0.25, "tokens": 90.0, "examples": 9.0}


class FakeDecoder:
    step = 12
    model = None

    def __init__(self, experiment, output_dir, settings, which, batch_size, xla):
        self.experiment, self.settings, self.checkpoint = experiment, settings, which

    def measure(self, problem, split, limit=None, progress=None):
        progress(limit or 1000)
        return {"exact_match": 0.125, "failures": 3, "bleu_signature": "words", "nan": float("nan"),
                "decoded_examples": limit or 200, "decoded_references": 1000}


class FakeEvaluator:
    def __init__(self, model):
        pass

    def evaluate(self, problem, batches):
        return {**FORCED, "batches": float(sum(1 for _ in batches))}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datagen.generate([registry.problem(name) for name in PROBLEMS], str(folder), str(folder / "raw"), processes=1,
                     say=lambda message: None)
    return str(folder)


@pytest.fixture
def run(tmp_path, data_dir, monkeypatch):
    """The output_dir of a run on both problems, evaluated by fakes."""
    monkeypatch.setattr(inference, "Decoder", FakeDecoder)
    monkeypatch.setattr(evaluation, "Evaluator", FakeEvaluator)
    monkeypatch.setattr(evaluator, "start_tensorflow", lambda **_: None)
    problems = tuple(registry.problem(name) for name in PROBLEMS)
    encoders = {key: encoder for problem in problems for key, encoder in load_encoders(problem, data_dir).items()}
    Experiment(problems, "transformer", "transformer_tiny", registry.hparams("transformer_tiny"), data_dir,
               encoders=encoders).save(tmp_path / "run")
    (tmp_path / "run" / "best").mkdir()
    (tmp_path / "run" / "best" / "step-00000012.index").touch()
    return tmp_path / "run"


def parsed(*arguments):
    return evaluator.define().parse([*arguments])


def refused(capsys, *arguments):
    assert evaluator.main([*map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("t2t-eval: error: ") and "Traceback" not in error
    return error


def test_all_problems_of_the_run_are_evaluated_and_written(run, capsys):
    assert evaluator.main([f"--output_dir={run}"]) == 0
    printed = capsys.readouterr().out
    forced, decoded = printed.split("Decoded: what the model writes by itself (greedy)")
    for shown in ("algorithmic_reverse", "0.500", "75.0 %", "25.0 %"):
        assert shown in forced and (shown not in decoded or shown == "algorithmic_reverse"), printed
    for shown in ("algorithmic_reverse", "200", "1,000", "exact_match", "0.125"):
        assert shown in decoded and (shown not in forced or shown == "algorithmic_reverse"), printed
    assert "words" not in decoded
    figures = json.loads((run / "eval-dev.json").read_text())
    assert list(figures["problems"]) == list(PROBLEMS)
    assert (figures["split"], figures["step"], figures["checkpoint"]) == ("dev", 12, "best")
    assert figures["decoding"]["method"] == "greedy" and figures["decoding"]["limit"] is None
    assert figures["decoding"]["batch_size"] == 32 and figures["seconds"] >= 0
    for entry in figures["problems"].values():
        assert entry["examples"] > 0 and set(entry["seconds"]) == {"teacher_forced", "decoded"}
        assert not set(entry["teacher_forced"]) & set(entry["decoded"])
        assert 0 < entry["baseline"]["accuracy"] < 1 and entry["baseline"]["kind"]
        assert entry["decoded"]["decoded_examples"] == 200 and entry["decoded"]["nan"] is None


def test_flags_choose_what_is_evaluated_and_where_it_goes(run, capsys, tmp_path):
    path = tmp_path / "figures" / "mine.json"
    assert evaluator.main([f"--output_dir={run}", "--problem=algorithmic_sort", "--split=test", "--nodecode",
                           "--eval_steps=1", f"--json_file={path}"]) == 0
    figures = json.loads(path.read_text())
    assert list(figures["problems"]) == ["algorithmic_sort"] and figures["split"] == "test"
    assert figures["problems"]["algorithmic_sort"]["decoded"] is None and figures["decoding"] is None
    assert "Decoded" not in capsys.readouterr().out
    assert figures["problems"]["algorithmic_sort"]["teacher_forced"]["batches"] == 1
    assert not (run / "eval-test.json").exists()
    assert evaluator.main([f"--output_dir={run}", "--limit=5", "--beam_size=4"]) == 0
    assert not (run / "eval-dev.json").exists()
    figures = json.loads((run / "eval-dev-part.json").read_text())
    assert figures["problems"]["algorithmic_sort"]["decoded"]["decoded_examples"] == 5
    assert (figures["decoding"]["limit"], figures["decoding"]["beam_size"]) == (5, 4)
    assert "beam search, 4 hypotheses" in capsys.readouterr().out


def test_figures_of_other_problems_stay_where_the_settings_are_the_same(run, capsys):
    one, other = ([f"--output_dir={run}", f"--problem={name}"] for name in PROBLEMS)
    names = lambda: list(json.loads((run / "eval-dev.json").read_text())["problems"])
    assert evaluator.main(one) == evaluator.main(other) == 0 and names() == list(PROBLEMS)
    assert "gone" not in capsys.readouterr().err
    assert evaluator.main([*other, "--beam_size=4"]) == 0 and names() == [PROBLEMS[1]]
    assert f"figures of {PROBLEMS[0]} too, of another decoding" in capsys.readouterr().err


def test_figures_of_another_run_or_of_other_data_do_not_stay(run, data_dir, capsys, tmp_path):
    path, second = tmp_path / "figures.json", shutil.copytree(run, tmp_path / "second")
    names = lambda: list(json.loads(path.read_text())["problems"])
    one, other = ([f"--problem={name}", f"--json_file={path}"] for name in PROBLEMS)
    assert evaluator.main([f"--output_dir={run}", *one]) == evaluator.main([f"--output_dir={second}", *other]) == 0
    assert names() == [PROBLEMS[1]] and f"figures of {PROBLEMS[0]} too, of another run" in capsys.readouterr().err
    assert evaluator.main([f"--output_dir={second}", *one]) == 0 and names() == [PROBLEMS[1], PROBLEMS[0]]
    manifest_path = shutil.copytree(data_dir, tmp_path / "data") / PROBLEMS[0] / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    manifest["splits"]["dev"]["shards"][0]["sha256"] = "another"
    manifest_path.write_text(json.dumps(manifest))
    capsys.readouterr()
    assert evaluator.main([f"--output_dir={second}", f"--data_dir={tmp_path / 'data'}", *other]) == 0
    assert names() == [PROBLEMS[1]] and f"figures of {PROBLEMS[0]} too, of other data" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[1]", "{}", "no json", '{"problems": [1]}'])
def test_a_file_with_something_else_is_replaced(run, content):
    (run / "eval-dev.json").write_text(content)
    (run / "eval-dev.json.unfinished").write_text(content)
    assert evaluator.main([f"--output_dir={run}"]) == 0
    assert list(json.loads((run / "eval-dev.json").read_text())["problems"]) == list(PROBLEMS)


def test_two_at_once_do_not_write_one_file(run, capsys):
    with Journal(run / "eval-dev.json", {}):
        assert "Another process is writing" in refused(capsys, f"--output_dir={run}")


def test_a_job_that_died_goes_on_after_the_problems_that_are_done(run, capsys, monkeypatch):
    measured, plain = [], evaluator.measure

    def dying(decoder, forced, problem, flags):
        if problem.name == PROBLEMS[1] and not measured[1:]:
            raise KeyboardInterrupt
        measured.append(problem.name)
        return plain(decoder, forced, problem, flags)

    monkeypatch.setattr(evaluator, "measure", dying)
    with pytest.raises(KeyboardInterrupt):
        evaluator.work(parsed(f"--output_dir={run}"), [])
    left = run / "eval-dev.json.unfinished"
    assert left.exists() and not (run / "eval-dev.json").exists() and measured == [PROBLEMS[0]]
    measured.append("mended")
    kept = left.read_bytes()
    evaluator.work(parsed(f"--output_dir={run}"), [])
    assert measured == [PROBLEMS[0], "mended", PROBLEMS[1]] and not left.exists()
    assert f"{PROBLEMS[0]}: taken from {left}" in capsys.readouterr().err
    assert list(json.loads((run / "eval-dev.json").read_text())["problems"]) == list(PROBLEMS)
    for other in (["--beam_size=2"], ["--batch_size=4"]):  # another job takes up nothing
        left.write_bytes(kept)
        measured[2:] = []
        evaluator.work(parsed(f"--output_dir={run}", *other), [])
        assert measured[2:] == list(PROBLEMS) and not left.exists()


def test_a_metric_that_does_not_exist_is_explained_before_any_work(run, capsys, monkeypatch):
    monkeypatch.setattr(type(registry.problem("algorithmic_sort")), "metrics", ("exact_match", "blue"))
    error = refused(capsys, f"--output_dir={run}")
    assert "'blue' (in the metrics of algorithmic_sort)" in error and "Did you mean 'bleu'" in error


@pytest.mark.parametrize(("arguments", "words"), [
    (["--problem=algorithmic_srt"],
     ["only on algorithmic_reverse, algorithmic_sort", "Did you mean 'algorithmic_sort'"]),
    (["--split=tset"], ["no split 'tset'", "test"]),
    (["--data_dir=nowhere"], ["t2t-datagen"]),
    (["--beam_size=0"], ["beam_size"]),
    (["--json_file=."], ["is a folder"]),
    (["--json_file=/dev/null"], ["is a device"]),
    ([f"--json_file={__file__}/out.json"], ["is a file, not a folder", "test_evaluator.py"]),
    (["--output_dir=nowhere"], ["There is no run"]),
    (["a text"], ["'a text'"]),
])
def test_mistakes_are_explained_and_nothing_is_written(run, capsys, arguments, words):
    error = refused(capsys, f"--output_dir={run}", *arguments)
    assert all(word in error for word in words), error
    assert not list(run.glob("eval-*"))


def test_problems_without_the_split_are_left_out_unless_they_are_named(run, data_dir, capsys, tmp_path):
    path = shutil.copytree(data_dir, tmp_path / "data") / "algorithmic_sort" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["splits"]["dev"]
    path.write_text(json.dumps(manifest))
    flags = [f"--output_dir={run}", f"--data_dir={tmp_path / 'data'}"]
    assert evaluator.main(flags) == 0
    assert list(json.loads((run / "eval-dev.json").read_text())["problems"]) == ["algorithmic_reverse"]
    assert "Left out, as they have no split 'dev': algorithmic_sort" in capsys.readouterr().err
    assert "algorithmic_sort has no split 'dev'" in refused(capsys, *flags, "--problem=algorithmic_sort")


def test_data_that_were_generated_anew_are_named(run, data_dir, capsys, tmp_path):
    moved = shutil.copytree(data_dir, tmp_path / "data")
    path = moved / "algorithmic_sort" / "manifest.json"
    experiment = Experiment.load(run)
    experiment.save(run, data_checksums(experiment))
    assert evaluator.main([f"--output_dir={run}", f"--data_dir={moved}"]) == 0
    assert "generated anew" not in capsys.readouterr().err
    manifest = json.loads(path.read_text())
    manifest["splits"]["train"]["shards"][0]["sha256"] = "another"
    path.write_text(json.dumps(manifest))
    assert evaluator.main([f"--output_dir={run}", f"--data_dir={moved}"]) == 0
    said = capsys.readouterr().err
    assert "The data of algorithmic_sort have been generated anew since" in said and said.count("generated anew") == 1


def test_a_run_without_a_checkpoint_is_explained(run, capsys):
    (run / "best" / "step-00000012.index").unlink()
    assert "no checkpoint" in refused(capsys, f"--output_dir={run}")
