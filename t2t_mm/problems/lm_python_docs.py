"""A small language model's data: English paragraphs from the docstrings of Python's standard library."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from t2t_mm import registry
from t2t_mm.data.features import Feature, Text
from t2t_mm.data.splitting import normalised, split_of
from t2t_mm.problems import python_library
from t2t_mm.problems.problem import Problem, Sample

_CHARACTERS = range(40, 401)
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@registry.register_problem("lm_python_docs")
class LmPythonDocs(Problem):
    """Byte language model (targets only): paragraphs of the docstrings of Python's standard library.

    Source: the Python that generates the data (PSF licence); the text changes a little with its version. Paragraphs of
    40 to 400 characters, white space made single spaces, each once. With Python 3.11.7: 10,120 train, 589 dev,
    581 test.
    """

    command = "to-text"
    reversible = False
    metrics = ("exact_match",)

    def define_features(self) -> dict[str, Feature]:
        return {"targets": Text("bytes")}

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        for paragraph in _paragraphs:
            if split_of(paragraph) == split:
                yield {"targets": paragraph}


def _find_paragraphs() -> Iterator[str]:
    seen: set[str] = set()
    for _, module in python_library.modules():
        for node in (module, *python_library.statements(module)):
            docstring = ast.get_docstring(node) if isinstance(node, _DOCUMENTED) else None
            for paragraph in (docstring or "").split("\n\n"):
                text = " ".join(paragraph.split())
                key = normalised(text)
                if len(text) in _CHARACTERS and text.isprintable() and key not in seen:
                    seen.add(key)
                    yield text


_paragraphs = python_library.ReadOnce(_find_paragraphs)
