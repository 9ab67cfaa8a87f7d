"""Laws of the bracket scorer: EVALB's own sample, its rules one by one, failures that count, and what no tree is."""

import re
from pathlib import Path

import pytest

from t2t_mm.errors import UserError
from t2t_mm.metrics.bracketing import Score, read_brackets, score_brackets

GOLD = "(S (A (P this)) (B (Q is) (A (R a) (T test))))"
REPEATED = "(S " + " ".join(["(A (P this)) (B (Q is) (A (R a) (T test)))"] * 11) + ")"
PTB = Path(__file__).parents[2].parent / "shared" / "data" / "ptb_sample" / "wsj"

# sample/sample.gld and sample.tst of EVALB (Sekine and Collins 1997; in the public domain) with what its sample.rsl
# says: matched, gold and test brackets, None for an error or a sentence left out. One line differs under COLLINS.prm,
# for which "This" is not "this".
SAMPLE = [
    (GOLD, GOLD, (4, 4, 4)),
    (GOLD, "(S (A (P this)) (B (Q is) (C (R a) (T test))))", (3, 4, 4)),
    (GOLD, "(S (A (P this)) (B (Q is) (A (R a) (U test))))", (4, 4, 4)),
    (GOLD, "(S (C (P this)) (B (Q is) (A (R a) (U test))))", (3, 4, 4)),
    (GOLD, "(S (A (P this)) (B (Q is) (R a) (A (T test))))", (3, 4, 4)),
    (GOLD, "(S (A (P this) (Q is)) (A (R a) (T test)))", (2, 4, 3)),
    (GOLD, "(S (P this) (Q is) (R a) (T test))", (1, 4, 1)),
    (GOLD, "(P this) (Q is) (R a) (T test)", (0, 4, 0)),
    (GOLD, "(S (A (P this)) (B (Q is) (A (A (R a) (T test)))))", (4, 4, 5)),
    (GOLD, "(S (A (P this)) (B (Q is) (A (A (A (A (A (R a) (T test))))))))", (4, 4, 8)),
    (GOLD, "", None),
    (GOLD, "(S (A (P this)) (B (Q was) (A (A (R a) (T test)))))", None),
    (GOLD, "(S (A (P this)) (B (Q is) (U not) (A (A (R a) (T test)))))", None),
    (GOLD, "(TOP (S (A (P this)) (B (Q is) (A (R a) (T test)))))", (4, 4, 4)),
    (GOLD, "(S (A (P this)) (NONE *) (B (Q is) (A (R a) (T test))))", None),
    (GOLD, "(S (A (P this)) (S (NONE abc) (A (NONE *))) (B (Q is) (A (R a) (T test))))", None),
    (GOLD, "(S (A (P this)) (B (Q is) (A (R a) (TT test))))", (4, 4, 4)),
    (GOLD, "(S (A (P This)) (B (Q is) (A (R a) (T test))))", None),
    (GOLD, "(S (A (P That)) (B (Q is) (A (R a) (T test))))", None),
    ("(S (A-SBJ-1 (P this)) (B-WHATEVER (Q is) (A (R a) (T test))))", GOLD, (4, 4, 4)),
    (REPEATED, REPEATED, (34, 34, 34)),
    (GOLD[:-1] + " (-NONE- *))", GOLD[:-1] + " (-NONE- *))", (4, 4, 4)),
    (GOLD[:-1] + " (: *))", GOLD[:-1] + " (: *))", (4, 4, 4)),
]


def counted(hypothesis: str, reference: str, with_words: bool = True) -> tuple[int, int, int]:
    score = Score()
    score.add(read_brackets(reference, with_words), read_brackets(hypothesis, with_words))
    return score.matched, score.gold, score.written


@pytest.mark.parametrize("reference, hypothesis, said", SAMPLE)
def test_evalbs_own_sample_comes_out_as_evalb_says(reference, hypothesis, said):
    if said is not None:
        assert counted(hypothesis, reference) == said
    else:
        found = score_brackets([hypothesis], [reference])
        assert found["bracket_recall"] == 0 and found["bracket_unreadable"] + found["bracket_mismatched"] == 1


def test_the_sample_as_a_corpus_counts_failures_that_evalb_leaves_out():
    """Of the lines that count for EVALB it prints, with COLLINS.prm, 87.23, 90.11, 50.00: 82 of 94, of 91, 8 of 16.

    The seven others add four brackets each to those of the references.
    """
    valid = [(hypothesis, reference) for reference, hypothesis, said in SAMPLE if said is not None]
    found = score_brackets(*zip(*valid, strict=True))
    assert found["bracket_recall"] == pytest.approx(100 * 82 / 94) and found["bracket_unreadable"] == 0
    assert found["bracket_precision"] == pytest.approx(100 * 82 / 91)
    assert found["bracket_complete_match"] == pytest.approx(100 * 8 / 16)
    found = score_brackets([hypothesis for _, hypothesis, _ in SAMPLE], [reference for reference, _, _ in SAMPLE])
    assert found["bracket_recall"] == pytest.approx(100 * 82 / (94 + 4 * 7))
    assert found["bracket_precision"] < 100 * 82 / 91
    assert (found["bracket_unreadable"], found["bracket_mismatched"]) == (1, 6)
    assert found["bracket_complete_match"] == pytest.approx(100 * 8 / 23)


