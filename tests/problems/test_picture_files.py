"""Laws of the problems of pictures in files: classes, captions, splits, messy files, TFDS, errors with a cure."""

import collections
import gzip
import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from generating import generated

from t2t_mm import registry
from t2t_mm.data.files import tfds_reader
from t2t_mm.data.files.skipped import FILE_NAME
from t2t_mm.data.manifest import read_manifest
from t2t_mm.datagen import generate
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment, create_experiment
from t2t_mm.problems.caption_flickr8k import CaptionFlickr8k
from t2t_mm.problems.files_image2label import FilesImage2label
from t2t_mm.problems.image_cifar10 import ImageCifar10
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K

SHARED = Path(__file__).parents[3] / "shared" / "data"
SMALL = "hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8"


def picture(number, height=12, width=16, mode="RGB"):
    """A picture of its own for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    return PIL.Image.fromarray(pixels).convert(mode)


def content(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def write(folder, contents):
    """Writes files, name → bytes, or a number: that picture."""
    for name, value in contents.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value if isinstance(value, bytes) else content(picture(value)))


def class_folders(folder, classes, count, first=0):
    write(folder, {f"{name}/{number}.jpg": first + len(classes) * number + k for k, name in enumerate(classes)
                   for number in range(count)})


def bytes_of(value):
    return value if isinstance(value, bytes) else Path(value).read_bytes()


@pytest.mark.parametrize("name", ["image_cifar10", "image_imagenet", "caption_coco", "caption_flickr8k",
                                  "files_image2label", "files_image2text"])
def test_what_is_missing_is_said_before_any_work(name, tmp_path, offline):
    with pytest.raises(UserError, match=f"{name}.* reads .*{tmp_path}") as error:
        generate([registry.problem(name)], str(tmp_path / "data"), str(tmp_path))
    assert "--tmp_dir" in str(error.value) or "https://" in str(error.value)
    assert not (tmp_path / "data").exists()


def test_captions_share_the_vocabulary_of_the_papers_problems():
    for name in ("caption_coco", "caption_flickr8k"):
        assert registry.problem(name).targets.vocabulary == MULTIMODEL_8K
        assert registry.problem(name).metrics == ("caption_bleu", "rouge_l", "cider_d")


# Classes.

def test_your_pictures_need_folders_of_classes_only(tmp_path):
    class_folders(tmp_path / "files_image2label", ("ant", "bee"), 20)
    write(tmp_path / "files_image2label", {"bee/copy.jpg": 3, "ant/again.jpg": 3})
    found, skipped = generated("files_image2label", tmp_path)
    assert [len(samples) for samples in found.values()] == [38, 2, 2] or sum(map(len, found.values())) == 42
    contents = [{bytes_of(sample["inputs"]) for sample in samples} for samples in found.values()]
    assert not contents[0] & contents[1] and not contents[0] & contents[2] and not contents[1] & contents[2]
    assert "no files for dev and test" in skipped.notes[0]
    for sample in sum(found.values(), []):
        assert sample["inputs"].parent.name == sample["targets"]


def messy(folder):
    """Fourteen pictures that can be used, of all kinds, and five files that cannot."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    deep = PIL.Image.fromarray(np.arange(192, dtype=np.uint16).reshape(12, 16) * 300)
    whole = content(picture(1))
    write(folder, {
        "ant/grey.jpg": content(picture(2, mode="L")), "ant/cmyk.jpg": content(picture(3, mode="CMYK")),
        "ant/deep.png": content(deep, "PNG"), "ant/palette.gif": content(picture(4, mode="P"), "GIF"),
        "ant/alpha.png": content(picture(5, mode="RGBA"), "PNG"), "ant/turned.jpg": content(picture(6), exif=exif),
        "ant/one bit.bmp": content(picture(7, mode="1"), "BMP"), "bee/LOUD.JPG": 8, "bee/line.png": content(
            picture(9, 1, 300), "PNG"), "bee/dot.png": content(picture(10, 1, 1), "PNG"), "bee/11.webp": content(
            picture(11), "WEBP"), "bee/12.tiff": content(picture(12), "TIFF"), "bee/13.jpg": 13, "ant/14.jpg": 14,
        "ant/cut.jpg": whole[:len(whole) // 2], "bee/empty.jpg": b"", "bee/page.jpg": b"<html>not found</html>",
        "ant/list.txt": b"1 2 3", "bee/cut.png": content(picture(15), "PNG")[:200]})


def test_messy_pictures_are_mended_or_left_out_and_listed(tmp_path):
    from t2t_mm.data.buckets import make_buckets
    from t2t_mm.data.pipeline import eval_batches, train_batches

    messy(tmp_path / "files_image2label")
    said = []
    (manifest,) = generate([registry.problem("files_image2label")], str(tmp_path / "data"), str(tmp_path),
                           say=said.append)
    assert sum(split.count for split in manifest.splits.values()) == 14
    assert any("4 left out, not a picture that can be read" in message for message in said)
    assert manifest.dropped == {"not a picture by the ending of its name": 1, "not a picture that can be read": 4}
    listed = (tmp_path / "data" / "files_image2label" / FILE_NAME).read_text()
    assert all(name in listed for name in ("cut.jpg", "cut.png", "empty.jpg", "page.jpg", "list.txt"))
    problem = registry.problem("files_image2label")
    problem.facts = manifest.facts
    buckets = make_buckets(problem, 8, 8, 8, 8)
    for batch in (next(iter(train_batches(problem, str(tmp_path / "data"), None, buckets, 1))),
                  next(iter(eval_batches(problem, str(tmp_path / "data"), "train", buckets)))):
        assert batch["inputs"].shape == (8, 64, 64, 3) and np.abs(batch["inputs"]).max() <= 1
        assert set(batch["targets"].numpy()) == {0, 1}


def test_classes_are_fixed_when_data_are_generated_and_a_run_remembers_them(tmp_path):
    class_folders(tmp_path / "files_image2label", ("bee", "ant"), 12)
    data = str(tmp_path / "data")
    generate([registry.problem("files_image2label")], data, str(tmp_path), processes=1, say=lambda message: None)
    assert read_manifest(data, "files_image2label").facts == {"classes": ["ant", "bee"]}
    run = create_experiment(["files_image2label"], "transformer", "transformer_tiny", SMALL, data)
    run.save(tmp_path / "run")
    assert run.problems[0].targets.names == ("ant", "bee")
    assert Experiment.load(tmp_path / "run", data_dir="").problems[0].targets.names == ("ant", "bee")
    class_folders(tmp_path / "files_image2label", ("eel",), 3, first=900)
    problem = registry.problem("files_image2label")
    generate([problem], data, str(tmp_path), processes=1, say=lambda message: None)  # kept as it is
    assert problem.targets.names == ("ant", "bee")
    generate([problem], data, str(tmp_path), processes=1, overwrite=True, say=lambda message: None)
    assert problem.targets.names == ("ant", "bee", "eel")
    with pytest.raises(UserError, match="facts.files_image2label.classes: ant,bee .*ant,bee,eel"):
        create_experiment(["files_image2label"], "transformer", "transformer_tiny", SMALL, data).check_output_dir(
            tmp_path / "run")


def test_a_subclass_chooses_classes_and_size(tmp_path):
    class_folders(tmp_path / "my_pets", ("cat", "dog", "eel"), 12)
    with registry.temporary():
        @registry.register_problem("my_pets")
        class MyPets(FilesImage2label):
            """Pets."""

            classes, side, channels = ("dog", "cat"), 96, 1

        problem = registry.problem("my_pets")
        found, skipped = generated(problem, tmp_path)
    assert problem.targets.names == ("dog", "cat") and problem.inputs["inputs"].shape == (96, 96, 1)
    assert problem.inputs["inputs"].modality == "image" and problem.find_facts(str(tmp_path)) == {}
    assert sum(map(len, found.values())) == 24 and list(skipped.counts.values()) == [1]
    assert MyPets.command == "to-class"


def test_training_sees_other_parts_and_evaluation_the_middle():
    import tensorflow as tf

    stored = tf.constant(np.random.default_rng(1).uniform(-1, 1, (256, 300, 3)), tf.float32)
    for name in ("image_imagenet", "caption_coco"):
        problem = registry.problem(name)
        seen = [problem.preprocess({"inputs": stored}, True, tf.constant([7, n]))["inputs"].numpy() for n in (1, 2, 1)]
        assert seen[0].shape == (224, 224, 3) and (seen[0] == seen[2]).all() and (seen[0] != seen[1]).any()
        middle = problem.preprocess({"inputs": stored}, False, tf.constant([7, 1]))["inputs"].numpy()
        np.testing.assert_array_equal(middle, stored[16:240, 38:262])


def test_cifar10_is_moved_and_mirrored_in_training_only():
    import tensorflow as tf

    problem, seen = ImageCifar10(), tf.constant(np.random.default_rng(1).uniform(-1, 1, (32, 32, 3)), tf.float32)
    assert problem.preprocess({"inputs": seen}, False, None)["inputs"] is seen
    padded = np.pad(seen.numpy(), [(4, 4), (4, 4), (0, 0)])
    parts = {padded[y:y + 32, x:x + 32][:, ::step].tobytes() for y in range(9) for x in range(9) for step in (1, -1)}
    changed = [problem.preprocess({"inputs": seen}, True, tf.constant([1, n]))["inputs"].numpy() for n in range(20)]
    assert all(part.tobytes() in parts for part in changed) and len({part.tobytes() for part in changed}) > 10


def test_dev_of_cifar10_is_made_of_its_training_data(tmp_path, offline):
    class_folders(tmp_path / "cifar10" / "train", ImageCifar10.classes, 5)
    class_folders(tmp_path / "cifar10" / "test", ImageCifar10.classes, 1, first=900)
    found, skipped = generated("image_cifar10", tmp_path)
    assert len(found["train"]) + len(found["dev"]) == 50 and found["dev"] and len(found["test"]) == 10
    assert skipped.notes == ["no files for dev: made of the training data, by a hash of the source"]


def test_imagenets_validation_is_the_test_split_unless_there_is_a_test(tmp_path, offline):
    for split, first in (("train", 0), ("val", 900)):
        class_folders(tmp_path / "imagenet" / split, ("n01", "n02"), 20, first)
    found, _ = generated("image_imagenet", tmp_path)
    assert [len(samples) for samples in found.values()] == [38, 2, 40]  # of two classes the same names
    assert registry.problem("image_imagenet").find_facts(str(tmp_path)) == {"classes": ["n01", "n02"]}
    class_folders(tmp_path / "imagenet" / "test", ("n01", "n02"), 1, 990)
    assert [len(samples) for samples in generated("image_imagenet", tmp_path)[0].values()] == [40, 40, 2]


def store(name, features, splits, tmp_path, config=None):
    import tensorflow_datasets as tfds

    tfds.dataset_builders.store_as_tfds_dataset(
        name=name, config=config, version="1.0.0", features=tfds.features.FeaturesDict(features),
        split_datasets={split: list(enumerate(examples)) for split, examples in splits.items()},
        data_dir=tmp_path / "tensorflow_datasets")


@pytest.mark.parametrize("name, dataset, held_out", [("image_cifar10", "cifar10", "test"),
                                                     ("image_imagenet", "imagenet2012", "validation")])
def test_classes_are_read_from_a_dataset_in_the_format_of_tfds(name, dataset, held_out, tmp_path, offline):
    import tensorflow_datasets as tfds

    names = ImageCifar10.classes
    examples = [{"image": np.asarray(picture(n, 32, 32)), "label": n % 10, "file_name": f"{n}.JPEG"} for n in range(60)]
    store(dataset, {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=names),
                    "file_name": tfds.features.Text()}, {"train": examples[:50], held_out: examples[50:]}, tmp_path)
    found, skipped = generated(name, tmp_path)
    assert len(found["train"]) + len(found["dev"]) == 50 and found["dev"] and len(found["test"]) == 10
    assert f"read from TFDS: {dataset}" in skipped.notes
    wanted = {example["image"].tobytes(): example["label"] for example in examples}
    for sample in sum(found.values(), []):  # the stored PNG file, and the label that belongs to it
        assert wanted[np.asarray(PIL.Image.open(io.BytesIO(sample["inputs"]))).tobytes()] == sample["targets"]
    problem = registry.problem(name)
    assert problem.find_facts(str(tmp_path)) in ({}, {"classes": list(names)})


