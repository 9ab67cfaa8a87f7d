"""The programs one after the other on a tiny run: data, training, going on, evaluation, decoding, report."""

import contextlib
import io
import json
from types import SimpleNamespace

import pytest

from t2t_mm import registry
from t2t_mm.cli import datagen, decoder, evaluator, reporter, trainer

OWN = '''
"""Dark and bright pictures."""
import numpy as np

from t2t_mm import registry
from t2t_mm.data.features import Image, Label
from t2t_mm.problems.problem import Problem


@registry.register_problem("image_brightness")
class ImageBrightness(Problem):
    """A picture of 8 x 8 → dark or bright."""
    command = "to-brightness"
    reversible = False
    metrics = ("accuracy",)
    shards = {"train": 2, "dev": 1, "test": 1}

    def define_features(self):
        return {"inputs": Image(8, 8, 1, "image_small"), "targets": Label(("dark", "bright"))}

    def samples(self, split, tmp_dir):
        random = np.random.default_rng(len(split))
        for number in range({"train": 60}.get(split, 12)):
            label = number % 2
            picture = random.integers(0, 100, (8, 8, 1)) + 150 * label
            yield {"inputs": picture.astype(np.uint8), "targets": label}
'''
PROBLEMS = ("algorithmic_reverse", "image_brightness")
TINY = ("hidden_size=16,num_heads=2,encoder_layers=1,decoder_layers=1,filter_size=16,batch_size=128,max_examples=16,"
        "image_filters=4:4:4:8,exit_filters=8:8,warmup_steps=2")
STEPS = 8


class Said(SimpleNamespace):
    """status, out, err of a program that ran in this process."""


def call(main, *arguments) -> Said:
    """Runs a program in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(list(map(str, arguments)))
    return Said(status=status, out=out.getvalue(), err=err.getvalue())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Data, and a run of a few steps on two problems, one of them a user's own."""
    home = tmp_path_factory.mktemp("programs")
    own = home / "own.py"
    own.write_text(OWN, encoding="utf-8")
    run = SimpleNamespace(home=home, data=home / "data", output=home / "run", own=f"--t2t_usr_dir={own}")
    with registry.temporary():
        run.datagen = call(datagen.main, run.own, f"--problem={','.join(PROBLEMS)}", f"--data_dir={run.data}",
                           f"--tmp_dir={home / 'tmp'}", "--num_processes=1")
        run.flags = (run.own, f"--problem={','.join(PROBLEMS)}", "--model=transformer",
                     "--hparams_set=transformer_tiny", f"--hparams={TINY}", f"--data_dir={run.data}",
                     f"--output_dir={run.output}", "--eval_steps=2")
        run.trainer = call(trainer.main, *run.flags, f"--train_steps={STEPS}", "--eval_interval=4")
        assert run.datagen.status == 0 and run.trainer.status == 0, (run.datagen, run.trainer)
        yield run


def reversing(run) -> list[str]:
    """The flags that ask the run to reverse digits."""
    return [f"--output_dir={run.output}", "--problem=algorithmic_reverse"]


