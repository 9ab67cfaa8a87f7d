"""Pictures and sounds inside a page: base64 data addresses, so that the file needs nothing beside it."""

import base64
import html
import io
import wave

import numpy as np

MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
LEAST_WIDTH = 96                        # px; a smaller picture is shown enlarged by a whole factor


def picture(value: bytes | np.ndarray, description: str) -> str:
    """An <img> of encoded PNG or JPEG bytes, or of uint8 pixels [H, W] or [H, W, C].

    Raises ValueError for bytes that are neither.
    """
    data = value if isinstance(value, bytes) else encode_png(value)
    kind = next((kind for magic, kind in MAGIC if data.startswith(magic)), None)
    if kind is None:
        raise ValueError(f"neither PNG nor JPEG bytes: {data[:8]!r}...")
    width, height = _size(data)
    factor = max(1, round(LEAST_WIDTH / width))
    return (f'<img class="picture" alt="{html.escape(description)}" width="{width * factor}" '
            f'height="{height * factor}" src="{_address(kind, data)}">')


def sound(waveform: np.ndarray, sample_rate: int) -> str:
    """An <audio> player of one channel [samples]: int16, or float in [-1, 1]."""
    address = _address("audio/wav", encode_wav(waveform, sample_rate))
    return f'<audio controls preload="metadata" src="{address}"></audio>'


def encode_wav(waveform: np.ndarray, sample_rate: int) -> bytes:
    """16-bit mono WAV bytes of int16 samples or of floats in [-1, 1] (values beyond are clipped)."""
    samples = np.asarray(waveform)
    if samples.dtype != np.int16:
        samples = np.round(np.clip(samples.astype(np.float64), -1.0, 1.0) * 32767).astype(np.int16)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG bytes of uint8 pixels [H, W] or [H, W, C] with 1 or 3 channels."""
    from PIL import Image

    pixels = np.asarray(pixels, np.uint8)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[:, :, 0]
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _size(data: bytes) -> tuple[int, int]:
    from PIL import Image

    return Image.open(io.BytesIO(data)).size


def _address(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
