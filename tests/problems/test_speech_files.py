"""Laws of transcribed speech from files and TFDS: sounds stay with their words, splits apart, errors with a cure."""

from pathlib import Path

import numpy as np
import pytest
from generating import generated

from t2t_mm import registry
from t2t_mm.data.audio import wav_bytes
from t2t_mm.data.files import tfds_reader
from t2t_mm.data.files.skipped import FILE_NAME
from t2t_mm.data.files.speech_table import NO_SOUND
from t2t_mm.data.files.wsj_speech import normalised
from t2t_mm.data.manifest import read_manifest
from t2t_mm.datagen import generate
from t2t_mm.errors import UserError
from t2t_mm.problems.files_audio2text import FilesAudio2text
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K
from t2t_mm.problems.speech_librispeech import SpeechLibrispeech

SHARED = Path(__file__).parents[3] / "shared" / "data"


def sound(seconds=0.2, rate=16_000, hertz=440):
    return wav_bytes(np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate) / 2, rate)


def counts(found):
    return [len(samples) for samples in found.values()]


def texts(samples):
    return [sample["targets"] for sample in samples]


@pytest.mark.parametrize("name", ["speech_fsdd", "speech_librispeech", "speech_wsj", "files_audio2text"])
def test_the_problems_say_what_they_miss_and_where_it_is(name, tmp_path, offline):
    problem = registry.problem(name)
    assert problem.command == "to-transcript" and problem.metrics == ("wer", "cer", "exact_match")
    assert problem.targets.vocabulary == ("subwords:files" if name == "files_audio2text" else MULTIMODEL_8K)
    with pytest.raises(UserError, match=f"{name}.* reads .*{tmp_path}") as error:
        problem.check_sources(str(tmp_path))
    assert name == "files_audio2text" or "https://" in str(error.value)
    with pytest.raises(UserError):
        list(problem.generate("train", str(tmp_path)))


# Your own sounds.

def table(names, text="the words of {}"):
    return "".join(f"{name}|{text.format(name)}\n" for name in names)


NAMES = [f"a{number:02}" for number in range(40)]


def test_a_table_and_sounds_are_divided_by_their_texts(files):
    folder = files({"files_audio2text/metadata.csv": table(NAMES),
                    **{f"files_audio2text/wavs/{name}.wav": sound() for name in NAMES}})
    found, skipped = generated("files_audio2text", folder)
    assert counts(found) == [36, 2, 2] and not skipped.counts
    for sample in sum(found.values(), []):
        assert sample["targets"] == f"the words of {sample['inputs'].path.stem}"
    assert any("go by the text" in note for note in skipped.notes)
    again, _ = generated("files_audio2text", folder)
    assert [texts(samples) for samples in again.values()] == [texts(samples) for samples in found.values()]


def test_words_that_come_again_and_again_are_divided_by_recording(files):
    folder = files({"files_audio2text/metadata.csv": table(NAMES, "yes") + table(["b"], "no"),
                    **{f"files_audio2text/{name}.wav": sound() for name in (*NAMES, "b")}})
    found, skipped = generated("files_audio2text", folder)
    assert counts(found) == [37, 2, 2] and {"yes"} < set(texts(found["train"])) | {"no"}
    assert any("names of the recordings" in note for note in skipped.notes)


@pytest.mark.parametrize("layout", ["metadata_{}.csv", "{}/metadata.csv"])
def test_given_splits_are_used_wherever_their_sounds_lie(layout, files):
    splits = {"train": "a", "valid": "b", "test": "c"}
    contents = {f"files_audio2text/{layout.format(split)}": f"{name}|{split}|{split}, normalised\n"
                for split, name in splits.items()}
    contents |= {"files_audio2text/wavs/a.wav": sound(), "files_audio2text/clips/b.WAV": sound()}
    folder = files(contents | {"files_audio2text/wavs/c.wav": sound(), "files_audio2text/metadata.csv": "a|all\n"})
    found, skipped = generated("files_audio2text", folder)
    assert [texts(samples) for samples in found.values()] == [[f"{split}, normalised"] for split in splits]
    assert not skipped.counts and not skipped.notes


def test_each_table_may_have_its_sounds_in_a_folder_of_its_split(files):
    """With the same names in each."""
    contents = {f"files_audio2text/metadata_{split}.csv": f"a|{split}\n" for split in ("train", "dev", "test")}
    folder = files(contents | {f"files_audio2text/{split}/a.wav": sound() for split in ("train", "val", "test")})
    found, skipped = generated("files_audio2text", folder)
    assert [texts(samples) for samples in found.values()] == [["train"], ["dev"], ["test"]] and not skipped.counts


