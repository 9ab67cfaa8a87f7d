"""Laws of what a report says: baselines from stored data, samples as people sense them, expert shares."""

from types import SimpleNamespace

import numpy as np
import pytest
from toy_problems import all_toys, toy

from t2t_mm.data import pipeline
from t2t_mm.data.text_encoders import EOS, Bytes
from t2t_mm.report import contents, experts, results, samples
from t2t_mm.report.contents import Row

ENCODERS = {"bytes": Bytes(), None: None}


@pytest.mark.parametrize("metrics,accuracy", [({"token_accuracy": 0.6}, 0.6),
                                              ({"accuracy": 0.2, "top5_accuracy": 1.0}, 0.2)])
def test_a_row_beats_its_baseline_or_not(metrics, accuracy):
    row = Row("p", "text → text", 3, metrics, {}, 0, 0.4, "kind")
    assert row.accuracy == accuracy and row.beats_baseline == (accuracy > 0.4)


def test_a_row_without_accuracy_does_not_beat_anything():
    assert not Row("p", "t", 3, {}, {}, 0, 0.0, "kind").beats_baseline


def test_measures_are_numbers_only():
    assert contents.measure_text({"bleu": 21.26, "bleu_signature": "nrefs:1", "cer": 0.5}) == "bleu 21.3, cer 0.5"
    assert contents.measure_values({"unreadable": 1234, "f1": 100.0, "decoded_examples": 9}) == {
        "unreadable": "1,234", "f1": "100"}


def stored_as(monkeypatch, **splits):
    def stored(data_dir, problem, split):
        return iter([{"targets": ids} for ids in splits[split]])

    monkeypatch.setattr(results, "stored", stored)


def test_the_baseline_of_classes_is_the_majority_of_the_training_data(monkeypatch):
    stored_as(monkeypatch, train=[[2], [2], [0]], dev=[[2], [1], [0], [2]])
    value, kind = results.baseline(SimpleNamespace(data_dir=""), toy("toy_image_to_label"), "dev")
    assert value == 0.5 and "class" in kind


def test_the_baseline_of_text_is_the_best_follower(monkeypatch):
    stored_as(monkeypatch, train=[[5, 6, EOS], [5, 6, EOS], [5, 7, EOS]], dev=[[5, 6, EOS], [5, 7, EOS]])
    value, kind = results.baseline(SimpleNamespace(data_dir=""), toy("toy_text_to_text"), "dev")
    assert value == pytest.approx(5 / 6) and "token" in kind


@pytest.mark.parametrize("name,task", [("toy_text_to_text", "text → text"), ("toy_image_to_label", "image → class"),
                                       ("toy_audio_to_text", "audio → text"),
                                       ("toy_two_inputs_to_text", "image + text → text"),
                                       ("toy_language_model", "nothing → text")])
def test_a_task_is_named_by_what_goes_in_and_out(name, task):
    assert results.task(toy(name)) == task


@pytest.mark.parametrize("problem", all_toys(), ids=lambda problem: problem.name)
def test_stored_inputs_are_shown_as_the_values_they_were(problem):
    sample = next(iter(problem.generate("dev", "")))
    record = {name + suffix: value for name, feature in problem.features.items()
              for suffix, value in feature.encode(sample[name], ENCODERS[feature.vocabulary]).items()}
    for name, feature in problem.inputs.items():
        piece = samples.piece(name, feature, record, ENCODERS)
        again = feature.encode(piece.value, ENCODERS[feature.vocabulary])[""]
        assert again == record[name]
        assert str(piece)


class Model:
    """Reports the loads it is given, a batch at a time."""

    def __init__(self, statistics):
        self.statistics = statistics

    def call(self, batch, problem):
        return SimpleNamespace(statistics=self.statistics[problem])


def test_expert_shares_add_the_batches_and_sum_to_one(monkeypatch):
    monkeypatch.setattr(pipeline, "eval_batches", lambda *args, **more: [{}, {}])
    statistics = {"a": {"encoder/expert_load": np.array([3.0, 1.0]), "encoder/dropped": np.array(0.0)},
                  "b": {"encoder/expert_load": np.zeros(2), "decoder/expert_load": np.array([0.0, 5.0])}}
    problems = [SimpleNamespace(name=name) for name in "ab"]
    experiment = SimpleNamespace(data_dir="", buckets=lambda _: None)
    found = experts.shares(experiment, SimpleNamespace(model=Model(statistics)), problems, "dev")
    assert [(layer.name, layer.problems, layer.shares) for layer in found] == [
        ("encoder", ("a", "b"), ((0.75, 0.25), (0.0, 0.0))), ("decoder", ("b",), ((0.0, 1.0),))]


def test_a_model_without_experts_has_no_shares(monkeypatch):
    monkeypatch.setattr(pipeline, "eval_batches", lambda *args, **more: [{}])
    experiment = SimpleNamespace(data_dir="", buckets=lambda _: None)
    assert experts.shares(experiment, SimpleNamespace(model=Model({"a": {}})), [SimpleNamespace(name="a")], "dev") == []
