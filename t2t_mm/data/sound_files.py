"""Files of sound as people have them: WAV of any kind, FLAC, OGG, MP3, SPHERE; channels are averaged."""

from __future__ import annotations

import dataclasses
import math
import wave
from pathlib import Path

import numpy as np

from t2t_mm.data import sphere
from t2t_mm.data.sound_containers import STREAMED, is_whole
from t2t_mm.data.audio import mixed_down, read_wav
from t2t_mm.errors import UserError

ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".sph", ".wv1")
BROKEN = "sound that cannot be read"
CUT = "sound that is cut short"
EMPTY = "no sound in the file"
_RATES = range(1000, 1_000_000)  # what else a header says is damage

Sound = tuple[np.ndarray, int]  # float32 [samples] in [-1, 1], samples a second


class UnusableSound(UserError):
    """A file without a sound that can be used; `reason` is the same for all of a kind."""

    def __init__(self, reason: str, path: Path, detail: str = ""):
        super().__init__(f"{path}: {reason}{f' ({detail})' if detail else ''}. Give a whole file of WAV, FLAC, OGG, "
                         "MP3 or SPHERE.")
        self.reason, self.detail = reason, detail


def read_sound(path: str | Path, most_seconds: float = math.inf) -> Sound:
    """The samples of a file, float32 [samples] in [-1, 1], and their rate.

    16-bit samples are those of the file (full scale 32767). Floats beyond full scale are scaled down to it.

    Args:
        path: a WAV (PCM of 8 to 32 bits, float, mu-law, ...), FLAC, OGG, MP3, AIFF or SPHERE file; what it is, its
            content says.
        most_seconds: longer ones are not decoded.
    Raises:
        UnusableSound: no file, an empty, broken or cut one, or more than `most_seconds`.
        UserError: it takes the Python module soundfile (all but WAV of PCM and SPHERE) or the program sph2pipe
            (compressed SPHERE), which is not there.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError as error:
        raise UnusableSound(BROKEN, path, error.strerror or str(error)) from error
    if not start:
        raise UnusableSound(EMPTY, path)
    if start.startswith(sphere.MAGIC):
        samples, rate = _read_sphere(path, most_seconds)
    else:
        frames = _wav_frames(path, most_seconds) if start[:4] == b"RIFF" else None
        samples, rate = _read_pcm(path, frames) if frames is not None else _read_with_soundfile(path, most_seconds)
    return _checked(samples, path), rate


@dataclasses.dataclass(frozen=True)
class SoundFile:
    """A file as the value of an Audio feature: it is read where it is encoded, and left out if it cannot be used.

    Attributes:
        path: of a file that `read_sound` knows.
        most_seconds: longer ones are left out.
        where: what names it, for messages: "metadata.csv:12".
    """

    path: Path
    most_seconds: float = math.inf
    where: str = ""

    def read(self) -> Sound:
        """As `read_sound`."""
        return read_sound(self.path, self.most_seconds)

    @property
    def nbytes(self) -> int:
        """About the bytes that are stored of it: packed files are a half of their samples, or less."""
        try:
            return 2 * self.path.stat().st_size
        except OSError:
            return 0


def check_can_read(path: Path) -> None:
    """UserError if a module or program is missing to read files of this kind; a broken file is no error."""
    try:
        read_sound(path)
    except UnusableSound:
        pass


def _checked(samples: np.ndarray, path: Path) -> np.ndarray:
    """Mono samples within full scale."""
    if not samples.size:
        raise UnusableSound(EMPTY, path)
    peak = np.abs(samples).max()
    return samples / peak if peak > 1 else samples


def _check_length(frames: int, rate: int, most_seconds: float, path: Path) -> None:
    if rate not in _RATES:
        raise UnusableSound(BROKEN, path, f"{rate} samples a second")
    if frames > most_seconds * rate:
        raise UnusableSound(f"longer than {most_seconds:g} s", path, f"{frames / rate:.1f} s")


def _wav_frames(path: Path, most_seconds: float) -> int | None:
    """How many samples a PCM wav file says it has, 0 if it does not know; None for wav files of other kinds."""
    try:
        with wave.open(str(path), "rb") as file:
            frames, rate = file.getnframes(), file.getframerate()
            width = file.getnchannels() * file.getsampwidth()
    except (wave.Error, EOFError, RuntimeError):  # the last: a chunk that is longer than the file
        return None
    if frames * width >= STREAMED:
        _check_length(path.stat().st_size // width, rate, most_seconds, path)
        return 0
    _check_length(frames, rate, most_seconds, path)
    return frames


def _read_pcm(path: Path, frames: int) -> Sound:
    try:
        samples, rate = read_wav(path)
    except (ValueError, RuntimeError):  # it ends within a sample
        raise UnusableSound(CUT, path) from None
    if len(samples) < frames:
        raise UnusableSound(CUT, path, f"{len(samples):,} of {frames:,} samples")
    return samples, rate


def _read_sphere(path: Path, most_seconds: float) -> Sound:
    try:
        header = sphere.read_header(path)
        _check_length(header.samples, header.rate, most_seconds, path)
        return mixed_down(sphere.read_samples(path, header)), header.rate
    except ValueError as error:
        raise UnusableSound(BROKEN, path, str(error)) from None


def _read_with_soundfile(path: Path, most_seconds: float) -> Sound:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise UserError(f"{path} is no WAV file of PCM; other kinds (FLAC, OGG, MP3, ...) are read with the module "
                        f"soundfile, which is not installed ({error}). Install with: pip install soundfile") from None
    try:
        with soundfile.SoundFile(path) as file:
            _check_length(file.frames, file.samplerate, most_seconds, path)
            if file.subtype == "PCM_16":
                samples = np.maximum(file.read(dtype="int16", always_2d=True) / np.float32(32767), -1)
            else:
                samples = file.read(dtype="float32", always_2d=True)
            # MP3 files estimate their length; libsndfile counts what is there of most others.
            whole = file.format == "MP3" or (len(samples) == file.frames and is_whole(path))
            rate = file.samplerate
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:
        raise UnusableSound(BROKEN, path, str(error)) from None
    if not whole:
        raise UnusableSound(CUT, path, f"{len(samples):,} samples")
    if not np.isfinite(samples).all():
        raise UnusableSound(BROKEN, path, "values that are not finite")
    return mixed_down(samples), rate
