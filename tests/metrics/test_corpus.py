"""Laws of the corpus metrics: the perfect score, hand-counted errors, empty texts, and errors that teach."""

import pytest

from t2t_mm.errors import UserError
from t2t_mm.metrics.corpus import corpus_metric, metric_names

TEXTS = ["the cat sat on the mat", "a dog barked at the old moon", "one two three four"]
PERFECT = {"bleu": 100.0, "chrf": 100.0, "wer": 0.0, "cer": 0.0, "accuracy": 1.0, "exact_match": 1.0}


@pytest.mark.parametrize("name", metric_names())
def test_the_reference_itself_is_perfect(name):
    assert corpus_metric(name, TEXTS, TEXTS)[name] == pytest.approx(PERFECT[name])


@pytest.mark.parametrize("name", metric_names())
@pytest.mark.parametrize("hypotheses", [["", "", ""], ["the cat", "", "zzz"]])
def test_worse_texts_score_worse_and_empty_ones_are_allowed(name, hypotheses):
    value = corpus_metric(name, hypotheses, TEXTS)[name]
    assert value > 0 if name in ("wer", "cer") else value < PERFECT[name]


@pytest.mark.parametrize("name", metric_names())
def test_empty_references_are_allowed(name):
    assert isinstance(corpus_metric(name, ["", "a b"], ["", ""])[name], float)


def test_errors_are_counted_over_the_whole_corpus():
    assert corpus_metric("wer", ["a x", "a b c d"], ["a b", "a b c"])["wer"] == pytest.approx(2 / 5)
    assert corpus_metric("cer", ["abd", ""], ["abc", "xy"])["cer"] == pytest.approx(3 / 5)
    assert corpus_metric("wer", ["a b", "c"], ["", "c"])["wer"] == pytest.approx(2.0)
    assert corpus_metric("wer", ["a b"], [""])["wer"] == 2.0
    assert corpus_metric("exact_match", ["a", "b ", "c"], ["a", "b", "d"])["exact_match"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_scores_come_with_their_signature(name):
    assert "version:" in corpus_metric(name, TEXTS, TEXTS)[f"{name}_signature"]


@pytest.mark.parametrize("name, hypotheses, references, said", [
    ("blue", ["a"], ["a"], "Did you mean 'bleu'"),
    ("bleu", ["a"], ["a", "b"], "1 hypotheses and 2 references"),
    ("wer", [], [], "no examples"),
])
def test_mistakes_are_explained(name, hypotheses, references, said):
    with pytest.raises(UserError, match=said):
        corpus_metric(name, hypotheses, references)
