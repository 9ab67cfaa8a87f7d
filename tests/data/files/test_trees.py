"""Laws of trees: what is read is what was written; traces and function tags go; a broken tree costs no other."""

import random
from pathlib import Path

import pytest

from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.data.files.tree_files import find_tree_files, read_trees
from t2t_mm.data.files.trees import Tree, base_label, cleaned, linearised, parse, phrases
from t2t_mm.errors import UserError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "ptb_sample" / "wsj"
PTB = """
( (S
    (NP-SBJ-1 (DT The) (NN dog) )
    (VP (VBZ wants)
      (S
        (NP-SBJ (-NONE- *-1) )
        (VP (TO to)
          (VP (VB eat)
            (NP (CD 1\\/2) (-LRB- -LRB-) (NN bone) (-RRB- -RRB-) ))))
      (SBAR=2 (-NONE- 0) ))
    (. .) ))
"""
WRITTEN = "(S (NP DT NN )NP (VP VBZ (S (VP TO (VP VB (NP CD -LRB- NN -RRB- )NP )VP )VP )S )VP . )S"


def one(text):
    ((_, tree),) = parse(text)
    return tree


def bracketed(tree, gap):
    """A tree as text, `gap` between its parts."""
    inside = tree.children[0] if tree.is_leaf else gap.join(bracketed(child, gap) for child in tree.children)
    return f"({tree.label} {inside})"


def some_tree(rng, depth=0):
    if depth and rng.random() < 0.3 + depth / 10:
        return Tree(rng.choice(("NN", "DT", ",")), (rng.choice(("dog", "a", "x2")),))
    return Tree(rng.choice(("S", "NP", "VP")), tuple(some_tree(rng, depth + 1) for _ in range(rng.randint(1, 3))))


def test_a_treebank_tree_loses_traces_function_tags_and_escapes():
    tree = cleaned(one(PTB))
    assert linearised(tree) == WRITTEN
    assert " ".join(leaf.children[0] for leaf in tree.leaves()) == "The dog wants to eat 1/2 ( bone ) ."
    assert linearised(tree, leaves="XX") == (
        "(S (NP XX XX )NP (VP XX (S (VP XX (VP XX (NP XX XX XX XX )NP )VP )VP )S )VP . )S")


@pytest.mark.parametrize("gap", [" ", "\n", "\n  ", ""])
def test_what_is_written_is_read_whatever_the_layout(gap, tmp_path):
    rng = random.Random(1)
    trees = [some_tree(rng) for _ in range(200)]
    (tmp_path / "a.mrg").write_text("\n".join(bracketed(tree, gap) for tree in trees))
    with collect_skipped() as skipped:
        found = list(read_trees([tmp_path / "a.mrg"]))
    assert found == trees and not skipped.counts


@pytest.mark.parametrize("label, base", [("NP-SBJ-1", "NP"), ("NP=2", "NP"), ("PP-LOC=3", "PP"), ("ADVP|PRT", "ADVP"),
                                         ("-LRB-", "-LRB-"), ("PRP$", "PRP$"), ("``", "``"), ("-", "-")])
def test_labels_lose_their_functions(label, base):
    assert base_label(label) == base


@pytest.mark.parametrize("text", ["( (S (NN a)))", "(TOP (S (NN a)))", "(ROOT\n(S (NN a)))", "(S1 ((S (NN a))))"])
def test_the_bracket_around_the_whole_goes(text):
    assert linearised(cleaned(one(text))) == "(S NN )S"


@pytest.mark.parametrize("broken, reason", [
    ("(S (NN a) (NP (NN b))", "a bracket is not closed"), ("(S (NN a)))", "more closing than opening"),
    ("(S the (NN a))", "a word without a tag"), ("(S (NP ) (NN a))", "an empty bracket"),
    ("(S (NP the cat))", "a word without a tag"), ("(S (-NONE- *))", "nothing but traces"),
    ("(NN a)", "a tag and no bracket"), ("(S " * 300 + "(NN a)" + ")" * 300, "deeper than 200")])
@pytest.mark.parametrize("root", ["(S\n  (NN good))", "( (S (NN good)))"])
def test_a_broken_tree_is_named_and_costs_no_other(broken, reason, root, tmp_path):
    (tmp_path / "a.mrg").write_text(f"{root}\n{broken}\n{root}\n\n{root}\n")
    with collect_skipped() as skipped:
        found = [linearised(tree) for tree in read_trees([tmp_path / "a.mrg"])]
    extra = reason.startswith("more")  # the tree before the bracket too many is whole
    assert found == ["(S NN )S"] * 3 if not extra else found == ["(S NN )S"] * 4
    ((said, count),) = skipped.counts.items()
    line = root.count("\n") + 2
    assert said.startswith(reason) and count == 1 and f"a.mrg:{line}" in skipped.describe()[0]


