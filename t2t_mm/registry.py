"""Names → problems, mixtures, models, modalities, hparams sets; answers about names without importing TensorFlow."""

import contextlib
import importlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2t_mm import registry_help, usr_dir
from t2t_mm.errors import UserError, did_you_mean
from t2t_mm.registry_help import TITLES
from t2t_mm.registry_names import check_one_meaning, check_spelling, split_problem_name
from t2t_mm.source_scan import KINDS, Entry, first_line, scan_package, snake_case

PLUGINS = "t2t_mm.plugins"
_HOMES = ("problems", "models", "modalities", "hparams")


@dataclass
class _Tables:
    """All that is known: where each name is defined, the objects whose decorators have run, and what was imported."""

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    objects: dict[tuple[str, str], Any] = field(default_factory=dict)
    usr_dirs: list[str] = field(default_factory=list)
    homes_scanned: bool = False
    plugins_loaded: bool = False


_tables = _Tables()


# Decorators.

def register_problem(name: str | type | None = None):
    """Registers a Problem class: `@register_problem` (snake_case of its name) or `@register_problem("name")`."""
    return _decorator("problem", name)


def register_mixture(name: str | Callable | None = None):
    """Registers a function without arguments that returns a tuple of names of problems, bare or with a name."""
    return _decorator("mixture", name)


def register_model(name: str | type | None = None):
    """Registers a T2TModel class, bare or with a name."""
    return _decorator("model", name)


def register_modality(name: str | type | None = None):
    """Registers a Modality class, bare or with a name."""
    return _decorator("modality", name)


def register_hparams(name: str | Callable | None = None):
    """Registers a function without arguments that returns an Hparams, bare or with a name."""
    return _decorator("hparams", name)


def register_ranged_hparams(name: str | Callable | None = None):
    """Registers a function without arguments that returns a Ranges (what to draw hparams from), bare or with a name."""
    return _decorator("ranged_hparams", name)


def _decorator(kind: str, name: Any):
    frame = sys._getframe(2)  # where the decorator stands, as the source scan sees it
    site = (frame.f_code.co_filename, frame.f_lineno)
    if name is None or isinstance(name, str):
        return lambda target: _register(kind, name or snake_case(target.__name__), target, *site)
    return _register(kind, snake_case(name.__name__), name, *site)


def _register(kind: str, name: str, target: Any, file: str, line: int) -> Any:
    _scan_homes()
    file = file if file.startswith("<") else str(Path(file).resolve())
    _add(Entry(kind, name, target.__module__, target.__qualname__, file, line, first_line(target.__doc__)))
    _tables.objects[kind, name] = target
    if isinstance(target, type):
        target.registered_name = name
    return target


def _add(entry: Entry) -> None:
    check_spelling(entry)
    check_one_meaning(entry, _tables.entries)
    known = _tables.entries.get((entry.kind, entry.name))
    typed_at_a_prompt = known is not None and not Path(known.file).exists()
    if known is not None and known.site != entry.site and not typed_at_a_prompt:
        raise UserError(f"Two {TITLES[entry.kind]} are called {entry.name!r}: one is defined at {known.site}, "
                        f"the other at {entry.site}. Rename one of them: @registry.register_{entry.kind}(\"...\").")
    _tables.entries[entry.kind, entry.name] = entry


# Look-ups.

def problem(name: str) -> Any:
    """The problem called `name`, an instance; `_rev` and `_copy` at its end swap or copy inputs and targets."""
    base, options = split_problem_name(name)
    cls = _find("problem", base)
    if options.get("reverse") and not getattr(cls, "reversible", True):
        raise UserError(f"{name!r}: the problem {base!r} works in one direction only, it cannot be reversed. "
                        f"Use --problem={base}.")
    return cls(**options)


def mixture(name: str) -> tuple[str, ...]:
    """The names of the problems of the mixture called `name`; UserError if one of them is no problem."""
    members = tuple(_find("mixture", name)())
    for member in members:
        try:
            check_name("problem", member)
        except UserError as error:
            raise UserError(f"In the mixture {name!r} ({_tables.entries['mixture', name].site}): {error}") from None
    return members


def expand(names_of_problems: Iterable[str]) -> list[str]:
    """The names with every mixture replaced by those of its problems; others stay as they are, unchecked."""
    mixtures = names("mixture")
    return [member for name in names_of_problems for member in (mixture(name) if name in mixtures else (name,))]


def model(name: str) -> type:
    """The model class called `name`."""
    return _find("model", name)


