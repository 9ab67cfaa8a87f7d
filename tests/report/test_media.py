"""Laws of pictures and sounds in a page: what goes in comes out of the data address unchanged."""

import base64
import io
import re
import wave

import numpy as np
import pytest
from PIL import Image

from t2t_mm.report import media


def content(tag: str) -> bytes:
    return base64.b64decode(re.search(r'src="data:[a-z]+/[a-z]+;base64,([^"]*)"', tag).group(1))


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (12, 20, 3), (200, 200, 3)])
def test_pixels_survive(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    shown = np.asarray(Image.open(io.BytesIO(content(media.picture(pixels, "p")))))
    np.testing.assert_array_equal(shown.reshape(shape), pixels)


def test_encoded_bytes_are_kept_and_their_kind_is_named():
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "JPEG")
    tag = media.picture(out.getvalue(), 'a "quoted" <name>')
    assert content(tag) == out.getvalue() and "image/jpeg" in tag and "<name>" not in tag


def test_bytes_that_are_no_picture_are_refused():
    with pytest.raises(ValueError, match="neither PNG nor JPEG"):
        media.picture(b"GIF89a....", "p")


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_a_waveform_survives(kind):
    samples = (np.linspace(-1, 1, 801) * (32767 if kind is np.int16 else 1)).astype(kind)
    with wave.open(io.BytesIO(content(media.sound(samples, 8000)))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    expected = samples if kind is np.int16 else np.round(samples.astype(np.float64) * 32767)
    np.testing.assert_array_equal(heard, expected)


def test_a_too_loud_waveform_is_clipped_not_wrapped():
    with wave.open(io.BytesIO(media.encode_wav(np.array([2.0, -2.0]), 8000))) as file:
        assert np.frombuffer(file.readframes(2), "<i2").tolist() == [32767, -32767]
