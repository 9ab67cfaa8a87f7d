"""Your own transcribed sounds, without a class: `metadata.csv` and files of sound, as LJSpeech has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_mm import registry
from t2t_mm.data.files.speech_table import TABLE, find_tables, has_sounds, read_table
from t2t_mm.data.files.utterances import Utterance
from t2t_mm.data.files.walking import contents_of
from t2t_mm.errors import UserError
from t2t_mm.problems.sound_to_text import SoundToText


@registry.register_problem("files_audio2text")
class FilesAudio2text(SoundToText):
    """Sound → text from your files: metadata.csv of lines name|text, and wavs/<name>.wav (or FLAC, OGG, MP3).

    Reads `<tmp_dir>/<problem name>/`: metadata.csv, or metadata_train.csv and metadata_dev.csv (or val, valid,
    validation) and metadata_test.csv, or train/metadata.csv and so on. Of name|text|normalised text the last is
    learned, as it stands. Sounds may have any rate, width and number of channels. Missing splits are made of the
    training data, by a hash of the text (or of the name, where there are few different texts).
    """

    vocabulary = "subwords:files"

    def given_splits(self, tmp_dir: str) -> dict[str, Path]:
        folder = self.source_path(tmp_dir)
        tables = find_tables(folder)
        if "train" not in tables:
            raise UserError(self._missing(folder))
        for table in tables.values():
            if not has_sounds(table):
                raise UserError(f"{self.registered_name}: none of the first lines of {table} begins with the name of a "
                                f"sound that is there. Line 1 should be like LJ001-0001|the text, and the sound "
                                f"{table.parent / 'wavs' / 'LJ001-0001.wav'} (or .flac, .ogg, .mp3).")
        return tables

    def utterances(self, split: str, tmp_dir: str) -> Iterator[Utterance]:
        return read_table(self.given_splits(tmp_dir)[split])

    def _missing(self, folder: Path) -> str:
        return (f"{self.registered_name} reads {TABLE} (lines name|text or name|text|normalised text) and "
                f"wavs/<name>.wav (or .flac, .ogg, .mp3) from {folder}, which {contents_of(folder, TABLE)} "
                "Put them there, or name the folder above with --tmp_dir.")