def hparams_class(name: str) -> type | None:
    """The class of hparams that the model called `name` needs; None: any.

    Read from the model's source where it says so there: importing a model imports TensorFlow.
    """
    _check_known("model", name)
    home, _, attribute = _tables.entries["model", name].hparams_class.partition(":")
    if home and ("model", name) not in _tables.objects:
        return getattr(importlib.import_module(home), attribute)
    return getattr(model(name), "hparams_class", None)


def modality(name: str) -> type:
    """The modality class called `name`."""
    return _find("modality", name)


def hparams(name: str) -> Any:
    """The Hparams of the set called `name`; UserError if they are not what hparams should be."""
    return _made("hparams", name)


def ranged_hparams(name: str) -> Any:
    """The Ranges called `name`, made anew."""
    return _made("ranged_hparams", name)


def _made(kind: str, name: str) -> Any:
    """What a function returns that is registered; of an error it is said whose it is."""
    make = _find(kind, name)
    try:
        return make()
    except UserError as error:
        raise UserError(f"The {registry_help.noun(kind)} {name} is wrong: {error}") from error


def names(kind: str) -> tuple[str, ...]:
    """All names of a kind ("problem", "mixture", "model", "modality", "hparams" or "ranged_hparams"), sorted."""
    if kind not in KINDS:
        raise UserError(f"There is no kind {kind!r} in the registry, only {', '.join(KINDS)}.")
    _load_all()
    return tuple(sorted(name for entry_kind, name in _tables.entries if entry_kind == kind))


def check_name(kind: str, name: str) -> None:
    """Raises UserError, with the closest names, if `name` is unknown; imports nothing of the kind's home package."""
    _check_known(kind, split_problem_name(name)[0] if kind == "problem" else name)


def _check_known(kind: str, name: str) -> None:
    known, also = names(kind), ""
    if name in known:
        return
    if kind == "problem":
        if name in names("mixture"):
            raise UserError(f"{name!r} is a mixture of problems; here a problem is wanted, and _rev and _copy are for "
                            "problems only. Name the problems, or a mixture of your own that holds them.")
        known, also = known + names("mixture"), " _rev or _copy may follow a problem's name, each once."
    near = did_you_mean(name, known)
    raise UserError(f"No {registry_help.noun(kind)} is called {name!r}.{near} There are {len(known)}: "
                    f"--registry_help lists all.{also} Your own are found with --t2t_usr_dir=FOLDER.")


def _find(kind: str, name: str) -> Any:
    _check_known(kind, name)
    if (kind, name) not in _tables.objects:
        entry = _tables.entries[kind, name]
        _tables.objects[kind, name] = getattr(importlib.import_module(entry.module), entry.attribute)
    return _tables.objects[kind, name]


# What fills the tables.

def import_usr_dir(path: str) -> None:
    """Imports a user's package folder or .py file, so that its decorators run; the same path is imported once.

    Raises UserError if there is nothing at `path`, or with the whole traceback if the user's code fails.
    """
    where = str(Path(path).expanduser().resolve())
    if where in _tables.usr_dirs:
        return
    entries, objects = dict(_tables.entries), dict(_tables.objects)
    try:
        usr_dir.import_path(where)
    except BaseException:
        _tables.entries, _tables.objects = entries, objects  # so that a mended file can be imported again
        raise
    _tables.usr_dirs.append(where)
    inside = any(Path(entry.file).is_relative_to(where) for entry in _tables.entries.values())
    if not inside and len(_tables.entries) == len(entries):
        warnings.warn(f"{where} was imported, but it registered nothing. Are the decorators there, and does its "
                      "__init__.py import the files that have them?", stacklevel=2)


def _load_all() -> None:
    _scan_homes()
    if not _tables.plugins_loaded:
        _tables.plugins_loaded = True
        usr_dir.load_plugins(PLUGINS)


def _scan_homes() -> None:
    if not _tables.homes_scanned:
        for home in _HOMES:
            for entry in scan_package(Path(__file__).parent / home, f"t2t_mm.{home}"):
                _add(entry)
        _tables.homes_scanned = True


@contextlib.contextmanager
def temporary() -> Iterator[None]:
    """Whatever is registered inside is forgotten at the end (for tests)."""
    global _tables
    _load_all()
    saved = _tables
    _tables = _Tables(dict(saved.entries), dict(saved.objects), list(saved.usr_dirs), True, True)
    try:
        yield
    finally:
        _tables = saved


def help_text(pattern: str | None = None) -> str:
    """A line for each registered name, by kind and sorted; only those that match `pattern`, if given.

    `pattern` is a regular expression (or, where it is none, plain text), sought in the name and the line about it,
    whatever the case; the name of a kind, such as "model" or "models", shows that whole kind.
    """
    _load_all()
    return registry_help.format_entries(_tables.entries.values(), pattern)