def test_names_may_be_paths_with_endings(files):
    folder = files({"files_audio2text/metadata.csv": "x/one.wav|a\ntwo.wav|b\nwavs/three|c\n",
                    "files_audio2text/wavs/x/one.wav": sound(), "files_audio2text/two.wav": sound(),
                    "files_audio2text/wavs/three.wav": sound()})
    found, _ = generated("files_audio2text", folder)
    assert sorted(text for samples in found.values() for text in texts(samples)) == ["a", "b", "c"]


class ShortSounds(FilesAudio2text):
    """Sounds of a second at most."""

    registered_name = "files_audio2text"
    most_seconds = 1.0
    sample_rate = 8000
    vocabulary = "bytes"


def test_messy_files_are_generated_and_what_is_left_out_is_listed(files):
    wrong = ["empty", "cut", "long", "nothing"]
    lines = table(NAMES).replace("\n", "\r\n") + "".join(f"{name}|some\r\n" for name in wrong)
    lines += "\r\na|b|c|d\r\na01|once more"
    contents = {f"files_audio2text/wavs/{name}.wav": sound(rate=rate) for name, rate in
                zip(NAMES, [8000, 16_000, 22_050, 44_100] * 10, strict=True)}
    contents |= {"files_audio2text/metadata.csv": b"\xef\xbb\xbf" + lines.encode(),
                 "files_audio2text/wavs/empty.wav": b"", "files_audio2text/wavs/cut.wav": sound()[:-500],
                 "files_audio2text/wavs/long.wav": sound(1.2)}
    folder = files(contents)
    said = []
    (manifest,) = generate([ShortSounds()], f"{folder}/data", folder, say=said.append)
    assert sum(split.count for split in manifest.splits.values()) == 40
    assert manifest.dropped == {"blank line": 1, "not name|text or name|text|normalised text": 1,
                                "no file of sound of this name": 1, "a second line about the same sound": 1,
                                "no sound in the file": 1, "sound that is cut short": 1, "longer than 1 s": 1}
    listed = Path(folder, "data", "files_audio2text", FILE_NAME).read_text()
    assert f"{folder}/files_audio2text/metadata.csv:44: no file of sound of this name (nothing)\n" in listed
    assert f"{folder}/files_audio2text/wavs/long.wav: longer than 1 s (1.2 s, metadata.csv:43)\n" in listed
    assert read_manifest(f"{folder}/data", "files_audio2text").splits["train"].lengths["inputs"]["mean"] == 3200


@pytest.mark.parametrize("contents, message", [
    ({"files_audio2text/metadta.csv": "a|b\n"}, "has metadta.csv.*Did you mean 'metadta.csv'"),
    ({"files_audio2text/metadata.csv": "a|b\n"}, "none of the first lines of .*metadata.csv begins with the name")])
def test_wrong_layouts_are_errors_before_any_work(contents, message, files):
    folder = files(contents)
    with pytest.raises(UserError, match=message):
        generate([registry.problem("files_audio2text")], f"{folder}/data", folder, 300)
    assert not Path(folder, "data").exists()


def test_the_class_of_the_docs_reads_its_own_folder(files, tmp_path):
    import doc_blocks

    folder = files({"calls/metadata.csv": table(NAMES), **{f"calls/wavs/{name}.wav": sound() for name in NAMES}})
    doc_blocks.write_files(doc_blocks.ROOT / "docs" / "native_data.md", tmp_path)
    with registry.temporary():
        registry.import_usr_dir(str(tmp_path / "my_sounds.py"))
        assert counts(generated("calls", folder)[0]) == [36, 2, 2]
        assert registry.problem("calls").features["inputs"].sample_rate == 8000


# LibriSpeech.

def chapter(place, speaker, names, ending="wav"):
    lines = "".join(f"{name} THE WORDS OF {name}\n" for name in names)
    return {f"{place}/{speaker}/1/{speaker}-1.trans.txt": lines,
            **{f"{place}/{speaker}/1/{name}.{ending}": sound() for name in names}}


