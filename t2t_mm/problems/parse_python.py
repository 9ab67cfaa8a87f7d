"""Parsing: lines of Python code and their syntax trees, written in brackets as in "Grammar as a Foreign Language"."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from t2t_mm import registry
from t2t_mm.data.features import Feature, Text
from t2t_mm.data.splitting import normalised, split_of
from t2t_mm.problems import python_library
from t2t_mm.problems.problem import Problem, Sample

_MAX_CHARACTERS = 80
_MAX_NODES = 40
_TEXTS_PER_VOCABULARY_TEXT = 8


@registry.register_problem("parse_python")
class ParsePython(Problem):
    """One-line Python statement → its syntax tree, e.g. "x = f(1)" → "(Assign Name (Call Name Constant ) )".

    Source: the standard library of the Python that generates the data (PSF licence); trees by its own `ast`, so both
    change with its version, which the manifest records. As in Vinyals et al. 2015 (arXiv 1412.7449, section 3) trees
    are read depth first and without their leaves: types of nodes only, no names and no constants. A node with
    children is "(Type children )", one without is "Type"; load and store contexts are left out.
    Statements of up to 80 characters and 40 nodes, each once. With Python 3.11.7: 50,102 train,
    2,817 dev, 2,768 test; 84 different tree tokens, median 15 a tree.
    """

    command = "to-parse-tree"
    extra = "demo"
    metrics = ("exact_match",)

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Text("subwords:demo"), "targets": Text("subwords:demo")}

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        for statement, tree in _statements:
            if split_of(statement) == split:
                yield {"inputs": statement, "targets": tree}

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        """Every eighth statement, so that code does not crowd out human languages in a shared vocabulary."""
        for index, sample in enumerate(self.generate("train", tmp_dir)):
            if index % _TEXTS_PER_VOCABULARY_TEXT == 0:
                yield sample["inputs"]
                yield sample["targets"]

    @property
    def description(self) -> str:
        """The first line of the docstring, and which Python wrote the code and the trees."""
        return f"{super().description} Python {sys.version.split()[0]}."


def bracketed(node: ast.AST) -> str:
    """A syntax tree in brackets: "(Type child child )", or "Type" for a node without children."""
    children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]
    kind = type(node).__name__
    return f"({kind} {' '.join(map(bracketed, children))} )" if children else kind


def _find_statements() -> Iterator[tuple[str, str]]:
    """(statement, tree), each statement once even if white space and capitals are set aside."""
    seen: set[str] = set()
    for lines, module in python_library.modules():
        for node in python_library.statements(module):
            statement = "" if _is_docstring(node) else _source_of(node, lines)
            key = normalised(statement)
            if statement and key not in seen:
                seen.add(key)
                tree = bracketed(node)
                if sum(token != ")" for token in tree.split()) <= _MAX_NODES:
                    yield statement, tree


_statements = python_library.ReadOnce(_find_statements)


def _source_of(node: ast.stmt, lines: list[str]) -> str:
    """The statement as written, or "" if it is not one short, printable line."""
    if node.lineno != node.end_lineno or hasattr(node, "body"):
        return ""
    statement = lines[node.lineno - 1].encode()[node.col_offset:node.end_col_offset].decode()
    return statement if statement.isprintable() and len(statement) <= _MAX_CHARACTERS else ""


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
