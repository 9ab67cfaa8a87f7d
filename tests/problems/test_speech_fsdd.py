"""Laws of the spoken digits: no recording and no string is in two splits; a string has one speaker."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from t2t_mm import registry
from t2t_mm.data.audio import wav_bytes
from t2t_mm.data.files.fsdd_folder import find_fsdd
from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.errors import UserError
from t2t_mm.problems import speech_fsdd
from t2t_mm.problems.speech_fsdd import SpeechFsdd

SHARED = Path(__file__).parents[3] / "shared" / "data"
SPEAKERS, TAKES = ("ann", "bob_b"), 12
FEW = {"train": 200, "dev": 30, "test": 30}


class FewStrings(SpeechFsdd):
    """The same, with few strings."""

    registered_name = "speech_fsdd"
    strings = FEW


def length_of(digit, speaker, take):
    """Recordings are told apart by how long they are, in samples."""
    return 600 + 20 * take + 300 * digit + SPEAKERS.index(speaker)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small FSDD of two speakers with 12 takes of each digit; every recording has a length of its own."""
    place = tmp_path_factory.mktemp("digits")
    recordings = place / "fsdd" / "recordings"
    recordings.mkdir(parents=True)
    for digit in range(10):
        for speaker in SPEAKERS:
            for take in range(TAKES):
                waveform = np.sin(np.arange(length_of(digit, speaker, take))) * (0.02 if speaker == "ann" else 0.9)
                (recordings / f"{digit}_{speaker}_{take}.wav").write_bytes(wav_bytes(waveform, 8000))
    return str(place)


def splits_of(tmp_dir):
    return find_fsdd(Path(tmp_dir, "fsdd"), "speech_fsdd")


@pytest.fixture(scope="module")
def samples(folder):
    problem = FewStrings()
    return {split: list(problem.generate(split, folder)) for split in problem.splits}


def test_every_recording_is_in_one_split_and_all_digits_in_each(folder):
    splits = splits_of(folder)
    names = [clip.name for clips in splits.values() for clip in clips]
    assert len(names) == len(set(names)) == 10 * len(SPEAKERS) * TAKES
    assert {clip.take for clip in splits["test"]} == set(range(5))
    for clips in splits.values():
        assert Counter(clip.digit for clip in clips).total() == len(clips) and {clip.digit for clip in clips} == {
            *range(10)}
    assert len(splits["dev"]) == 10 * len(SPEAKERS)  # a tenth of 7 takes, and one at least


def test_the_table_decides_where_it_is(folder, tmp_path):
    place = tmp_path / "fsdd"
    place.mkdir()
    (place / "recordings").symlink_to(Path(folder, "fsdd", "recordings"))
    lines = [f"{digit}_{speaker}_{take},{speaker},{'test' if take > 8 else 'train'}" for digit in range(10)
             for speaker in SPEAKERS for take in range(1, TAKES)]
    (place / "split.csv").write_text("\r\n".join(["id,speaker,split", *lines, "3_nobody_1,nobody,train"]) + "\r\n")
    with collect_skipped() as skipped:
        splits = splits_of(tmp_path)
    assert {clip.take for clip in splits["test"]} == {9, 10, 11}
    assert skipped.counts == {"no recording of this name": 1, "not in split.csv": 20}
    (place / "split.csv").write_text(lines[0].replace("train", "tain"))
    with pytest.raises(UserError, match="split.csv:1: .*tain.* should be <name>,<speaker>,<split>"):
        splits_of(tmp_path)


def test_counts_lengths_and_words_are_as_promised(samples):
    assert {split: len(found) for split, found in samples.items()} == FEW
    lengths = {split: Counter(len(sample["targets"].split()) for sample in found) for split, found in samples.items()}
    assert set(lengths["train"]) == {1, 2, 3, 4, 5, 6} and set(lengths["test"]) == {3, 4, 5, 6}
    assert 25 < lengths["train"][1] < 55 and 25 < lengths["train"][2] < 55
    words = {word for found in samples.values() for sample in found for word in sample["targets"].split()}
    assert words == set(speech_fsdd._WORDS)


def test_no_string_of_digits_is_in_two_splits(samples):
    long = {split: {sample["targets"] for sample in found if len(sample["targets"].split()) > 2}
            for split, found in samples.items()}
    assert not long["train"] & long["dev"] and not long["train"] & long["test"] and not long["dev"] & long["test"]