def test_librispeech_has_its_sets_as_splits(files):
    folder = files({**chapter("LibriSpeech/train-clean-100", 1, ["1-1-0000", "1-1-0001"]),
                    **chapter("LibriSpeech/train-other-500", 2, ["2-1-0000"]),
                    **chapter("LibriSpeech/dev-clean", 3, ["3-1-0000"]),
                    **chapter("LibriSpeech/dev-other", 4, ["4-1-0000"]),
                    **chapter("LibriSpeech/test-clean", 5, ["5-1-0000"]),
                    "LibriSpeech/dev-clean/3/2/3-2.trans.txt": "3-2-0000 THE SOUND IS GONE\n",
                    "LibriSpeech/train-clean-100/1/1/1-1-0007.wav": sound()})
    found, skipped = generated("speech_librispeech", folder)
    assert counts(found) == [3, 1, 1] and skipped.counts == {"no transcript": 1, NO_SOUND: 1}
    assert texts(found["train"]) == ["the words of 1-1-0000", "the words of 1-1-0001", "the words of 2-1-0000"]
    assert "dev is made of dev-clean" in skipped.notes


def test_librispeech_without_training_sets_trains_on_what_is_there_and_says_so(files):
    names = [f"1-1-{number:04}" for number in range(40)]
    folder = files({**chapter("LibriSpeech/dev-clean", 1, names), **chapter("LibriSpeech/test-clean", 5, ["5-1-0000"])})
    found, skipped = generated("speech_librispeech", folder)
    assert counts(found) == [38, 2, 1]
    assert any("dev-clean is trained on" in note for note in skipped.notes)


def store_librispeech(tmp_path):
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict({
        "speech": tfds.features.Audio(dtype=np.int16, sample_rate=16_000), "text": tfds.features.Text(),
        "speaker_id": np.int64, "chapter_id": np.int64, "id": tfds.features.Text()})
    splits = {"train_clean100": 3, "train_clean360": 2, "dev_clean": 1, "test_clean": 1}
    examples = {split: [(number, {
        "speech": np.full(0 if (split, number) == ("train_clean100", 1) else 1600, number, np.int16), "speaker_id": 1,
        "chapter_id": 1, "text": f"WORD {number}", "id": f"{split}-{number}"}) for number in range(count)]
        for split, count in splits.items()}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="librispeech", config="default", version="2.1.1", features=features, split_datasets=examples,
        data_dir=tmp_path / "tensorflow_datasets")


def test_librispeech_is_read_from_a_dataset_in_the_format_of_tfds(tmp_path, offline):
    store_librispeech(tmp_path)
    found, skipped = generated("speech_librispeech", tmp_path)
    assert counts(found) == [4, 1, 1] and skipped.counts == {"no sound in the file": 1}
    for samples in found.values():
        for sample in samples:
            waveform, rate = sample["inputs"]
            assert rate == 16_000 and waveform.dtype == np.int16
            assert sample["targets"] == f"word {waveform[0]}"


def test_librispeech_reads_what_tfds_declares(tmp_path, offline, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds_reader, "_reachable", lambda host: True)
    with tfds.testing.mock_data(num_examples=2):
        found, skipped = generated("speech_librispeech", tmp_path)
        assert sum(counts(found)) + sum(skipped.counts.values()) == 10
    feature = SpeechLibrispeech().features["inputs"]
    assert all(feature.encode(sample["inputs"])[""] for samples in found.values() for sample in samples)


# The Wall Street Journal.

def sphere(samples=1600):
    header = f"NIST_1A\n   1024\nsample_count -i {samples}\nsample_rate -i 16000\nchannel_count -i 1\nend_head\n"
    return header.ljust(1024).encode() + np.arange(samples).astype("<i2").tobytes()


def discs():
    """Two discs of each corpus, in small."""
    return {"speech_wsj/11-1.1/wsj0/si_tr_s/011/011c0201.wv1": sphere(),
            "speech_wsj/11-1.1/wsj0/si_tr_s/011/011c0202.wv1.wav": sound(),
            "speech_wsj/11-1.1/wsj0/si_tr_s/011/011c0201.wv2": sphere(),
            "speech_wsj/11-1.1/wsj0/transcrp/dots/si_tr_s/011/011c0200.dot":
                "The sale of I\\. B\\. M\\. [loud_breath] ,COMMA <is> over (011c0201)\n*Bad* word (011c0202)\n",
            "speech_wsj/13-1.1/wsj1/SI_TR_S/46U/46UC0301.WV1": sphere(),
            "speech_wsj/13-34.1/wsj1/transcrp/46u/46uc0300.dot": "Upper case (46uc0301)\n",
            "speech_wsj/11-6.1/wsj0/si_dt_20/050/050c0101.wv1": sphere(),
            "speech_wsj/13-16.1/wsj1/si_dt_20/4k0/4k0c0301.wv1": sphere(),
            "speech_wsj/13-16.1/wsj1/transcrp/4k0c0300.lsn": "DEVELOPMENT (4K0C0301)\nNEVER (4k0c0302)\n",
            "speech_wsj/11-14.1/wsj0/si_et_20/440/440c0401.wv1": sphere(),
            "speech_wsj/11-14.1/wsj0/si_et_20/440/440v0401.wv1": sphere(),
            "speech_wsj/11-14.1/wsj0/transcrp/440c0400.dot": "Test (440c0401)\nWith ,COMMA (440v0401)\n",
            "speech_wsj/13-33.1/wsj1/si_et_h1/4oa/4oac0201.wv1": sphere(),
            "speech_wsj/11-13.1/wsj0/doc/indices/test/nvp/si_et_20.ndx":
                ";; a list\n11_14_1:wsj0/si_et_20/440/440c0401\n"}


