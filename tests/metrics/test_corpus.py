"""Laws of the corpus metrics: the perfect score, hand-counted errors, several references, and errors that teach."""

import pytest

from t2t_mm.errors import UserError
from t2t_mm.metrics.corpus import check_names, corpus_metric, metric_names

TEXTS = ["the cat sat on the mat", "a dog barked at an old moon", "one two three four"]
TREES = ["(S (NP (DT the) (NN cat)) (VP (VBD sat)))", "(S (NP (NN dogs)) (VP (VBP bark)))", "(NP (CD one) (CD two))"]
PERFECT = {"bleu": 100, "chrf": 100, "wer": 0, "cer": 0, "accuracy": 1, "exact_match": 1, "bracket_f1": 100,
           "caption_bleu_4": 1, "rouge_l": 1, "cider_d": 10}
FIGURE = {"brackets": "bracket_f1", "caption_bleu": "caption_bleu_4"}  # where a metric has several
every = pytest.mark.parametrize("name", metric_names())


def figure(name, hypotheses, references):
    """The (first) figure of a metric; a text among the references stands for itself alone."""
    several = [[text] if isinstance(text, str) else text for text in references]
    return corpus_metric(name, hypotheses, several)[FIGURE.get(name, name)]


def references(name):
    return TREES if name == "brackets" else TEXTS


@every
def test_the_reference_itself_is_perfect(name):
    texts = references(name)
    assert figure(name, texts, texts) == pytest.approx(PERFECT[FIGURE.get(name, name)])


@every
def test_another_reference_harms_no_perfect_text_but_where_all_are_averaged(name):
    texts = references(name)
    several = [[text, texts[0]] for text in texts]
    perfect = PERFECT[FIGURE.get(name, name)]
    assert figure(name, texts, several) == pytest.approx(perfect) or name == "cider_d"


@every
@pytest.mark.parametrize("hypotheses", [["", "", ""], ["the cat", "", "zzz"]])
def test_worse_texts_score_worse_and_empty_ones_are_allowed(name, hypotheses):
    value = figure(name, hypotheses, references(name))
    assert value > 0 if name in ("wer", "cer") else value < PERFECT[FIGURE.get(name, name)]


@every
def test_empty_references_are_allowed_where_text_may_be_empty(name):
    if name != "brackets":
        assert isinstance(figure(name, ["", "a b"], ["", ""]), float)


@every
def test_all_but_shares_say_how_they_were_counted(name):
    texts = references(name)
    found = corpus_metric(name, texts, [[text] for text in texts])
    assert f"{name}_signature" in found or name in ("accuracy", "exact_match")
    assert all(isinstance(value, str) == key.endswith("_signature") for key, value in found.items())


def test_errors_are_counted_over_the_whole_corpus():
    assert figure("wer", ["a x", "a b c d"], ["a b", "a b c"]) == pytest.approx(2 / 5)
    assert figure("cer", ["abd", ""], ["abc", "xy"]) == pytest.approx(3 / 5)
    assert figure("wer", ["a b", "c"], ["", "c"]) == pytest.approx(2.0)
    assert figure("wer", ["a b"], [""]) == 2.0
    assert figure("wer", ["a b c", ""], ["b x y z", ""]) == pytest.approx(4 / 4)
    assert figure("exact_match", ["a", "b ", "c"], ["a", "b", "d"]) == pytest.approx(2 / 3)


def test_of_several_references_the_one_with_fewest_errors_counts():
    assert figure("wer", ["a b", "c"], [["x y", "a b c d", "a z"], ["c"]]) == pytest.approx(1 / 3)  # one error of two
    assert figure("wer", ["a b"], [["a", "a b c"]]) == pytest.approx(1 / 3)  # one error each: the longer
    assert figure("exact_match", ["b", "c"], [["a", "b"], ["d"]]) == 0.5
    assert figure("brackets", TREES[:1], [[TREES[0], TREES[1]]]) == 100
    assert figure("brackets", TREES[1:2], [[TREES[0], TREES[1]]]) == 0  # the first alone


def test_long_lists_are_counted_as_short_ones():
    hypotheses, several = ["a b", "a c", "d"] * 700, [["a b", "x"], ["a b"], ["d"]] * 700
    assert figure("wer", hypotheses, several) == pytest.approx(1 / 5)


def test_items_may_have_different_numbers_of_references():
    several = [[TEXTS[0]], [TEXTS[1], "x y", "z"], [TEXTS[2], "w"]]
    for name in ("bleu", "chrf"):
        found = corpus_metric(name, TEXTS, several)
        assert found[name] == pytest.approx(100) and "nrefs:var" in found[f"{name}_signature"]
    assert "refs:1-3" in corpus_metric("cider_d", TEXTS, several)["cider_d_signature"]


@pytest.mark.parametrize("name, hypotheses, several, said", [
    ("blue", ["a"], [["a"]], "Did you mean 'bleu'"),
    ("bleu", ["a"], [["a"], ["b"]], "1 hypotheses and references of 2"),
    ("wer", [], [], "no examples"),
    ("wer", ["a"], ["a"], "a list of one or more"),
    ("wer", ["a"], [[]], "a list of one or more"),
])
def test_mistakes_are_explained(name, hypotheses, several, said):
    with pytest.raises(UserError, match=said):
        corpus_metric(name, hypotheses, several)


def test_a_wrong_name_says_where_it_stands():
    check_names(metric_names())
    with pytest.raises(UserError, match="'cider' of problem p.*Did you mean 'cider_d'"):
        check_names(["bleu", "cider"], " of problem p")
