"""The tree of LibriSpeech: <set>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt and a FLAC file an utterance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.speech_table import NO_SOUND
from t2t_mm.data.files.text_lines import read_lines
from t2t_mm.data.files.utterances import SoundFolders, Utterance
from t2t_mm.data.files.walking import files_below

_KINDS = ("train", "dev", "test")
_CLEAN = {"dev": "dev-clean", "test": "test-clean"}


def find_librispeech(root: Path) -> dict[str, list[Path]]:
    """Split → the sets that make it: all train-*, dev-clean and test-clean (or, without them, dev-* and test-*).

    Without a train-* the first kind that is there is training data, and it is noted.
    """
    there = sorted(path for path in root.iterdir() if path.is_dir())
    sets = {kind: [path for path in there if path.name.startswith(f"{kind}-")] for kind in _KINDS}
    for kind, name in _CLEAN.items():
        sets[kind] = [path for path in sets[kind] if path.name == name] or sets[kind]
    sets = {kind: paths for kind, paths in sets.items() if paths}
    if sets and "train" not in sets:
        first = next(iter(sets))
        sets["train"] = sets.pop(first)
        note(f"no train-* in {root}: {', '.join(path.name for path in sets['train'])} is trained on, so that results "
             "cannot be compared with those of others")
    for kind, paths in sets.items():
        note(f"{kind} is made of {', '.join(path.name for path in paths)}")
    return sets


def read_librispeech(sets: Sequence[Path]) -> Iterator[Utterance]:
    """The utterances of some sets, their text in small letters, in the order of their names."""
    for folder in sets:
        for table in sorted(path for path in files_below(folder) if path.name.endswith(".trans.txt")):
            yield from _chapter(table)


def _chapter(table: Path) -> Iterator[Utterance]:
    sounds = SoundFolders([table.parent])
    named = set()
    for number, (line, fault) in enumerate(read_lines(table), start=1):
        name, _, text = line.partition(" ")
        path = sounds.find(name)
        named.add(name)
        if fault or not text:
            skip(fault or "no text", table, number)
        elif path is None:
            skip(NO_SOUND, table, number, name)
        else:
            yield Utterance(name, path, text.lower(), f"{table.name}:{number}")
    for name in sounds.names():
        if name not in named:
            skip("no transcript", sounds.find(name))
