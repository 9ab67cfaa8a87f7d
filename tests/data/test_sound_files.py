"""Laws of files of sound: what a file holds comes back, whatever its kind; what cannot be used says why."""

import io
import sys
import wave

import numpy as np
import pytest

from t2t_mm.data.audio import wav_bytes
from t2t_mm.data.features import Audio
from t2t_mm.data.files.skipped import record_skipped
from t2t_mm.data.sound_files import BROKEN, CUT, EMPTY, SoundFile, UnusableSound, check_can_read, read_sound
from t2t_mm.errors import UserError

RATE = 16_000
INTEGERS = np.random.default_rng(5).integers(-32767, 32768, RATE // 2).astype(np.int16)


@pytest.fixture
def soundfile():
    return pytest.importorskip("soundfile", reason="the module soundfile is not installed")


def tone(seconds=0.5, hertz=440):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE) / 2


def error_of(path, most_seconds=1.0):
    with pytest.raises(UnusableSound, match=path.name) as error:
        read_sound(path, most_seconds)
    return error.value.reason


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_16_bit_samples_are_stored_as_they_are(ending, tmp_path, request):
    path = tmp_path / f"a.{ending}"
    if ending == "wav":
        path.write_bytes(wav_bytes(INTEGERS / 32767, RATE))
    else:
        request.getfixturevalue("soundfile").write(path, INTEGERS, RATE)
    stored = Audio(RATE).encode(SoundFile(path))[""]
    np.testing.assert_array_equal(np.frombuffer(stored, "<i2"), INTEGERS)
    assert Audio(RATE).encode(Audio(RATE).read(str(path)))[""] == stored  # as t2t-decoder is given it


@pytest.mark.parametrize("ending, subtype, tolerance", [
    ("wav", "PCM_24", 1e-6), ("wav", "PCM_U8", 0.01), ("wav", "FLOAT", 1e-6), ("wav", "DOUBLE", 1e-6),
    ("wav", "ULAW", 0.02), ("flac", "PCM_24", 1e-6), ("ogg", "VORBIS", 0.1), ("aiff", "PCM_16", 1e-4),
    ("mp3", "MPEG_LAYER_III", 0.1)])
def test_sounds_of_many_kinds_are_read_and_channels_averaged(ending, subtype, tolerance, tmp_path, soundfile):
    path = tmp_path / f"a.{ending}"
    if ending.upper() not in soundfile.available_formats():
        pytest.skip(f"this libsndfile writes no {ending}")
    soundfile.write(path, np.stack([tone(), np.zeros_like(tone())], axis=1), RATE, subtype=subtype)
    samples, rate = read_sound(path)
    assert rate == RATE and samples.dtype == np.float32 and abs(len(samples) - RATE // 2) < 2500
    middle = slice(2000, 6000)
    size = np.abs(np.fft.rfft(samples[middle])) / 2000
    assert size.argmax() == 440 * 4000 // RATE and abs(size.max() - 0.25) < tolerance + 0.02


def test_floats_beyond_full_scale_are_scaled_down(tmp_path, soundfile):
    soundfile.write(tmp_path / "a.wav", 3 * tone(), RATE, subtype="FLOAT")
    samples, _ = read_sound(tmp_path / "a.wav")
    np.testing.assert_allclose(samples, 2 * tone(), atol=1e-3)


def test_what_cannot_be_used_says_why(tmp_path):
    good = wav_bytes(tone(), RATE)
    contents = {EMPTY: b"", BROKEN: good[:20], CUT: good[:-1001], "longer than 1 s": wav_bytes(tone(1.1), RATE)}
    for number, (reason, content) in enumerate(contents.items()):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(content)
        if reason == BROKEN:
            pytest.importorskip("soundfile", reason="the module soundfile is not installed")
        assert error_of(path) == reason
    (tmp_path / "none.wav").write_bytes(wav_bytes(np.zeros(0), RATE))
    assert error_of(tmp_path / "none.wav") == EMPTY
    assert error_of(tmp_path / "there_is_none.wav") == BROKEN


def test_broken_flac_and_infinite_floats_say_so(tmp_path, soundfile):
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[:len(whole) // 2])
    assert error_of(tmp_path / "a.flac") in (CUT, BROKEN)
    (tmp_path / "b.flac").write_bytes(b"no sound at all")
    assert error_of(tmp_path / "b.flac") == BROKEN
    soundfile.write(tmp_path / "c.wav", np.array([0.1, np.inf, np.nan], np.float32), RATE, subtype="FLOAT")
    assert error_of(tmp_path / "c.wav") == BROKEN
    soundfile.write(tmp_path / "d.flac", tone(1.1), RATE)
    assert error_of(tmp_path / "d.flac") == "longer than 1 s"


@pytest.mark.parametrize("ending, subtype", [("wav", "FLOAT"), ("wav", "ULAW"), ("aiff", "PCM_16"), ("au", "PCM_16"),
                                             ("ogg", "VORBIS"), ("flac", "PCM_16")])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_sound_that_is_cut_short_is_not_taken_for_a_whole_one(ending, subtype, share, tmp_path, soundfile):
    path = tmp_path / f"a.{ending}"
    if ending.upper() not in soundfile.available_formats():
        pytest.skip(f"this libsndfile writes no {ending}")
    soundfile.write(path, tone(), RATE, subtype=subtype)
    assert len(read_sound(path)[0]) == RATE // 2
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    assert error_of(path) in (CUT, BROKEN)


def test_without_soundfile_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / "a.flac").write_bytes(b"fLaC and so on")
    for read in (read_sound, check_can_read):
        with pytest.raises(UserError, match="a.flac is no WAV .*pip install soundfile"):
            read(tmp_path / "a.flac")
    (tmp_path / "a.wav").write_bytes(wav_bytes(tone(), RATE))
    check_can_read(tmp_path / "a.wav")


def test_a_wav_file_that_does_not_know_its_length_is_read(tmp_path):
    """Programs that write to a pipe leave the highest number in the header."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(INTEGERS.tobytes())
    streamed = bytearray(out.getvalue())
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(streamed)
    samples, _ = read_sound(tmp_path / "a.wav", 1.0)
    np.testing.assert_array_equal(np.rint(samples * 32767), INTEGERS)
    assert error_of(tmp_path / "a.wav", 0.4) == "longer than 0.4 s"


def test_files_are_brought_to_the_rate_of_the_feature_and_unusable_ones_left_out(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(tone(), RATE))
    (tmp_path / "b.wav").write_bytes(b"")
    files = [SoundFile(tmp_path / name, 1.0, f"table:{line}") for line, name in enumerate(("a.wav", "b.wav"), 1)]
    with record_skipped() as skipped:
        stored, left_out = Audio(8000).encode_many(files)
    assert left_out is None and skipped.items == [(EMPTY, str(tmp_path / "b.wav"), 0, "table:2")]
    half = np.frombuffer(stored[""], "<i2") / 32767
    np.testing.assert_allclose(half[200:-200], tone()[::2][200:-200], atol=5e-3)
    assert files[0].nbytes > RATE and files[1].nbytes == 0
