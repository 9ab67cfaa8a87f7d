"""What a name may be: its letters, the endings _rev and _copy of problems, and one meaning for what --problem names."""

import re
from collections.abc import Mapping

from t2t_mm.errors import UserError
from t2t_mm.source_scan import Entry

SUFFIXES = {"_rev": "reverse", "_copy": "copy"}
TRAINED = ("problem", "mixture")  # the kinds that --problem names


def split_problem_name(name: str) -> tuple[str, dict[str, bool]]:
    """`"x_rev_copy"` → `("x", {"reverse": True, "copy": True})`; a suffix counts once."""
    options: dict[str, bool] = {}
    for _ in SUFFIXES:
        for suffix, option in SUFFIXES.items():
            if name.endswith(suffix) and option not in options:
                name, options[option] = name.removesuffix(suffix), True
    return name, options


def check_spelling(entry: Entry) -> None:
    """UserError if the entry's name is not one that flags and files can carry."""
    if not isinstance(entry.name, str) or not re.fullmatch(r"[a-z0-9_]+", entry.name):
        raise UserError(f"{entry.name!r} ({entry.site}) cannot be a name: use small letters, digits and _ only.")
    if entry.kind in TRAINED and entry.name.endswith(tuple(SUFFIXES)):
        raise UserError(f"A {entry.kind} cannot be called {entry.name!r} ({entry.site}): the endings _rev and _copy "
                        "are added to the names of problems, to swap or copy inputs and targets.")


def check_one_meaning(entry: Entry, entries: Mapping[tuple[str, str], Entry]) -> None:
    """UserError if --problem could mean a problem or a mixture by the entry's name."""
    for kind in TRAINED:
        other = entries.get((kind, entry.name))
        if other and entry.kind in TRAINED and kind != entry.kind:
            raise UserError(f"{entry.name!r} would be a {kind} ({other.site}) and a {entry.kind} ({entry.site}), and "
                            "--problem names both kinds. Rename one of them.")
