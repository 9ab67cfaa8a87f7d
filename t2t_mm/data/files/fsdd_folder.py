"""The recordings of the Free Spoken Digit Dataset (FSDD) by split: `recordings/<digit>_<speaker>_<take>.wav`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.splits import NAMES
from t2t_mm.data.files.text_lines import read_lines
from t2t_mm.data.splitting import position_of
from t2t_mm.errors import UserError

WHERE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
TEST_TAKES = range(5)  # of each digit of each speaker, where no split.csv says otherwise: the authors' rule
DEV_SHARE = 0.1  # of the training takes of each digit of each speaker
_NAME = re.compile(r"([0-9])_(.+)_([0-9]+)")


@dataclasses.dataclass(frozen=True)
class Clip:
    """One recording of one digit; its name, "7_jackson_32", says the rest."""

    path: Path
    digit: int
    speaker: str
    take: int

    @property
    def name(self) -> str:
        return self.path.stem


def find_fsdd(folder: Path, asker: str) -> dict[str, list[Clip]]:
    """Split → clips, in the order of their names; no clip is in two splits.

    Lines "7_jackson_32,jackson,train" of `split.csv` tell the split; without this file the authors' rule does. If
    there is no dev split, it is a tenth of the training takes of each digit of each speaker, by a hash of their names.
    UserError if there are no recordings, or lines that cannot be read; `asker` is the name of the problem.
    """
    clips = {}
    for path in sorted((folder / "recordings").glob("*.wav")):
        match = _NAME.fullmatch(path.stem)
        if match:
            clips[path.stem] = Clip(path, int(match[1]), match[2], int(match[3]))
    if not clips:
        raise UserError(f"{asker} reads the Free Spoken Digit Dataset from {folder}, which "
                        f"{'has no recordings/0_jackson_0.wav and so on' if folder.is_dir() else 'does not exist'}. "
                        f"Get it from {WHERE}, so that its recordings are {folder / 'recordings'}/*.wav, or name the "
                        "folder above with --tmp_dir.")
    table = folder / "split.csv"
    split_of = _splits_of(table, clips) if table.is_file() else _authors_splits(clips, table)
    splits: dict[str, list[Clip]] = {"train": [], "dev": [], "test": []}
    for name, clip in clips.items():
        if name in split_of:
            splits[split_of[name]].append(clip)
        else:
            skip(f"not in {table.name}", clip.path)
    if not splits["dev"]:
        splits["train"], splits["dev"] = _divided(splits["train"])
    return splits


def whole_voices(clips: Iterable[Clip], split: str, asker: str) -> dict[str, list[Clip]]:
    """Speaker → clips; speakers who lack a digit are left out (and noted). UserError if nobody is left."""
    voices: dict[str, list[Clip]] = {}
    for clip in clips:
        voices.setdefault(clip.speaker, []).append(clip)
    lacking = {speaker: sorted(set(range(10)) - {clip.digit for clip in said}) for speaker, said in voices.items()}
    for speaker, digits in lacking.items():
        if digits:
            note(f"{split} has nothing of {speaker}, who lacks {', '.join(map(str, digits))} there")
    whole = {speaker: said for speaker, said in sorted(voices.items()) if not lacking[speaker]}
    if not whole:
        raise UserError(f"{asker} finds no speaker in the {split} split who says all of 0 to 9"
                        f"{f' (found: {len(voices)} speakers with less)' if voices else ''}. "
                        f"Get all recordings from {WHERE}.")
    return whole


def _splits_of(table: Path, clips: Mapping[str, Clip]) -> dict[str, str]:
    """Name of a clip → split, as the table says."""
    found = {}
    for number, (line, fault) in enumerate(read_lines(table), start=1):
        name, *_, word = (cell.strip() for cell in line.split(",")) if "," in line else (line, "")
        if not fault and name in clips:
            found[name] = next((split for split, words in NAMES.items() if word.lower() in words), "")
            if not found[name]:
                raise UserError(f"{table}:{number}: {line!r} should be <name>,<speaker>,<split>, with a split of "
                                f"{', '.join(NAMES)}.")
        elif number > 1 or fault:  # the first line may name the columns
            skip(fault or "no recording of this name", table, number, line)
    return found


def _authors_splits(clips: Mapping[str, Clip], table: Path) -> dict[str, str]:
    note(f"no {table.name}: test are the takes {TEST_TAKES[0]}-{TEST_TAKES[-1]}, as the authors have it")
    return {name: "test" if clip.take in TEST_TAKES else "train" for name, clip in clips.items()}


def _divided(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    """(train, dev): of each digit of each speaker the takes with the lowest hashes are dev."""
    takes: dict[tuple[str, int], list[Clip]] = {}
    for clip in clips:
        takes.setdefault((clip.speaker, clip.digit), []).append(clip)
    dev = set()
    for same in takes.values():
        ranked = sorted(same, key=lambda clip: position_of(clip.name, "fsdd"))
        dev.update(ranked[:max(1, round(DEV_SHARE * len(ranked)))])
    note("dev is a tenth of the training takes of each digit of each speaker, by a hash of their names")
    return [clip for clip in clips if clip not in dev], [clip for clip in clips if clip in dev]
