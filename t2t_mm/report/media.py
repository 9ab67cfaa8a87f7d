"""Pictures and sounds inside a page: base64 data addresses, so that the file needs nothing beside it."""

import base64
import html
import io

import numpy as np

from t2t_mm.data import audio

MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
LEAST_WIDTH = 96                        # px; a smaller picture is shown enlarged by a whole factor


def picture(data: bytes, description: str) -> str:
    """An <img> of encoded PNG or JPEG bytes; raises ValueError for bytes that are neither."""
    kind = next((kind for magic, kind in MAGIC if data.startswith(magic)), None)
    if kind is None:
        raise ValueError(f"neither PNG nor JPEG bytes: {data[:8]!r}...")
    width, height = _size(data)
    factor = max(1, round(LEAST_WIDTH / width))
    return (f'<img class="picture" alt="{html.escape(description)}" width="{width * factor}" '
            f'height="{height * factor}" src="{_address(kind, data)}">')


def sound(waveform: np.ndarray, sample_rate: int) -> str:
    """An <audio> player of one channel, int16 [samples]."""
    address = _address("audio/wav", audio.wav_bytes(audio.check_waveform(waveform), sample_rate))
    return f'<audio controls preload="metadata" src="{address}"></audio>'


def _size(data: bytes) -> tuple[int, int]:
    from PIL import Image

    return Image.open(io.BytesIO(data)).size


def _address(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
