"""The text of `--registry_help`: every registered name with a line about it, by kind."""

import re
from collections.abc import Callable, Iterable

from t2t_mm.errors import did_you_mean
from t2t_mm.source_scan import Entry

TITLES = {"problem": "problems", "mixture": "mixtures", "model": "models", "modality": "modalities",
          "hparams": "hparams sets", "ranged_hparams": "ranged hparams sets"}


def noun(kind: str) -> str:
    """What one of a kind is called: "ranged hparams set"."""
    return kind.replace("_", " ") + (" set" if "hparams" in kind else "")


def format_entries(entries: Iterable[Entry], pattern: str | None) -> str:
    """A title for each kind, and a line for each of its entries that `pattern` finds, sorted by name."""
    entries = sorted(entries, key=lambda entry: entry.name)
    shown = list(filter(_finder(pattern), entries))
    if not shown:
        what = f"matches {pattern!r}.{did_you_mean(pattern, (entry.name for entry in entries))}" if pattern else "yet."
        return f"Nothing registered {what}"
    width = max(len(entry.name) for entry in shown)
    blocks = []
    for kind, title in TITLES.items():
        lines = [f"  {entry.name:<{width}}  {entry.doc}".rstrip() for entry in shown if entry.kind == kind]
        if lines:
            blocks.append("\n".join((f"{title}:", *lines)))
    if any(entry.kind == "problem" for entry in shown):
        blocks.append("A problem's name may end in _rev (inputs and targets swapped) or _copy (both the same).")
    return "\n\n".join(blocks)


def _finder(pattern: str | None) -> Callable[[Entry], bool]:
    if not pattern:
        return lambda entry: True
    kinds = [kind for kind, title in TITLES.items() if pattern.lower() in (kind, title)]
    if kinds:
        return lambda entry: entry.kind in kinds
    try:
        find = re.compile(pattern, re.IGNORECASE).search
    except re.error:
        find = re.compile(re.escape(pattern), re.IGNORECASE).search
    return lambda entry: bool(find(entry.name) or find(entry.doc))
