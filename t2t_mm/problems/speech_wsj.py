"""Speech recognition of read newspaper English: WSJ0 and WSJ1 (Paul and Baker 1992, ACL H92-1073)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from pathlib import Path

from t2t_mm import registry
from t2t_mm.data.files.utterances import Utterance
from t2t_mm.data.files.wsj_speech import find_discs, note_sets, read_transcripts, split_sounds, utterances_of
from t2t_mm.errors import UserError
from t2t_mm.problems.sound_to_text import SoundToText

_FOLDERS = ("speech_wsj", "wsj0", "wsj1")


@registry.register_problem("speech_wsj")
class SpeechWsj(SoundToText):
    """Read newspaper English → its words in small letters: WSJ0 and WSJ1, train si284, dev93, eval92.

    Reads the discs of the Linguistic Data Consortium's CSR-I (LDC93S6A or B, https://catalog.ldc.upenn.edu/LDC93S6B)
    and CSR-II (LDC94S13A or B, https://catalog.ldc.upenn.edu/LDC94S13B), its licence, in any folders below
    `<tmp_dir>/speech_wsj` (also `<tmp_dir>/wsj0` and `wsj1`): train is si_tr_s of both (si284, 81 hours), dev si_dt_20
    of WSJ1 (dev93, 503 sentences; else of WSJ0), test si_et_20 of WSJ0 (eval92, 333 sentences; else si_et_h1 of WSJ1,
    eval93). First microphone: .wv1, or .wav, .flac, .sph of the same name. The discs' sounds are compressed (shorten):
    sph2pipe must be on the PATH, or have converted them. Transcripts: data/files/wsj_speech.py, `normalised`.
    """

    shards = {"train": 16, "dev": 1, "test": 1}

    def given_splits(self, tmp_dir: str) -> Collection[str]:
        splits, transcripts = _found(tuple(Path(tmp_dir, name) for name in _FOLDERS))
        if "train" in splits and transcripts:
            return splits
        _found.cache_clear()  # the discs may be copied meanwhile
        missing = "no transcripts (.dot or .lsn)" if splits else "no sounds (.wv1 or .wav) in folders si_tr_s"
        raise UserError(f"{self.registered_name} reads the Wall Street Journal's speech, CSR-I (WSJ0, "
                        "https://catalog.ldc.upenn.edu/LDC93S6B) and CSR-II (WSJ1, "
                        "https://catalog.ldc.upenn.edu/LDC94S13B), which need a licence of the Linguistic Data "
                        f"Consortium, from {Path(tmp_dir, _FOLDERS[0])}, which has {missing}. Copy the discs "
                        "there, in any folders: si_tr_s (train), si_dt_20 (dev), si_et_20 (test), and transcrp. Or "
                        "name the folder above with --tmp_dir. speech_librispeech is an open set of the same kind.")

    def utterances(self, split: str, tmp_dir: str) -> Iterator[Utterance]:
        splits, transcripts = _found(tuple(Path(tmp_dir, name) for name in _FOLDERS))
        note_sets(splits)
        return utterances_of(splits[split], transcripts)


@functools.lru_cache(maxsize=1)
def _found(roots: tuple[Path, ...]) -> tuple[dict[str, dict[str, Path]], dict[str, tuple[str, str]]]:
    """(split → id → sound, id → transcript); looking through the discs takes its time, so it is done once."""
    discs = find_discs(root for root in roots if root.is_dir())
    return split_sounds(discs), read_transcripts(discs)
