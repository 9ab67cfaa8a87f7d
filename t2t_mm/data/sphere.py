"""NIST SPHERE files, in which the Linguistic Data Consortium gives out speech: a header of text, then samples.

"NIST_1A", the length of the header, lines "name -type value", "end_head"
(http://www.speech.cs.cmu.edu/inner/nist-sphere.html).
"""

from __future__ import annotations

import dataclasses
import io
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np

from t2t_mm.errors import UserError

MAGIC = b"NIST_1A"
CONVERTER = "sph2pipe"
HOW_TO_CONVERT = (f"Put the program {CONVERTER} on the PATH (https://github.com/burrmill/sph2pipe), or convert the "
                  f"files with it: {CONVERTER} -f wav NAME.wv1 NAME.wav")


@dataclasses.dataclass(frozen=True)
class Header:
    """What a SPHERE header says.

    Attributes:
        size: bytes before the samples.
        rate: samples a second.
        channels: their number; samples of all channels at one time stand together.
        samples: of each channel.
        width: bytes of a sample.
        big_endian: whether its highest byte is the first.
        coding: "pcm", "ulaw", "pcm,embedded-shorten-v2.00", ...
    """

    size: int
    rate: int
    channels: int
    samples: int
    width: int
    big_endian: bool
    coding: str

    @property
    def is_plain(self) -> bool:
        """Whether the samples stand there as integers."""
        return self.coding == "pcm" and self.width in (2, 4)


def read_header(path: Path) -> Header:
    """ValueError if it is none."""
    with open(path, "rb") as file:
        magic, length = file.readline(), file.readline().strip()
        if not magic.startswith(MAGIC) or not length.isdigit():
            raise ValueError("no SPHERE header")
        text = file.read(max(0, int(length) - file.tell())).decode("latin-1").partition("end_head")[0]
    fields = {name: value for name, _, value in
              (line.split(None, 2) for line in text.splitlines() if len(line.split(None, 2)) == 3)}
    try:
        width = int(fields.get("sample_n_bytes", 2))
        return Header(int(length), int(fields["sample_rate"]), int(fields.get("channel_count", 1)),
                      int(fields["sample_count"]), width, fields.get("sample_byte_format", "").strip() == "10",
                      fields.get("sample_coding", "pcm").strip())
    except (KeyError, ValueError) as error:
        raise ValueError(f"a SPHERE header without a number of {error}") from None


def read_samples(path: Path, header: Header) -> np.ndarray:
    """float32 [samples, channels] in [-1, 1]; compressed ones are unpacked by sph2pipe.

    UserError if it takes sph2pipe, which is not there; ValueError for damaged files.
    """
    if header.is_plain:
        with open(path, "rb") as file:
            file.seek(header.size)
            data = file.read(header.samples * header.channels * header.width)
        kind = np.dtype(f"{'>' if header.big_endian else '<'}i{header.width}")
    else:
        data, kind = _unpacked(path, header), np.dtype("<i2")
    if len(data) < header.samples * header.channels * kind.itemsize:
        raise ValueError(f"cut short: {len(data):,} bytes of samples")
    values = np.frombuffer(data, kind, header.samples * header.channels).reshape(-1, header.channels)
    return np.maximum(values / np.float32(np.iinfo(kind).max), -1).astype(np.float32)


def check_converter(path: Path, header: Header) -> None:
    """UserError if the file takes a program that is not there."""
    if not header.is_plain and not shutil.which(CONVERTER):
        raise UserError(f"{path} is coded as {header.coding!r}, which is not read here. {HOW_TO_CONVERT}")


def _unpacked(path: Path, header: Header) -> bytes:
    check_converter(path, header)
    done = subprocess.run([CONVERTER, "-f", "wav", "-p", path], capture_output=True, check=False)
    try:
        with wave.open(io.BytesIO(done.stdout), "rb") as file:
            return file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        said = done.stderr.decode(errors="replace").strip()[-200:]
        raise ValueError(f"{CONVERTER} gives no sound: {said}") from None
