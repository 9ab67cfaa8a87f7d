"""Reads from source text, without importing it, which names a package's `@register_...` decorators will register."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("problem", "mixture", "model", "modality", "hparams", "ranged_hparams")


@dataclass(frozen=True)
class Entry:
    """One registered name: where it is defined (`line` is the decorator's) and what it says of itself.

    `hparams_class` is "module:name" where a model's body says which it needs, by a name imported from that module.
    """

    kind: str
    name: str
    module: str
    attribute: str
    file: str
    line: int
    doc: str
    hparams_class: str = ""

    @property
    def site(self) -> str:
        return f"{self.file}:{self.line}"


def scan_package(folder: Path, package: str) -> Iterator[Entry]:
    """Yields an entry for each decorated module-level class and function of the .py files in `folder`."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "register_" not in text:
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            warnings.warn(f"{path}, line {error.lineno}: {error.msg}; its names are left out", stacklevel=2)
            continue
        parts = path.relative_to(folder).with_suffix("").parts
        module = ".".join((package, *(part for part in parts if part != "__init__")))
        yield from _scan_module(tree, str(path.resolve()), module)


def _scan_module(tree: ast.Module, file: str, module: str) -> Iterator[Entry]:
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            kind, name = _kind_and_name(decorator)
            if kind:
                doc = first_line(ast.get_docstring(node))
                needs = _hparams_class(node, tree) if kind == "model" else ""
                yield Entry(kind, name or snake_case(node.name), module, node.name, file, decorator.lineno, doc, needs)


def _kind_and_name(decorator: ast.expr) -> tuple[str | None, str | None]:
    """`@registry.register_model("x")` → ("model", "x"); `@register_model` → ("model", None); others → (None, None)."""
    name, function = None, decorator
    if isinstance(decorator, ast.Call):
        function = decorator.func
        arguments = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
        if arguments and isinstance(arguments[0], ast.Constant):
            name = arguments[0].value
    called = getattr(function, "attr", None) or getattr(function, "id", "")
    kind = called.removeprefix("register_")
    return (kind, name) if called.startswith("register_") and kind in KINDS else (None, None)


def _hparams_class(node: ast.ClassDef, tree: ast.Module) -> str:
    """Where `hparams_class = Name` in a class's body comes from, "module:name", or "" if its file does not show it."""
    names = [line.value.id for line in node.body if isinstance(line, ast.Assign) and isinstance(line.value, ast.Name)
             and any(isinstance(target, ast.Name) and target.id == "hparams_class" for target in line.targets)]
    imported = [(alias.asname or alias.name, f"{line.module}:{alias.name}") for line in tree.body
                if isinstance(line, ast.ImportFrom) and not line.level for alias in line.names]
    return next((origin for name, origin in imported if name in names), "")


def snake_case(name: str) -> str:
    """CamelCase → snake_case: a word starts where a capital follows anything else, or a small letter follows it.

    `TranslateEnFr` → `translate_en_fr`, `CNNModel` → `cnn_model`, `Wmt14Ende` → `wmt14_ende`; snake_case is kept.
    """
    out = []
    for i, char in enumerate(name):
        before, after = name[i - 1 : i], name[i + 1 : i + 2]
        if char.isupper() and before not in ("", "_"):
            if not before.isupper() or after.islower():
                out.append("_")
        out.append(char.lower())
    return "".join(out)


def first_line(doc: str | None) -> str:
    """The first line of a docstring that has text, or ""."""
    return next((line.strip() for line in (doc or "").splitlines() if line.strip()), "")
