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


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_encoded_bytes_are_kept_and_their_kind_is_named(kind, mode):
    out = io.BytesIO()
    Image.new(mode, (4, 4)).save(out, kind)
    tag = media.picture(out.getvalue(), 'a "quoted" <name>')
    assert content(tag) == out.getvalue() and f"image/{kind.lower()}" in tag and "<name>" not in tag


def test_bytes_that_are_no_picture_are_refused():
    with pytest.raises(ValueError, match="neither PNG nor JPEG"):
        media.picture(b"GIF89a....", "p")


def test_a_waveform_survives():
    samples = np.linspace(-32767, 32767, 801).astype(np.int16)
    with wave.open(io.BytesIO(content(media.sound(samples, 8000)))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        np.testing.assert_array_equal(np.frombuffer(file.readframes(file.getnframes()), "<i2"), samples)