@pytest.mark.parametrize("name", ["image_cifar10", "image_imagenet", "caption_coco"])
def test_what_tfds_declares_can_be_read(name, tmp_path, offline, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds_reader, "_reachable", lambda host: True)
    manual = tmp_path / "tensorflow_datasets" / "downloads" / "manual"
    write(manual, {f"ILSVRC2012_img_{split}.tar": b"" for split in ("train", "val")})
    with tfds.testing.mock_data(num_examples=3):
        problem = registry.problem(name)
        problem.facts = problem.find_facts(str(tmp_path))
        sample = next(problem.find_source(str(tmp_path)).pictures("train", *([5000] if "caption" in name else [])))
    assert len(problem.inputs["inputs"].encode(sample.picture)[""]) > 100
    if name == "image_imagenet":
        assert len(problem.targets.names) == 1000 and problem.targets.names[0] == "n01440764"


# Captions.

def coco(folder, layout, captions=5):
    """COCO's JSON and the pictures: (JSON, folder of pictures, numbers of the pictures), each with five captions."""
    for path, place, numbers in layout:
        images = [{"id": number, "file_name": f"{number}_x.jpg"} for number in numbers]
        said = [{"image_id": number, "caption": f"caption {k} of picture {number} ."} for number in numbers
                for k in range(captions)]
        write(folder, {path: json.dumps({"images": images, "annotations": said}).encode()}
              | {f"{place}/{number}_x.jpg": number for number in numbers})