@pytest.mark.parametrize("line, counts", [
    ("(S ()) (S ()) (S (A b)) (S ())", {"an empty bracket": 3}),
    ("(S (A b)) (S ()) (S the (A b)) (A b)", {"an empty bracket": 1, "a word without a tag of its own": 1,
                                              "a tag and no bracket above it": 1}),
    ("some words (S ()) (S (A b)) more words", {"text outside of brackets": 2, "an empty bracket": 1}),
    ("(S (A b)))) (S ()) (S ()", {"more closing than opening brackets": 1, "an empty bracket": 1,
                                  "a bracket is not closed": 1})])
def test_every_broken_tree_of_a_line_is_counted_once_however_often_it_is_read(line, counts, tmp_path):
    (tmp_path / "a.mrg").write_text(f"(S (A b))\n{line}\n\n(S ())")
    counts = counts | {"an empty bracket": counts["an empty bracket"] + 1}
    with collect_skipped() as skipped:
        found = [[linearised(tree) for tree in read_trees([tmp_path / "a.mrg"])] for _ in range(2)]
    assert found == [["(S A )S"] * 2] * 2 and skipped.counts == counts


def test_text_between_trees_and_bytes_that_are_no_utf_8_are_named(tmp_path):
    (tmp_path / "a.mrg").write_bytes(b"\xef\xbb\xbf(S (NN a))\r\n*x*x*x* copyright\n(S (NN \xe4))\n(S (NN b))")
    with collect_skipped() as skipped:
        words = [next(tree.leaves()).children[0] for tree in read_trees([tmp_path / "a.mrg"])]
    assert words == ["a", "b"] and skipped.counts == {"text outside of brackets": 1, "broken characters (not UTF-8)": 1}


def test_files_are_sorted_into_splits_by_their_names(tmp_path):
    names = ["train.mrg", "x/a.mrg", "valid/b.txt", "en-test.mrg.gz", "README.txt", "notes.md", ".hidden.mrg"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    files = find_tree_files(tmp_path)
    assert {split: [path.relative_to(tmp_path).as_posix() for path in paths] for split, paths in files.items()} == {
        "train": ["train.mrg", "x/a.mrg"], "dev": ["valid/b.txt"], "test": ["en-test.mrg.gz"]}


def test_a_folder_without_trees_is_an_error(tmp_path):
    with pytest.raises(UserError, match="has no files of trees.*.mrg"):
        find_tree_files(tmp_path)


def test_genuine_trees_keep_their_words():
    if not SHARED.is_dir():
        pytest.skip("the shared data are not here")
    paths = sorted(SHARED.glob("*.mrg"))[:20]
    with collect_skipped() as skipped:
        trees = list(read_trees(paths))
    raw = [tree for path in paths for _, tree in parse(path.read_text())]
    assert not skipped.counts and len(trees) == len(raw)
    for tree, before in zip(trees, raw, strict=True):
        assert len(list(tree.leaves())) == sum(leaf.label != "-NONE-" for leaf in before.leaves())
        assert not {"-NONE-", ""} & {token.strip("()") for token in linearised(tree).split()}


def test_phrases_are_all_trees_of_so_many_words_below_the_whole():
    (_, tree), = parse("(S (NP (DT the) (NN dog)) (VP (VBZ has) (NP (DT a) (JJ red) (NN nose))))")
    assert [linearised(phrase) for phrase in phrases(tree, 3)] == ["(VP VBZ (NP DT JJ NN )NP )VP", "(NP DT JJ NN )NP"]
    assert [phrase.label for phrase in phrases(tree, 2)] == ["NP", "VP", "NP"]


def test_words_that_look_like_brackets_keep_their_tags_so_that_trees_of_words_can_be_read():
    (_, tree), = parse("(S (NP (DT the) (NN dog) (-LRB- -LRB-) (CD 3) (-RRB- -RRB-)) (VP (VBZ barks)) (: --))")
    written = linearised(cleaned(tree), leaves="words")
    assert written == "(S (NP the dog -LRB- 3 -RRB- )NP (VP barks )VP : )S"