def test_a_string_is_the_recordings_of_one_speaker_of_its_split(folder, samples):
    """dev and test are as recorded, so that the lengths between pauses tell which recordings they are."""
    for split in ("dev", "test"):
        clips = {length_of(clip.digit, clip.speaker, clip.take): clip for clip in splits_of(folder)[split]}
        for sample in samples[split]:
            sound = np.abs(sample["inputs"]) > 0
            quiet = np.flatnonzero(np.diff(np.flatnonzero(sound)) > 200)
            edges = np.flatnonzero(sound)
            starts, ends = np.r_[edges[0], edges[quiet + 1]], np.r_[edges[quiet], edges[-1]]
            lengths = ends - starts + 1
            near = [min(clips, key=lambda known, length=length: abs(known - length)) for length in lengths]
            assert all(abs(a - b) <= 1 for a, b in zip(near, lengths, strict=True))
            said = [clips[length] for length in near]
            assert " ".join(speech_fsdd._WORDS[clip.digit] for clip in said) == sample["targets"]
            assert len({clip.speaker for clip in said}) == 1


def test_soft_voices_are_as_loud_as_others_and_only_training_is_varied(samples):
    peaks = {split: [float(np.abs(sample["inputs"]).max()) for sample in found] for split, found in samples.items()}
    assert all(peak == pytest.approx(0.5, abs=1e-3) for split in ("dev", "test") for peak in peaks[split])
    assert min(peaks["train"]) < 0.3 and 0.9 < max(peaks["train"]) <= 1.0
    noisy = [np.count_nonzero(sample["inputs"][:200]) > 100 for sample in samples["train"]]
    assert 0.35 < np.mean(noisy) < 0.65
    for found in samples.values():
        assert all(sample["inputs"].dtype == np.float32 for sample in found)


def test_texts_for_the_vocabulary_are_those_of_training(folder, samples):
    assert list(FewStrings().sample_texts(folder)) == [sample["targets"] for sample in samples["train"]]


def test_broken_recordings_are_left_out_and_whoever_lacks_a_digit(folder, tmp_path):
    place = tmp_path / "fsdd" / "recordings"
    place.mkdir(parents=True)
    for path in Path(folder, "fsdd", "recordings").glob("*.wav"):
        broken = path.stem == "7_ann_0" or path.stem.startswith("3_bob_b") and path.stem[-1] in "01234"
        (place / path.name).write_bytes(path.read_bytes()[:-20] if broken else path.read_bytes())
    with collect_skipped() as skipped:
        samples = list(FewStrings().generate("test", str(tmp_path)))
    assert len(samples) == FEW["test"] and skipped.counts == {"sound that is cut short": 6}
    assert "test has nothing of bob_b, who lacks 3 there" in skipped.notes


def test_a_missing_or_small_set_is_an_error_with_a_cure(tmp_path):
    with pytest.raises(UserError, match="speech_fsdd reads .* from .*fsdd, which does not exist.*https://github.com"):
        registry.problem("speech_fsdd").check_sources(str(tmp_path))
    (tmp_path / "fsdd" / "recordings").mkdir(parents=True)
    (tmp_path / "fsdd" / "recordings" / "7_ann_0.wav").write_bytes(wav_bytes(np.ones(800) / 2, 8000))
    with pytest.raises(UserError, match="no speaker in the train split who says all of 0 to 9"):
        registry.problem("speech_fsdd").check_sources(str(tmp_path))


def test_the_shared_recordings_have_their_counts():
    if not (SHARED / "fsdd").is_dir():
        pytest.skip("the shared data fsdd are not here")
    splits = splits_of(SHARED)
    assert {split: len(clips) for split, clips in splits.items()} == {"train": 2460, "dev": 240, "test": 300}
    assert all(Counter((clip.speaker, clip.digit) for clip in splits["test"])[speaker, digit] == 5
               for speaker in ("theo", "lucas") for digit in range(10))
    problem = FewStrings()
    found = list(problem.generate("test", str(SHARED)))
    assert len(found) == 30 and all(1 < len(sample["inputs"]) / 8000 < 8 for sample in found)
