"""Laws of the spoken codes: lengths, shares, loudness, and time that grows with the number of signs."""

from collections import Counter

import numpy as np

from t2t_mm import registry
from t2t_mm.problems import speech_codes


def codes(split):
    return list(speech_codes._codes(split))


def test_sizes_and_lengths_are_as_promised():
    lengths = {split: Counter(len(code.split()) for code in codes(split)) for split in ("train", "dev", "test")}
    assert [sum(lengths[split].values()) for split in lengths] == [6000, 300, 300]
    assert set(lengths["train"]) == set(range(1, 7))
    assert all(0.22 < lengths["train"][n] / 6000 < 0.28 for n in (1, 2))
    assert set(lengths["dev"]) == set(lengths["test"]) == set(range(2, 7))


def test_no_code_is_in_two_splits_and_all_signs_are_trained():
    train, dev, test = (set(codes(split)) for split in ("train", "dev", "test"))
    assert not train & dev and not train & test and not dev & test
    assert len(dev) == len(test) == 300
    assert {code for code in train if len(code) == 1} == set("0123456789abcdefghijklmnopqrstuvwxyz")
    assert set(registry.problem("speech_codes").sample_texts("")) == train


def test_waveforms_are_in_range_and_longer_for_longer_codes(first):
    seconds = {}
    for sample in first("speech_codes", "train")[:400]:
        waveform = sample["inputs"]
        assert waveform.dtype == np.float32 and waveform.ndim == 1
        assert np.isfinite(waveform).all() and 0.05 < np.abs(waveform).max() <= 1
        seconds.setdefault(len(sample["targets"].split()), []).append(len(waveform) / 8000)
    means = [np.mean(seconds[n]) for n in sorted(seconds)]
    assert len(means) == 6 and means == sorted(means)
    assert max(map(max, seconds.values())) < 5


def test_the_same_code_sounds_different_each_time(first):
    by_code = {}
    for sample in first("speech_codes", "train")[:400]:
        by_code.setdefault(sample["targets"], []).append(sample["inputs"].tobytes())
    repeated = [sounds for sounds in by_code.values() if len(sounds) > 1]
    assert repeated and all(len(set(sounds)) == len(sounds) for sounds in repeated)
