"""The one exception for mistakes that a user can make and mend, and the hint "did you mean"."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in a flag, a name, a file or a value; its text says what to do. Programs print it without traceback."""


def did_you_mean(name: str, known: Iterable[str], n: int = 3) -> str:
    """`" Did you mean 'a' or 'b'?"` with at most `n` names of `known` that are near `name`, or `""`."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=n, cutoff=0.6)
    near = near or [candidate for candidate in known if candidate.casefold() == name.casefold()]
    if not near and len(name) >= 3:
        near = [candidate for candidate in known if name in candidate or candidate in name][:n]
    return f" Did you mean {' or '.join(repr(candidate) for candidate in near)}?" if near else ""
