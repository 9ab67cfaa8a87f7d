"""What a model wrote becomes a tree over the words of its sentence; what is one stays."""

import random

import pytest

from t2t_mm import registry
from t2t_mm.data.files.tree_repair import balanced, over_words
from t2t_mm.metrics.bracketing import read_brackets, score_brackets

TREE = "(S (NP the small dog )NP (VP barks (PP at (NP cats )NP )PP )VP . )S"
WORDS = "the small dog barks at cats .".split()
TAGS = "(S (NP DT JJ NN )NP (VP VBZ (PP IN (NP NNS )NP )PP )VP . )S"
MASKED = "(S (NP XX XX XX )NP (VP XX (PP XX (NP XX )NP )PP )VP . )S"
KINDS = {"words": TREE, "tags": TAGS, "XX": MASKED}


def leaves(tree: str) -> list[str]:
    return [token for token in tree.split() if token[0] not in "()"]


@pytest.mark.parametrize("written, mended", [
    (TAGS, TAGS),
    ("(S (NP DT NN )NP (VP VBZ", "(S (NP DT NN )NP (VP VBZ )VP )S"),
    ("(S (NP DT (PP IN )NP . )S )S", "(S (NP DT (PP IN )PP )NP . )S"),
    (")NP (S NN )VP )S", "(S NN )S"),
    ("(S (NP DT ) )", "(S (NP DT ) )"),
    ("", ""),
])
def test_brackets_that_were_forgotten_are_closed_and_those_that_close_nothing_go(written, mended):
    assert balanced(written) == mended == balanced(mended)


@pytest.mark.parametrize("written", [
    TREE.replace("small ", ""),  # forgotten
    TREE.replace("small", "smaller"),  # miswritten
    TREE.replace("(PP at", "(PP at at"),  # repeated
    TREE.replace("dog )NP", "dog )NP (NP cow )NP"),  # made up
    TREE.replace("barks", "barks (VP eats )VP"),
])
def test_words_forgotten_miswritten_repeated_and_made_up_are_put_right(written):
    assert over_words(written, WORDS, "words") == TREE


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_of_so_many_leaves_stays_as_it_is(kind):
    assert over_words(KINDS[kind], WORDS, kind) == KINDS[kind]


@pytest.mark.parametrize("kind", ("tags", "XX"))
def test_leaves_without_words_are_aligned_by_punctuation(kind):
    assert over_words("(S (NP XX )NP , (VP XX XX )VP . )S", "dogs , they bark .".split(), kind) == \
        "(S (NP XX )NP , (VP XX XX )VP . )S"
    assert over_words("(S (NP XX )NP (VP XX XX )VP . )S", "dogs , they bark .".split(), kind) == \
        "(S (NP XX , )NP (VP XX XX )VP . )S"


def test_a_mark_is_what_the_tree_says_where_the_word_alone_does_not_tell():
    words = "the dogs ' nose ( long ) ; it ' is '".split()
    tree = "(S the dogs ' nose -LRB- long -RRB- : it '' is '' )S"
    assert over_words(tree, words, "words") == tree == over_words(tree.replace(" nose", ""), words, "words")


@pytest.mark.parametrize("kind", KINDS)
def test_anything_becomes_a_tree_over_the_words_and_then_stays(kind):
    generator = random.Random(kind)
    words = ("the", "small", "dog", ",", ".", "(", "'", "barks", "--", "1/2")
    tokens = [*WORDS, *"XX DT , . '' (S (NP (VP )S )NP )VP )PP".split()]
    for _ in range(300):
        sentence = generator.choices(words, k=generator.randrange(1, 9))
        mended = over_words(balanced(" ".join(generator.choices(tokens, k=generator.randrange(12)))), sentence,
                            kind)
        assert len(leaves(mended)) == len(sentence)
        assert mended == balanced(mended) == over_words(mended, sentence, kind)
        read_brackets(mended, with_words=False)


def test_the_parsing_problems_mend_trees_and_leave_words_and_copies():
    words, written = " ".join(WORDS), "(S (NP the smell dog )NP (VP barks (PP at (NP cats )NP"
    problem = registry.problem("parse_ptb_sample")
    mended = problem.postprocess(written, {"inputs": words})
    assert mended == TREE.replace(" . )S", " )S").replace("cats", "cats .") and score_brackets([mended], [TREE]) \
        ["bracket_f1"] == 100
    for name in ("parse_ptb_sample_rev", "parse_ptb_sample_copy"):
        assert registry.problem(name).postprocess("( a ) b", {"inputs": TREE}) == "( a ) b"
