"""Laws of SPHERE files: samples of both byte orders come back, compressed ones say what it takes, damage is told."""

import stat

import numpy as np
import pytest

from t2t_mm.data import sphere
from t2t_mm.data.audio import wav_bytes
from t2t_mm.data.sound_files import UnusableSound, check_can_read, read_sound
from t2t_mm.errors import UserError

SAMPLES = np.random.default_rng(4).integers(-32767, 32768, (50, 2)).astype(np.int16)


def content(samples, big_endian=False, coding="pcm", **fields):
    """A SPHERE file of int16 samples [samples, channels]."""
    values = {"sample_count": len(samples), "sample_rate": 16_000, "channel_count": samples.shape[1],
              "sample_n_bytes": 2, **fields}
    lines = [f"{name} -i {value}" for name, value in values.items() if value is not None]
    lines += ["speaker_id -s3 46u", f"sample_coding -s{len(coding)} {coding}",
              f"sample_byte_format -s2 {'10' if big_endian else '01'}", "end_head"]
    header = "NIST_1A\n   1024\n" + "\n".join(lines) + "\n"
    return header.ljust(1024).encode() + samples.astype(">i2" if big_endian else "<i2").tobytes()


@pytest.mark.parametrize("big_endian", [False, True])
def test_samples_come_back_and_channels_are_averaged(big_endian, tmp_path):
    path = tmp_path / "a.wv1"
    path.write_bytes(content(SAMPLES, big_endian))
    header = sphere.read_header(path)
    assert (header.rate, header.channels, header.samples) == (16_000, 2, 50)
    np.testing.assert_allclose(sphere.read_samples(path, header) * 32767, SAMPLES, atol=0.01)
    samples, rate = read_sound(path)
    assert rate == 16_000 and samples.dtype == np.float32
    np.testing.assert_allclose(samples * 32767, SAMPLES.mean(axis=1), atol=0.01)


@pytest.mark.parametrize("data, detail", [
    (b"NIST_1A\n   1024\n", "sample_rate"), (b"NIST_1A\nabc\n", "no SPHERE header"),
    (content(SAMPLES, sample_rate=None), "sample_rate"), (content(SAMPLES)[:-7], "cut short")])
def test_damaged_files_are_told(data, detail, tmp_path):
    (tmp_path / "a.wv1").write_bytes(data)
    with pytest.raises(UnusableSound, match=detail):
        read_sound(tmp_path / "a.wv1")


def test_compressed_files_need_their_program(tmp_path, monkeypatch):
    path = tmp_path / "a.wv1"
    path.write_bytes(content(SAMPLES, coding="pcm,embedded-shorten-v1.1"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"a.wv1 is coded as .*shorten.* sph2pipe -f wav NAME.wv1 NAME.wav"):
        check_can_read(path)
    (tmp_path / "plain.wav").write_bytes(wav_bytes(SAMPLES[:, 0] / 32767, 16_000))
    program = tmp_path / "sph2pipe"
    program.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "-f wav -p" ] && exec /bin/cat {tmp_path}/plain.wav\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    path.write_bytes(content(SAMPLES[:, :1], coding="pcm,embedded-shorten-v1.1"))
    samples, rate = read_sound(path)
    np.testing.assert_allclose(samples * 32767, SAMPLES[:, 0], atol=0.01)
    program.write_text("#!/bin/sh\necho damaged >&2\n")
    with pytest.raises(UnusableSound, match="gives no sound: damaged"):
        read_sound(path)
