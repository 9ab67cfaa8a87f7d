"""Tables of transcribed speech as LJSpeech has them: `metadata.csv` of lines "name|text|normalised text"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_mm.data.files.skipped import skip
from t2t_mm.data.files.splits import NAMES
from t2t_mm.data.files.text_lines import read_lines
from t2t_mm.data.files.utterances import SoundFolders, Utterance

TABLE = "metadata.csv"
NO_SOUND = "no file of sound of this name"
_FIRST = 20  # lines of which one at least must have its sound


def find_tables(folder: Path) -> dict[str, Path]:
    """Split → its table, of the splits that have one.

    `metadata_train.csv`, `metadata_dev.csv` (or val, valid, validation), ..., or `train/metadata.csv`, ...; a plain
    `metadata.csv` is training data, where no other table is.
    """
    tables = {}
    for split, names in NAMES.items():
        paths = [path for name in names for path in (folder / f"metadata_{name}.csv", folder / name / TABLE)]
        there = [path for path in [*paths, *([folder / TABLE] if split == "train" else [])] if path.is_file()]
        tables.update({split: there[0]} if there else {})
    return tables


def read_table(table: Path) -> Iterator[Utterance]:
    """The utterances of a table; lines that cannot be used are left out, and `skip` is told.

    The last of the texts that is not empty is the text. Sounds lie in a folder called like the split that the table
    names, in `wavs`, beside the table, in other folders beside it, or in the same places one folder above.
    """
    sounds, seen = _sounds_of(table), set()
    for number, (line, fault) in enumerate(read_lines(table), start=1):
        name, *texts = (cell.strip() for cell in line.split("|"))
        path = sounds.find(name) if name and texts else None
        text = next(filter(None, reversed(texts)), "")
        fault = fault or _fault(texts, text, path, seen)
        if fault:
            skip(fault, table, number, detail=name if fault == NO_SOUND else "")
        else:
            seen.add(str(path))
            yield Utterance(path.stem, path, text, f"{table.name}:{number}")


def has_sounds(table: Path) -> bool:
    """Whether one of the first lines names a file that is there."""
    sounds = _sounds_of(table)
    lines = (line for _, (line, _) in zip(range(_FIRST), read_lines(table), strict=False))
    return any(sounds.find(line.partition("|")[0].strip()) for line in lines if "|" in line)


def _fault(texts: list[str], text: str, path: Path | None, seen: set[str]) -> str:
    if len(texts) not in (1, 2):
        return "not name|text or name|text|normalised text"
    if not text:
        return "no text"
    if path is None:
        return NO_SOUND
    return "a second line about the same sound" if str(path) in seen else ""


def _sounds_of(table: Path) -> SoundFolders:
    named = table.stem.removeprefix("metadata_")
    own = next((names for names in NAMES.values() if named in names), ())
    homes, folders = [table.parent], [table.parent / name for name in own]
    if any(table.parent.name in names for names in NAMES.values()):
        homes.append(table.parent.parent)
    for home in homes:
        others = sorted(path for path in home.iterdir() if path.is_dir() and path.name != "wavs"
                        and not any(path.name in names for names in NAMES.values()))
        folders += [home / "wavs", home, *others]
    return SoundFolders(folders)