def pictures_of(samples):
    return {Path(sample["inputs"]).stem for sample in samples}


def test_each_caption_is_an_example_and_a_picture_is_in_one_split(tmp_path):
    coco(tmp_path / "files_image2text", [("annotations/captions_train2017.json", "train2017", range(1, 41))])
    found, _ = generated("files_image2text", tmp_path)
    assert [len(samples) for samples in found.values()] == [36 * 5, 2 * 5, 2 * 5]
    train, dev, test = map(pictures_of, found.values())
    assert not train & dev and not train & test and not dev & test and len(train | dev | test) == 40
    for sample in sum(found.values(), []):
        assert f"of picture {sample['inputs'].stem.split('_')[0]} ." in sample["targets"]


def test_the_captions_of_a_picture_are_stored_with_the_same_bytes(tmp_path):
    """So measures take them as references of one item; a damaged picture is left out with all of them, counted once."""
    from t2t_mm.data.records import read_stored

    folder = tmp_path / "files_image2text"
    coco(folder, [("captions_train.json", "train", range(1, 201)), ("captions_val.json", "val", range(901, 903)),
                  ("captions_test.json", "test", range(951, 953))])
    write(folder, {"train/5_x.jpg": b"broken"})
    (folder / "train" / "6_x.jpg").unlink()
    (manifest,) = generate([registry.problem("files_image2text")], str(tmp_path / "data"), str(tmp_path), 300,
                           processes=2, say=lambda message: None)
    assert [manifest.count(split) for split in ("train", "dev", "test")] == [990, 10, 10]
    assert sum(manifest.dropped.values()) == 2
    stored = collections.Counter(bytes(record["inputs"]) for record in read_stored(manifest.paths("train")))
    assert len(stored) == 198 and set(stored.values()) == {5}