def test_the_discs_of_wsj_are_divided_into_si284_dev93_and_eval92(files):
    found, skipped = generated("speech_wsj", files(discs()))
    assert {split: texts(samples) for split, samples in found.items()} == {
        "train": ["the sale of i. b. m. comma is over", "bad word", "upper case"], "dev": ["development"],
        "test": ["test"]}
    assert skipped.counts == {} and "dev is made of si_dt_20, wsj1" in skipped.notes
    problem = registry.problem("speech_wsj")
    names = [sample["inputs"].path.name for sample in found["train"]]
    assert names == ["011c0201.wv1", "011c0202.wv1.wav", "46UC0301.WV1"]
    assert all(problem.features["inputs"].encode(sample["inputs"])[""] for sample in found["train"])


def test_a_converted_sound_is_taken_instead_of_the_disc_s(files):
    contents = discs()
    packed = contents["speech_wsj/11-1.1/wsj0/si_tr_s/011/011c0201.wv1"].replace(
        b"end_head\n", b"sample_coding -s26 pcm,embedded-shorten-v1.09\nend_head\n")
    contents["speech_wsj/11-1.1/wsj0/si_tr_s/011/011c0201.wv1"] = packed
    folder = files(contents)
    with pytest.raises(UserError, match="011c0201.wv1 is coded as .*sph2pipe"):
        generate([registry.problem("speech_wsj")], f"{folder}/data", folder)
    folder = files({"more/speech_wsj/a/si_tr_s/011c0201.wav": sound(),
                    **{f"more/{name}": content for name, content in contents.items()}})
    registry.problem("speech_wsj").check_sources(f"{folder}/more")


@pytest.mark.parametrize("marked, plain", [
    (r"[loud_breath] And I\. B\. M\. introduced [door_slam]", "and i. b. m. introduced"),
    (r"isn\'t any [<door] [door>] [phone/] [/phone] guarantee . ~", "isn't any guarantee"),
    ("*mis* !stressed leng:thened <swallowed>", "mis stressed lengthened swallowed"),
    (',COMMA .PERIOD --DASH %PERCENT "DOUBLE-QUOTE (LEFT-PAREN', "comma period dash percent double-quote left-paren"),
    (r"\:COLON 'SINGLE-QUOTE 'em INCORPORATED-DASH", "colon single-quote 'em incorporated-dash"), ("[noise]", "")])
def test_transcripts_become_words(marked, plain):
    assert normalised(marked) == plain


# The shared data.

def shared(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"the shared data {name} are not here")
    return SHARED


def seconds_of(problem, found):
    """Seconds of all samples; fails for one that is left out."""
    feature = problem.features["inputs"]
    stored = [feature.encode(sample["inputs"])[""] for samples in found.values() for sample in samples]
    return sum(map(len, stored)) / 2 / problem.sample_rate


def test_the_shared_sentences_of_ljspeech_are_read():
    with registry.temporary():
        @registry.register_problem("ljspeech_mini")
        class LjspeechMini(FilesAudio2text):
            """Twelve sentences."""

        found, skipped = generated("ljspeech_mini", shared("ljspeech_mini"))
    assert counts(found) == [10, 1, 1] and not skipped.counts
    assert 60 < seconds_of(LjspeechMini(), found) < 100


def test_the_shared_sentences_of_librispeech_are_read():
    pytest.importorskip("soundfile", reason="the module soundfile is not installed")
    found, skipped = generated("speech_librispeech", shared("librispeech_mini") / "librispeech_mini")
    assert counts(found) == [2, 1, 1] and not skipped.counts
    assert any("test-clean is trained on" in note for note in skipped.notes)
    assert seconds_of(SpeechLibrispeech(), found) == pytest.approx(21.2, abs=0.3)
    assert all(text == text.lower() for samples in found.values() for text in texts(samples))
