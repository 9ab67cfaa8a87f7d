"""The discs of the Wall Street Journal speech corpora, WSJ0 (LDC93S6) and WSJ1 (LDC94S13): sounds and transcripts.

Sounds <id>.wv1 lie in folders that name their set (si_tr_s, si_dt_20, ...), a folder for each speaker; transcripts are
lines "words (id)" of files .dot (as it was said) or .lsn (words only). Marks: csr-dot-spec.doc,
https://catalog.ldc.upenn.edu/docs/LDC93S6C/dot_spec.txt.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from t2t_mm.data.files.skipped import note, skip
from t2t_mm.data.files.text_lines import read_lines
from t2t_mm.data.files.utterances import Utterance
from t2t_mm.data.files.walking import files_below

SETS = {"train": ("si_tr_s",), "dev": ("si_dt_20",), "test": ("si_et_20", "si_et_h1")}
_PREFERRED = {"dev": "wsj1", "test": "wsj0"}
_ENDINGS = (".wav", ".flac", ".sph", ".wv1")  # converted files before the original
_TRANSCRIPTS = (".dot", ".lsn", ".ptx")  # what is said, before what was to be said
_LINE = re.compile(r"(.*?)\s*\((\w{8})(?:[\s.][^()]*)?\)\s*$")
_NOISE = re.compile(r"\[[^\]]*\]")
_MARK = re.compile(r"(?<!\\)[<>*!~:()]")
_SIGN = re.compile(r"^(?:[^\w']+|'(?=(?:close-)?single))(?=[a-z])")  # of spoken punctuation
_INDEX = ("nvp", "si_et_20.ndx")  # folder and name of the list of eval92


@dataclasses.dataclass
class Discs:
    """What lies below some folders, by the utterance's id: sounds of each set, transcripts, the list of eval92."""

    sounds: dict[str, dict[str, Path]]  # set → id → file
    transcripts: dict[str, list[Path]]  # ending → files
    listed: set[str]  # ids


def find_discs(roots: Iterable[Path]) -> Discs:
    """Looks through all folders; of a sound that is there twice one is taken, a converted one before the original."""
    discs = Discs({name: {} for names in SETS.values() for name in names}, {end: [] for end in _TRANSCRIPTS}, set())
    for root in roots:
        for path in files_below(root):
            parts = {part.lower() for part in path.parent.parts}
            _sort_in(discs, next((name for name in discs.sounds if name in parts), None), path)
    return discs


def _sort_in(discs: Discs, name: str | None, path: Path) -> None:
    stem, *endings = path.name.lower().split(".")  # also 440c0401.wv1.flac
    ending = f".{endings[-1]}" if endings else ""
    if ending in _TRANSCRIPTS:
        discs.transcripts[ending].append(path)
    elif ending in _ENDINGS and name is not None and "wv2" not in endings:  # the second microphone
        known = discs.sounds[name].get(stem)
        if known is None or _ENDINGS.index(ending) < _ENDINGS.index(known.suffix.lower()):
            discs.sounds[name][stem] = path
    elif path.name.lower() == _INDEX[1] and path.parent.name.lower() == _INDEX[0]:
        lines = (line.strip().lower() for line in path.read_text(errors="replace").splitlines())
        discs.listed |= {Path(line.partition(":")[2]).name.partition(".")[0] for line in lines if line[:1] != ";"}


def split_sounds(discs: Discs) -> dict[str, dict[str, Path]]:
    """Split → id → file: of dev those of WSJ1 (dev93), of test those of WSJ0 (eval92) if there are any.

    eval92 is the sentences without spoken punctuation, where the disc's list of them is there.
    """
    splits = {split: next((discs.sounds[name] for name in names if discs.sounds[name]), {})
              for split, names in SETS.items()}
    for split, corpus in _PREFERRED.items():
        preferred = {stem: path for stem, path in splits[split].items() if corpus in map(str.lower, path.parts)}
        splits[split] = preferred or splits[split]
    eval92 = {stem: path for stem, path in splits["test"].items() if stem in discs.listed}
    splits["test"] = eval92 or splits["test"]
    return {split: sounds for split, sounds in splits.items() if sounds}


def read_transcripts(discs: Discs) -> dict[str, tuple[str, str]]:
    """Id → (text, where it stands) of all transcripts; prompts (.ptx) only for what has no other."""
    found: dict[str, tuple[str, str]] = {}
    for ending in _TRANSCRIPTS:
        for path in sorted(discs.transcripts[ending]):
            for number, (line, _) in enumerate(read_lines(path), start=1):
                match = _LINE.match(line)
                if match:
                    found.setdefault(match[2].lower(), (normalised(match[1]), f"{path.name}:{number}"))
    return found


def utterances_of(sounds: dict[str, Path], transcripts: dict[str, tuple[str, str]]) -> Iterator[Utterance]:
    """In the order of the ids; what has no transcript is left out."""
    for stem, path in sorted(sounds.items()):
        text, where = transcripts.get(stem, ("", ""))
        if text:
            yield Utterance(stem, path, text, where)
        else:
            skip("no words in the transcript" if where else "no transcript", path, detail=where)


def normalised(text: str) -> str:
    """A transcript as its words in small letters.

    Noises ([door_slam]) and pauses (".", "~") are left out; of words that were swallowed (<and>), mispronounced
    (*word*), stressed (!word) or lengthened (wo:rd) the word stays; spoken punctuation is its word (",COMMA" → "comma",
    "--DASH" → "dash"); a backslash before a sign is taken away ("I\\. B\\. M\\." → "i. b. m.").
    """
    words = (_SIGN.sub("", _MARK.sub("", word).replace("\\", ""))
             for word in _NOISE.sub(" ", text.lower()).split() if word not in (".", "~"))
    return " ".join(word for word in words if any(map(str.isalnum, word)))


def note_sets(splits: dict[str, dict[str, Path]]) -> None:
    """Says of which sets the splits are made."""
    for split, sounds in splits.items():
        parents = sorted({part for path in sounds.values() for part in map(str.lower, path.parts)
                          if part in SETS[split] or part in ("wsj0", "wsj1")})
        note(f"{split} is made of {', '.join(parents)}")
