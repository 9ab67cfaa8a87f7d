"""Laws of features: what is encoded, stored and parsed is what was given; wrong values are errors that say so."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data import audio, images
from t2t_mm.data.features import (Audio, Feature, Image, Label, Photograph, Text, Waveform, columns_of,
                                  encode_samples)
from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.data.records import serialise_example
from t2t_mm.data.text_encoders import EOS, Bytes
from t2t_mm.errors import UserError

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (5, 7, 3), np.uint8)
SOUND = (0.3 * np.sin(np.arange(2000) / 7)).astype(np.float32)
CASES = {
    "text": (Text("bytes"), "Grüße ☃", Bytes()),
    "empty": (Text("bytes"), "", Bytes()),
    "label": (Label(("cat", "dog", "eel")), "dog", None),
    "image": (Image(5, 7, 3), PICTURE, None),
    "audio": (Audio(8000, mel_bins=12), SOUND, None),
    "waveform": (Waveform(8000), SOUND, None),
}


def parse(feature, stored, name="x"):
    """The tensors of a stored value, by way of a record."""
    columns = feature.columns(name)
    record = serialise_example({name + suffix: value for suffix, value in stored.items()}, columns)
    kinds = {"int64": tf.io.RaggedFeature(tf.int64), "bytes": tf.io.FixedLenFeature([], tf.string)}
    return feature.parse(name, tf.io.parse_single_example(record, {c: kinds[kind] for c, kind in columns.items()}))


@pytest.mark.parametrize("case", CASES)
def test_parsed_tensors_have_the_declared_names_shapes_and_length(case):
    feature, value, encoder = CASES[case]
    tensors = parse(feature, feature.encode(value, encoder))
    shapes = feature.padded_shapes("x")
    assert tensors.keys() == shapes.keys()
    for key, tensor in tensors.items():
        assert tf.TensorShape(shapes[key]).is_compatible_with(tensor.shape)
        assert tensor.dtype in (tf.int32, tf.float32)
    variable = [key for key, shape in shapes.items() if None in shape]
    longest = tensors[variable[0]].shape[0] if variable else 1
    per_token = feature.frames_per_token if isinstance(feature, Audio) else 1
    assert int(feature.length(tensors, "x")) == -(-longest // per_token)


def test_equal_times_of_sound_have_equal_lengths_as_frames_and_as_samples():
    for seconds, length in ((0.1, 1), (0.32, 1), (3.2, 10), (3.3, 11)):
        sound = np.zeros(round(16_000 * seconds), np.float32)
        for feature in (Audio(16_000), Waveform(16_000)):
            assert int(feature.length(parse(feature, feature.encode(sound)), "x")) == length


def test_text_comes_back_and_ends_with_eos():
    for text in ("", "a", "Grüße ☃", "two\nlines"):
        ids = parse(Text("bytes"), Text("bytes").encode(text, Bytes()))["x"].numpy()
        assert ids[-1] == EOS and (ids[:-1] > EOS).all()
        assert Text("bytes").decode(ids, Bytes()) == Text("bytes").describe_stored(ids, Bytes()) == text


def test_a_label_comes_back_from_its_name_and_its_number():
    feature = Label(("cat", "dog", "eel"))
    for number, name in enumerate(feature.names):
        for value in (name, number, np.int64(number)):
            parsed = parse(feature, feature.encode(value))["x"].numpy()
            assert parsed == number and feature.describe(value) == feature.decode([parsed]) == name


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_comes_back_without_loss(channels):
    picture = RNG.integers(0, 256, (6, 9, channels), np.uint8)
    parsed = parse(Image(6, 9, channels), Image(6, 9, channels).encode(picture))["x"].numpy()
    assert parsed.min() >= -1 and parsed.max() <= 1
    np.testing.assert_array_equal(parsed, images.scale(picture))


def test_a_sound_comes_back_within_half_a_step_of_int16():
    stored = Audio(8000).encode(SOUND)[""]
    samples = audio.parse_int16_bytes(tf.constant(stored)).numpy()
    np.testing.assert_allclose(samples, SOUND, atol=0.5 / 32767 + 1e-7)
    assert Audio(8000).encode(samples) == {"": stored}  # storing again changes nothing


def test_int16_and_other_rates_are_taken_too():
    whole = np.array([0, 1, -5, 32767, -32767], np.int16)
    np.testing.assert_array_equal(np.frombuffer(Audio(8000).encode(whole)[""], "<i2"), whole)
    assert len(Audio(8000).encode((SOUND, 16000))[""]) == len(SOUND)  # half the samples, two bytes each


@pytest.mark.parametrize("case", CASES)
def test_encode_many_is_encode_of_each(case):
    feature, value, encoder = CASES[case]
    assert feature.encode_many([value] * 3, encoder) == [feature.encode(value, encoder)] * 3


@pytest.mark.parametrize("case", CASES)
def test_features_compare_and_hash_by_value_and_are_frozen(case):
    feature = CASES[case][0]
    twin = dataclasses.replace(feature)
    assert twin == feature and hash(twin) == hash(feature) and twin is not feature
    assert repr(twin) == repr(feature)
    with pytest.raises(dataclasses.FrozenInstanceError):
        feature.modality = "other"
    assert isinstance(feature, Feature) and feature.is_text == (feature.vocabulary is not None)


@pytest.mark.parametrize("make", [
    lambda: Text("subword:x"), lambda: Text("subwords"), lambda: Text(""), lambda: Label(()), lambda: Label(("a", "a")),
    lambda: Image(0, 3, 1), lambda: Image(3, 3, 2), lambda: Photograph(9, 9, 3, stored=8), lambda: Audio(0),
    lambda: Audio(8000, mel_bins=0)])
def test_wrong_declarations_are_errors(make):
    with pytest.raises(UserError):
        make()


@pytest.mark.parametrize("feature, value, says", [
    (Text("bytes"), 3, "must be a str"), (Label(("cat", "dog")), "dgo", "'dog'"), (Label(("cat", "dog")), 2, "0 to 1"),
    (Label(("cat", "dog")), -1, "0 to 1"), (Label(("cat", "dog")), True, "0 to 1"),
    (Image(4, 4, 1), np.zeros((4, 4, 3), np.uint8), r"\(4, 4, 1\)"), (Image(4, 4, 1), np.zeros((4, 4, 1)), "uint8"),
    (Image(4, 4, 1), b"no image", "not an image"), (Audio(8000), np.zeros((9, 2), np.float32), "one channel"),
    (Audio(8000), np.zeros(0, np.float32), "non-empty"), (Audio(8000), np.full(9, 3.0), r"\[-1, 1\]"),
    (Audio(8000), np.array([np.nan]), "finite"), (Audio(8000), np.zeros(9, np.int32), "int16")])
def test_wrong_values_are_errors_that_say_what_is_wanted(feature, value, says):
    with pytest.raises(UserError, match=says):
        feature.encode(value, Bytes())


@pytest.mark.parametrize("feature", [Image(5, 7, 3), Photograph(5, 7, 3, stored=8)])
def test_a_picture_is_its_array_its_bytes_and_its_file(feature, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(images.encode_png(PICTURE))
    assert feature.encode(path) == feature.encode(path.read_bytes()) == feature.encode(PICTURE)
    with pytest.raises(UserError, match="path or the bytes of an image file"):
        feature.encode(str(path))


def test_a_photograph_is_stored_in_its_own_proportions():
    feature = Photograph(5, 7, 3, stored=8)
    (tensor,) = parse(feature, feature.encode(PICTURE)).values()
    assert tensor.shape == (8, 11, 3) and feature.padded_shapes("x") == {"x": (5, 7, 3)}


def test_of_many_files_unreadable_ones_are_left_out_and_told_and_one_again_is_shared(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(images.encode_png(PICTURE))
    bad.write_bytes(b"nothing")
    features = {"inputs": Image(5, 7, 3), "targets": Text("bytes")}
    samples = [{"inputs": path, "targets": str(number)}
               for number, path in enumerate((good, good, bad, bad, tmp_path / "gone.png", good))]
    with collect_skipped() as skipped:
        records = encode_samples(features, {"bytes": Bytes()}, samples)
    assert [Bytes().decode(record["targets"][:-1]) for record in records] == ["0", "1", "5"]
    assert records[0]["inputs"] is records[1]["inputs"]
    assert skipped.counts == {"not a picture that can be read": 2}
    with pytest.raises(UserError, match="not an image"):
        encode_samples(features, {"bytes": Bytes()}, [{"inputs": b"nothing", "targets": ""}])


def test_descriptions_are_short_and_the_same_for_stored_values():
    assert Image(5, 7, 3).describe(PICTURE) == Image(5, 7, 3).describe_stored(b"") == "image 5×7×3"
    feature = Audio(8000)
    assert feature.describe(np.zeros(16800)) == feature.describe((np.zeros(33600), 16000)) == "audio 2.1 s"
    assert feature.describe_stored(feature.encode(np.zeros(16800))[""]) == "audio 2.1 s"
    assert Text("bytes").describe("a b") == "a b"
    with pytest.raises(UserError, match="Text or Label"):
        feature.decode([1])


def test_a_command_line_argument_is_the_text_or_a_file(tmp_path):
    assert Text("bytes").read("a b") == "a b" and Label(("x",)).read("x") == "x"
    (tmp_path / "tone.wav").write_bytes(audio.wav_bytes(SOUND, 8000))
    (tmp_path / "dots.png").write_bytes(images.encode_png(PICTURE))
    assert Audio(8000).encode(Audio(8000).read(str(tmp_path / "tone.wav"))) == Audio(8000).encode(SOUND)
    assert Image(5, 7, 3).encode(Image(5, 7, 3).read(str(tmp_path / "dots.png"))) == Image(5, 7, 3).encode(PICTURE)
    with pytest.raises(UserError, match=r"dots\.png"):
        Image(5, 7, 3).read(str(tmp_path / "dot.png"))


def test_samples_are_encoded_in_order_and_name_the_feature_at_fault():
    features = {"inputs": Text("bytes"), "targets": Label(("cat", "dog"))}
    samples = [{"inputs": "a", "targets": "dog"}, {"inputs": "", "targets": 0}]
    records = encode_samples(features, {"bytes": Bytes()}, samples)
    assert records == [{"inputs": [*Bytes().encode("a"), EOS], "targets": [1]}, {"inputs": [EOS], "targets": [0]}]
    assert columns_of(features) == {"inputs": "int64", "targets": "int64"}
    with pytest.raises(UserError, match="'targets': There is no class"):
        encode_samples(features, {"bytes": Bytes()}, [{"inputs": "a", "targets": "fox"}])
    with pytest.raises(UserError, match="lacks the feature 'targets'"):
        encode_samples(features, {"bytes": Bytes()}, [{"inputs": "a"}])
