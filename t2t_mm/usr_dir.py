"""Imports a user's package folder or .py file from anywhere on disk, and shows its errors whole; loads plugins."""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import re
import sys
import traceback
import warnings
from pathlib import Path

from t2t_mm.errors import UserError


def import_path(path: str) -> None:
    """Imports a .py file, or a folder: its `__init__.py` if it has one, else every .py file in it.

    Files of a folder may import each other relatively (`from .words import WORDS`). The module's name depends on the
    path alone, so that another process that imports the same path can unpickle what it defines.
    Raises UserError: nothing there, not Python, or the user's traceback.
    """
    where = Path(path)
    name = module_name(where)
    try:
        if where.is_dir():
            _import_folder(where, name)
        elif where.is_file() and where.suffix == ".py":
            _import_file(where, name)
        else:
            raise UserError(_nothing_there(where))
    except UserError:
        _forget(name)
        raise
    except (Exception, SystemExit) as error:
        _forget(name)
        raise UserError(f"--t2t_usr_dir={where}: importing it failed. Its own error was:\n\n"
                        f"{_own_traceback(error, where)}") from error


def load_plugins(group: str) -> None:
    """Imports the installed packages' entry points of a group; warns of one that fails, and leaves it out."""
    from importlib.metadata import entry_points  # here: 20 ms that only a look-up needs

    for plugin in entry_points(group=group):
        try:
            plugin.load()
        except Exception as error:
            warnings.warn(f"The plugin {plugin.name!r} ({plugin.value}) could not be loaded and is left out: "
                          f"{type(error).__name__}: {error}", stacklevel=3)


def module_name(where: Path) -> str:
    """The name in `sys.modules` of the folder or file: readable, and one for each path."""
    stem = re.sub(r"\W", "_", where.stem)
    return f"t2t_usr_{stem}_{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"


def _import_folder(folder: Path, name: str) -> None:
    if (folder / "__init__.py").exists():
        _import_file(folder / "__init__.py", name, search=[str(folder)])
        return
    files = sorted(folder.glob("*.py"))
    if not files:
        raise UserError(f"--t2t_usr_dir={folder}: there is no .py file in this folder.")
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    importlib.invalidate_caches()
    for file in files:
        if file.stem.isidentifier():
            importlib.import_module(f"{name}.{file.stem}")
        else:
            _import_file(file, f"{name}.{re.sub(r'[^0-9a-zA-Z_]', '_', file.stem)}")


def _import_file(file: Path, name: str, search: list[str] | None = None) -> None:
    importlib.invalidate_caches()
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _forget(name: str) -> None:
    for module in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[module]


def _nothing_there(where: Path) -> str:
    what = "is not a .py file" if where.exists() else "does not exist"
    return f"--t2t_usr_dir={where} {what}. Give a folder with .py files in it, or one .py file."


def _own_traceback(error: BaseException, where: Path) -> str:
    """The traceback from the first line of the user's own code on, without the import machinery."""
    shown = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in shown.stack if not frame.filename.startswith("<frozen importlib")]
    own = [i for i, frame in enumerate(frames) if frame.filename.startswith(str(where))]
    shown.stack = traceback.StackSummary.from_list(frames[own[0]:] if own else [])
    return "".join(shown.format()).rstrip()