def test_cocos_own_files_are_read_and_its_test_set_is_made(tmp_path, offline):
    coco(tmp_path / "coco", [("annotations/captions_train2014.json", "train2014", range(1, 61)),
                             ("annotations/captions_val2014.json", "val2014", range(901, 911))])
    found, _ = generated("caption_coco", tmp_path)
    assert [len(samples) // 5 for samples in found.values()] == [57, 10, 3]


def test_coco_is_read_from_a_dataset_in_the_format_of_tfds(tmp_path, offline):
    import tensorflow_datasets as tfds

    features = {"image": tfds.features.Image(encoding_format="jpeg"), "image/filename": tfds.features.Text(),
                "captions": tfds.features.Sequence({"text": tfds.features.Text(), "id": np.int64})}
    splits = {split: [{"image": np.asarray(picture(n)), "image/filename": f"{n}.jpg", "captions": [
        {"text": f"{n} says  {k}", "id": k} for k in range(n % 3)]} for n in range(3)]
        for split in ("train", "val", "test", "restval")}
    store("coco_captions", features, splits, tmp_path, config="2014")
    found, skipped = generated("caption_coco", tmp_path)
    assert [sorted(sample["targets"] for sample in samples) for samples in found.values()] == [
        sorted(2 * ["1 says 0", "2 says 0", "2 says 1"]), *2 * [["1 says 0", "2 says 0", "2 says 1"]]]
    assert skipped.counts == {"a picture without a caption": 4}
    texts = registry.problem("caption_coco").sample_texts(str(tmp_path))
    assert sorted(texts) == sorted(sample["targets"] for sample in found["train"])


@pytest.fixture
def flickr8k(tmp_path):
    """Flickr8k with pictures 1 to 20 for training, of which Multi30k, beside it, holds out 3 and 7."""
    coco(tmp_path / "flickr8k_coco", [("annotations/captions_train.json", "train", range(1, 21)),
                                      ("annotations/captions_val.json", "val", range(21, 24)),
                                      ("annotations/captions_test.json", "test", range(31, 34))])
    write(tmp_path / "multi30k", {"images.val.txt": b"3.jpg\n21.jpg\n", "images.test_2016_flickr.txt": b"7.jpg\n"})
    return tmp_path


def test_training_pictures_that_multi30k_holds_out_are_left_out(flickr8k):
    found, skipped = generated("caption_flickr8k", flickr8k)
    assert [len(pictures_of(samples)) for samples in found.values()] == [18, 3, 3]
    assert not pictures_of(found["train"]) & {"3_x", "7_x"} and list(skipped.counts.values()) == [2]


def test_without_lists_of_pictures_multi30ks_sentences_tell_what_it_holds_out(flickr8k):
    (flickr8k / "multi30k" / "images.val.txt").unlink()
    (flickr8k / "multi30k" / "images.test_2016_flickr.txt").unlink()
    said = generated("caption_flickr8k", flickr8k)[0]["train"]
    sentences = {name: next(s["targets"] for s in said if name in pictures_of([s])) for name in ("3_x", "7_x")}
    write(flickr8k / "multi30k", {"val.en": f"Some other.\n{sentences['3_x'].upper()} .\n".encode(),
                                  "test_2016_flickr.en.gz": gzip.compress(sentences["7_x"].encode())})
    found, skipped = generated("caption_flickr8k", flickr8k)
    assert not pictures_of(found["train"]) & {"3_x", "7_x"} and list(skipped.counts.values()) == [2]
    assert any("known by its sentences" in note for note in skipped.notes)


def test_held_out_pictures_can_be_kept_and_that_is_said(flickr8k):
    class Whole(CaptionFlickr8k):
        """With all its pictures."""

        leave_out_held_out = False

    found, skipped = generated(Whole(), flickr8k)
    assert len(pictures_of(found["train"])) == 20 and "nothing is left out" in skipped.notes[0]


# The shared data.

def shared(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"the shared data {name} are not here")
    return SHARED


def test_the_shared_cifar10_has_its_counts():
    found, skipped = generated("image_cifar10", shared("cifar10_jpg"))
    print({split: len(samples) for split, samples in found.items()})
    assert [len(samples) for samples in found.values()] == [4_740, 260, 2_000] and not skipped.counts


def test_the_shared_flickr8k_has_its_counts_and_trains_on_no_picture_of_multi30ks_tests():
    folder = shared("flickr8k_coco")
    shared("multi30k")
    found, skipped = generated("caption_flickr8k", folder)
    print({split: (len(samples), len(pictures_of(samples))) for split, samples in found.items()}, skipped.counts)
    assert [len(samples) for samples in found.values()] == [28_225, 5_000, 5_000]
    assert list(skipped.counts.values()) == [352]
    held_out = {name.removesuffix(".jpg") for file in ("val", "test_2016_flickr")
                for name in (folder / "multi30k" / f"images.{file}.txt").read_text().split()}
    assert len(held_out) == 2014 and not {name.split("_")[0] for name in pictures_of(found["train"])} & held_out