@pytest.mark.parametrize("written, same", [
    ("(TOP (S (NP-SBJ-1 (PRP it)) (VP=2 (VBD ran)) (. .)))", "(S (NP (PRP it)) (VP (VBD ran)))"),
    ("( (S (NP (PRP it)) (VP (VBD ran))))", "(ROOT (S (NP (PRP it)) (VP (VBD ran))))"),
    ("(S (VP (VBD gave) (PRT (RP up))))", "(S (VP (VBD gave) (ADVP (RP up))))"),
    ("(S (NP (PRP it)) (VP (VBD said) (SBAR (-NONE- 0) (S (-NONE- *T*-1)))))", "(S (NP (PRP it)) (VP (VBD said)))"),
    ("(S (`` ``) (NP (PRP it)) (, ,) (: --) (VP (VBD ran)) ('' ''))", "(S (NP (PRP it)) (VP (VBD ran)))"),
    ("(S (NP (DT the) (NN cat)))", "(S (NP (NN the) (VB cat)))"),
    ("(S(NP(DT the)(NN cat)))", "(S \n (NP (DT the )\t(NN cat) ) )"),
])
def test_rules_of_collins_make_these_the_same(written, same):
    matched, gold, test = counted(written, same)
    assert matched == gold == test > 0


@pytest.mark.parametrize("written, other, expected", [
    ("(S (X (Y (NP (PRP it)))))", "(S (Y (X (NP (PRP it)))))", (4, 4, 4)),  # order of one span does not count
    ("(NP (NP (NN a)))", "(NP (NN a))", (1, 1, 2)),  # a multiset, not a set
    ("(S (NP (NN a) (NN b)) (NN c))", "(S (NN a) (NP (NN b) (NN c)))", (1, 2, 2)),
    ("(S (-LRB- -LRB-) (NP (NN a)))", "(S (-LRB- -LRB-) (NP (NN a)))", (2, 2, 2)),
])
def test_spans_are_counted(written, other, expected):
    assert counted(written, other) == expected


def test_trees_of_tags_are_read_by_their_tags_alone():
    gold = ["(S (NP PRP ) (VP VBD (NP DT NN ) ) . )", "(NP DT NN )"]
    closed = ["(S (NP PRP )NP (VP VBD (NP DT NN )NP )VP . )S", "(NP JJ NN )NP"]
    found = score_brackets(closed, gold)
    assert found["bracket_f1"] == 100 and "trees:tags" in found["brackets_signature"]
    assert score_brackets(gold, ["(S (NP PRP ) )", *gold[1:]])["bracket_mismatched"] == 1
    assert read_brackets("Pass", with_words=False).words == ("",)


def test_phrases_of_one_tag_are_not_taken_for_tags_over_words():
    """Short commands: "(NP PRP )NP" also reads as the word PRP with the tag NP."""
    found = score_brackets(["(S (NP PRP )NP (ADJP VBD )ADJP )S"], ["(S (NP PRP )NP (VP VBD )VP )S"])
    assert "trees:tags" in found["brackets_signature"]
    assert round(found["bracket_f1"], 1) == 66.7 and found["bracket_complete_match"] == 0


@pytest.mark.parametrize("text", ["", " ", "(", ")", "(S (NP (DT the))", "(S (NP (DT the))))", "(S the (NN cat))",
                                  "(NN the cat)", "(S (NP (NN cat))NP)VP", "no brackets at all", "(" * 50_000])
def test_what_is_no_tree_counts_as_nothing_right_and_is_reported(text):
    with pytest.raises(ValueError):
        read_brackets(text)
    found = score_brackets([text, GOLD], [GOLD, GOLD])
    assert (found["bracket_recall"], found["bracket_precision"], found["bracket_unreadable"]) == (50, 100, 1)
    assert found["bracket_complete_match"] == 50


def test_brackets_over_other_words_are_wrong_ones():
    found = score_brackets(["(S (NP (NN dog)))", GOLD], [GOLD, GOLD])
    assert (found["bracket_recall"], found["bracket_precision"]) == (50, pytest.approx(100 * 4 / 6))
    assert (found["bracket_mismatched"], found["bracket_unreadable"]) == (1, 0)


def test_long_sentences_are_left_out_of_the_figure_for_short_ones():
    words = " ".join("(NN w)" for _ in range(41))
    found = score_brackets([f"(X {words})", GOLD], [f"(S {words})", GOLD])
    assert found["bracket_f1"] == pytest.approx(100 * 4 / 5) and found["bracket_f1_40_words"] == 100
    short = words.replace("(NN w)", "(. .)", 1).replace("(NN w)", "(-NONE- *)", 1)  # 40 words: traces are none
    assert score_brackets([f"(X {short})"], [f"(S {short})"])["bracket_f1_40_words"] == 0


def test_a_reference_that_is_no_tree_is_an_error_that_shows_it():
    with pytest.raises(UserError, match="Reference 1 .*not closed.*'\\(S \\(NP'"):
        score_brackets([GOLD] * 3, [GOLD, "(S (NP", GOLD])


@pytest.mark.skipif(not PTB.is_dir(), reason="the sample of the Penn Treebank is not beside the repository")
def test_treebank_trees_equal_themselves_without_function_tags_and_traces():
    texts = [" ".join(path.read_text().split()) for path in sorted(PTB.glob("*.mrg"))[:5]]
    trees = [tree for text in texts for tree in re.split(r"(?<=\)) (?=\( \()", text)]
    bare = [re.sub(r"\(([A-Z]+)[-=][^\s()]*", r"(\1", re.sub(r"\(-NONE- [^\s()]+\)", "", tree)) for tree in trees]
    found = score_brackets(bare, trees)
    assert len(trees) > 40 and bare != trees
    assert found["bracket_f1"] == found["bracket_complete_match"] == 100
    assert found["bracket_unreadable"] == found["bracket_mismatched"] == 0
