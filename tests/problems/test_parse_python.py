"""Laws of the trees: they are what `ast` says of the line alone, and their brackets can be read back."""

import ast

import pytest

from t2t_mm import registry
from t2t_mm.problems.parse_python import bracketed


def read_back(tokens):
    """(kind, children) of the tree that begins at tokens[0]; takes its tokens away."""
    token = tokens.pop(0)
    if not token.startswith("("):
        return token, []
    children = []
    while tokens[0] != ")":
        children.append(read_back(tokens))
    tokens.pop(0)
    return token[1:], children


def shape(node):
    """The same nested pairs from an `ast` node."""
    children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]
    return type(node).__name__, [shape(child) for child in children]


@pytest.mark.filterwarnings("ignore")
def test_each_tree_is_the_tree_of_its_line_and_can_be_read_back(first):
    for split in ("train", "dev", "test"):
        for sample in first("parse_python", split)[:500]:
            (node,) = ast.parse(sample["inputs"]).body
            tokens = sample["targets"].split(" ")
            assert read_back(tokens) == shape(node) and not tokens


def test_lines_are_short_and_trees_small(first):
    for sample in first("parse_python", "train"):
        assert len(sample["inputs"]) <= 80 and sample["inputs"].isprintable()
        assert len([token for token in sample["targets"].split() if token != ")"]) <= 40


def test_names_and_constants_do_not_show_in_trees():
    trees = {bracketed(ast.parse(line).body[0]) for line in ("x = f(1)", "total = g('two')", "y=h(None)")}
    assert trees == {"(Assign Name (Call Name Constant ) )"}


def test_vocabulary_texts_are_a_part_of_the_training_texts(first):
    problem = registry.problem("parse_python")
    some = [text for _, text in zip(range(200), problem.sample_texts(""), strict=False)]
    assert set(some) <= {text for sample in first("parse_python", "train") for text in sample.values()}


def test_the_description_names_the_python_version():
    import platform
    assert platform.python_version() in registry.problem("parse_python").description
