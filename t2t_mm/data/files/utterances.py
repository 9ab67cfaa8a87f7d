"""What tables and folders of transcribed speech have in common: an utterance, and how its file is found by its name."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from t2t_mm.data.sound_files import ENDINGS, Sound


@dataclasses.dataclass(frozen=True)
class Utterance:
    """A sound and its words.

    Attributes:
        name: of the recording; the same for the same recording.
        sound: its file, which need not be readable; or its samples (float, or int16) and their rate.
        text: what is said.
        where: where that is written, "metadata.csv:12".
    """

    name: str
    sound: Path | Sound
    text: str
    where: str = ""


class SoundFolders:
    """The files of sound in some folders (not below them), by name with ending or without; the first folder wins.

    A million names take some 200 MB.
    """

    def __init__(self, folders: Sequence[Path]):
        self._folders = folders
        self._found: dict[str, tuple[Path, str]] = {}  # name without ending → its folder and ending
        for folder in folders:
            places = {}  # ending → one pair for all files
            for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
                stem, ending = os.path.splitext(name)
                if ending.lower() in ENDINGS:
                    self._found.setdefault(stem, places.setdefault(ending, (folder, ending)))

    def names(self) -> list[str]:
        """The names without ending."""
        return sorted(self._found)

    def find(self, name: str) -> Path | None:
        """The file called `name`, which may also be a path from one of the folders."""
        if name in self._found:
            folder, ending = self._found[name]
            return folder / (name + ending)
        if not os.path.dirname(name) and os.path.splitext(name)[1].lower() not in ENDINGS:
            return None
        paths = (Path(folder, name + ending) for folder in self._folders for ending in ("", *ENDINGS))
        return next((path for path in paths if path.is_file()), None)
