"""The house stands: imports point down, names and sizes keep the rules, and nothing heavy is imported early."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "t2t_mm"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BESIDE = sorted(path for name in ("benchmarks", "experiments") for path in (ROOT / name).glob("*.py"))

# Floor of each folder and top-level file. An import goes to a lower floor, or stays in its own room.
FLOORS = {"__init__": 0, "errors": 0, "registry": 0, "registry_help": 0, "registry_names": 0, "source_scan": 0,
          "usr_dir": 0,
          "cores": 1, "data": 1, "layers": 1, "hparams": 1, "metrics": 1, "decoding": 1,
          "modalities": 2,
          "problems": 3, "models": 3,
          "experiment": 4, "experiment_names": 4, "training": 4, "inference": 4, "report": 4, "datagen": 4,
          "cli": 5}
OPEN_FLOORS = (0, 4)  # the rooms of these floors may visit each other
WATERLINE = ("layers", "modalities", "models")  # keras only
LIGHT = ("errors", "registry", "registry_help", "registry_names", "source_scan", "usr_dir", "hparams", "cli",
         "problems")
LIGHT_FILES = ("data/text_encoders.py", "data/features/")
HEAVY = ("tensorflow", "keras", "tensorflow_text", "tensorflow_datasets")


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def below(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a file of the package is one of these files, or in one of these folders ("data/features/")."""
    return path.relative_to(PACKAGE).as_posix().startswith(names)


def imports(path: Path, deep: bool = True):
    """Yields (module, line) of each import; imports for type checkers only are left out; `deep`: in functions too."""
    pending = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((name, node.lineno) for name in from_imports(node, path))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif deep or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def from_imports(node: ast.ImportFrom, path: Path) -> list[str]:
    base = node.module or ""
    if node.level:
        parents = path.relative_to(ROOT).parts[:-1]
        base = ".".join((*parents[:len(parents) - node.level + 1], *filter(None, [node.module])))
    return [f"{base}.{alias.name}" for alias in node.names] if base == "t2t_mm" else [base]


def test_every_room_has_a_floor():
    assert sorted({room(path) for path in FILES} - set(FLOORS)) == []


def test_imports_point_down_and_neighbours_do_not_visit():
    wrong = []
    for path in FILES:
        here = room(path)
        for module, line in imports(path):
            if not module.startswith("t2t_mm."):
                continue
            there = module.split(".")[1]
            same_floor = FLOORS.get(there, 0) == FLOORS[here] and (there == here or FLOORS[here] in OPEN_FLOORS)
            if not (FLOORS.get(there, 0) < FLOORS[here] or same_floor):
                wrong.append(f"{short(path)}:{line} ({here}, floor {FLOORS[here]}) imports {module}")
    assert wrong == []


def test_a_model_does_not_reach_into_a_sibling():
    wrong = [f"{short(path)}:{line} imports {module}" for path in FILES if room(path) == "models"
             for module, line in imports(path)
             if module.startswith("t2t_mm.models.") and module.split(".")[2] not in ("t2t_model", path.stem)
             and (PACKAGE / "models" / module.split(".")[2]).with_suffix(".py").exists()
             and registers(PACKAGE / "models" / f"{module.split('.')[2]}.py")]
    assert wrong == []


def registers(path: Path) -> bool:
    return "register_model" in path.read_text(encoding="utf-8")


def test_below_the_waterline_keras_only():
    wrong = [f"{short(path)}:{line} imports {module}" for path in FILES if room(path) in WATERLINE
             for module, line in imports(path) if module.split(".")[0].startswith("tensorflow")]
    assert wrong == []


LIGHT_PATHS = [path for path in FILES if room(path) in LIGHT or below(path, LIGHT_FILES)]


def test_light_modules_import_nothing_heavy_at_the_top():
    wrong = [f"{short(path)}:{line} imports {module}" for path in LIGHT_PATHS
             for module, line in imports(path, deep=False) if module.split(".")[0] in HEAVY]
    assert wrong == []


def test_everything_that_is_to_be_light_is_there():
    assert [name for name in LIGHT if name not in {room(path) for path in FILES}] == []
    assert [name for name in LIGHT_FILES if not any(below(path, (name,)) for path in FILES)] == []


def light_modules() -> list[str]:
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in LIGHT_PATHS]


def test_light_modules_leave_tensorflow_out_in_a_new_process():
    code = f"""if True:
        import importlib, sys
        import t2t_mm.registry
        t2t_mm.registry.names("problem")
        for name in {light_modules()}:
            importlib.import_module(name)
            found = set({HEAVY}) & set(sys.modules)
            if found: sys.exit(f"importing {{name}} imports {{found}}")
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["t2t_mm", "problems", "models", "modalities", "hparams", "cli"])
def test_home_packages_import_none_of_their_modules(package):
    init = PACKAGE / ("__init__.py" if package == "t2t_mm" else f"{package}/__init__.py")
    assert [module for module, _ in imports(init) if module.startswith("t2t_mm")] == []


def test_no_file_is_named_after_nothing():
    empty_names = {"utils", "util", "common", "misc", "helpers", "helper"}
    assert [short(path) for path in (*FILES, *TESTS) if empty_names & set(path.stem.split("_"))] == []


def test_every_file_opens_with_what_it_is():
    wrong = []
    for path in (*FILES, *TESTS):
        doc = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()
        if not doc.split("\n\n")[0].endswith((".", ".)")) or "TODO" in doc:
            wrong.append(short(path))
    assert wrong == []


def test_files_can_be_held_in_the_head():
    lengths = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > 260} == {}


def test_what_is_imported_is_used():
    wrong = []
    for path in (*FILES, *TESTS, *BESIDE):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") != "__future__":
                names = [(alias.asname or alias.name).split(".")[0] for alias in node.names]
                wrong += [f"{short(path)}: {name}" for name in names if len(re.findall(rf"\b{name}\b", text)) < 2]
    assert wrong == []


def test_lines_are_short():
    wrong = [f"{short(path)}:{number}" for path in (*FILES, *TESTS, *BESIDE)
             for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > 120]
    assert wrong == []


def test_no_path_of_one_machine():
    """No absolute path of a home, temporary or work folder in code, tests and the files beside them."""
    folders = re.compile(r"""(?<![\w.~<>*/-])(/(?:home|root|tmp|work|Users|mnt)/\w|[A-Z]:\\\w)""")
    beside = [path for folder in ("bin", "docs", ".ci") for path in (ROOT / folder).rglob("*") if path.is_file()]
    at_the_top = [path for end in ("*.md", "*.cfg", "*.toml", "Makefile") for path in ROOT.glob(end)]
    texts = (*FILES, *TESTS, *beside, *at_the_top)
    wrong = [f"{short(path)}: {line.strip()}" for path in texts if path.suffix not in (".png", ".wav", ".svg", ".gif")
             and path != Path(__file__)
             for line in path.read_text(encoding="utf-8").splitlines() if folders.search(line)]
    assert wrong == []


def test_test_folders_mirror_the_package():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    wrong = [short(path) for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"
             and path.name not in rooms and list(path.glob("*.py"))]
    assert wrong == []
    assert [short(path) for path in TESTS if path.name == "__init__.py"] == []