def metrics(run) -> list[dict]:
    return [json.loads(line) for line in (run.output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_trainer_leaves_what_the_others_need(run):
    assert all(name in run.datagen.out for name in PROBLEMS)
    saved = json.loads((run.output / "experiment.json").read_text(encoding="utf-8"))
    assert saved["problems"] == list(PROBLEMS) and saved["hparams"]["hidden_size"] == 16
    dev = {(line["step"], line["problem"]) for line in metrics(run) if line["split"] == "dev"}
    assert dev == {(step, problem) for step in (4, STEPS) for problem in PROBLEMS}
    assert "finished" in run.trainer.out and str(run.output) in run.trainer.out


def test_the_same_command_again_has_nothing_to_do(run):
    before = metrics(run)
    again = call(trainer.main, *run.flags, f"--train_steps={STEPS}", "--eval_interval=4")
    assert again.status == 0 and "done already" in again.out and metrics(run) == before


def test_another_experiment_in_the_same_folder_is_refused(run):
    before = metrics(run)
    other = call(trainer.main, *run.flags, "--train_steps=9", "--seed=2")
    assert other.status == 2 and "seed" in other.err and "--output_dir" in other.err and metrics(run) == before


def test_evaluation_needs_nothing_but_the_folder(run):
    said = call(evaluator.main, f"--output_dir={run.output}", "--nodecode", f"--json_file={run.home / 'figures.json'}")
    assert said.status == 0, said.err
    figures = json.loads((run.home / "figures.json").read_text(encoding="utf-8"))
    assert set(figures["problems"]) == set(PROBLEMS)


def test_decoding_from_arguments_a_file_and_a_split_agrees(run):
    stored = call(decoder.main, *reversing(run), "--split=dev", "--limit=3", "--json")
    assert stored.status == 0, stored.err
    rows = [json.loads(line) for line in stored.out.splitlines()]
    assert len(rows) == 3 and all(row["reference"] == row["input"][::-1] for row in rows)
    expected = [row["outputs"][0]["text"] for row in rows]
    source, target = run.home / "inputs.txt", run.home / "outputs.txt"
    source.write_text("".join(row["input"] + "\n" for row in rows), encoding="utf-8")
    filed = call(decoder.main, *reversing(run), f"--decode_from_file={source}", f"--decode_to_file={target}")
    assert filed.status == 0 and target.read_text(encoding="utf-8").split("\n") == [*expected, ""], filed.err
    given = call(decoder.main, *reversing(run), *(row["input"] for row in rows))
    assert given.out == "".join(f"{text}\n" for text in expected)


def test_a_run_trained_in_float32_is_evaluated_and_decoded_in_bfloat16_to_nearly_the_same(run):
    path = run.home / "precisions.json"

    def measured(*flags):
        said = call(evaluator.main, f"--output_dir={run.output}", "--limit=8", f"--json_file={path}", *flags)
        assert said.status == 0, said.err
        figures = json.loads(path.read_text(encoding="utf-8"))
        return figures["mixed_precision"], figures["problems"][PROBLEMS[0]]

    (wide, exact), (narrow, rounded) = measured(), measured("--mixed_precision=bfloat16")
    assert (wide, narrow) == ("float32", "bfloat16") and set(rounded["decoded"]) == set(exact["decoded"])
    losses = [figures["teacher_forced"]["log_perplexity"] for figures in (exact, rounded)]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)


def test_beam_search_gives_the_n_best_in_order(run):
    said = call(decoder.main, *reversing(run), "--beam_size=3", "--n_best=3", "--alpha=0.6", "--json", "1 2 3")
    assert said.status == 0, said.err
    outputs = json.loads(said.out)["outputs"]
    scores = [output["score"] for output in outputs]
    assert 1 <= len(outputs) <= 3 and scores == sorted(scores, reverse=True)


def test_a_decoder_mistake_writes_nothing(run):
    said = call(decoder.main, *reversing(run), f"--decode_from_file={run.home / 'input.txt'}",
                f"--decode_to_file={run.home / 'never.txt'}")
    assert said.status == 2 and "input.txt" in said.err and not (run.home / "never.txt").exists()


def test_the_report_shows_every_problem(run):
    said = call(reporter.main, f"--output_dir={run.output}", "--samples=2", "--decode_examples=4")
    assert said.status == 0, said.err
    page = (run.output / "report.html").read_text(encoding="utf-8")
    assert all(problem in page and problem in said.out for problem in PROBLEMS)
    for part in ("Learning curves", "Samples", "data:image/png;base64,", "image → class"):
        assert part in page, part
    assert "<script" not in page and "://" not in page
    assert (run.output / "report.txt").read_text(encoding="utf-8").count("algorithmic_reverse") >= 2


def test_the_report_refuses_a_split_that_is_not_there(run):
    said = call(reporter.main, f"--output_dir={run.output}", "--split=devv")
    assert said.status == 2 and "devv" in said.err and "dev" in said.err


def test_a_vocabulary_changed_after_training_is_refused_by_all(run):
    (path,) = [path for path in (run.output / "vocabularies").iterdir() if "digits" in path.name]
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b'"1"', b'"one"'))
    try:
        for main in (evaluator.main, decoder.main, reporter.main):
            said = call(main, f"--output_dir={run.output}")
            assert said.status == 2 and "digits" in said.err and "checksum" in said.err, said
    finally:
        path.write_bytes(kept)
