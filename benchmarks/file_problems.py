"""Problems that read files of --tmp_dir, as a user writes them: what benchmarks/datagen.py gives to t2t-datagen."""

from __future__ import annotations

from pathlib import Path

from t2t_mm import registry
from t2t_mm.data import audio
from t2t_mm.data.features import Audio, Image, Label, Text
from t2t_mm.problems.files_audio2text import FilesAudio2text
from t2t_mm.problems.files_image2label import FilesImage2label
from t2t_mm.problems.files_image2text import FilesImage2text
from t2t_mm.problems.problem import Problem


class _Files(Problem):
    """Has a training split only."""

    splits = ("train",)


@registry.register_problem("bench_pairs")
class BenchPairs(_Files):
    """Lines of pairs.tsv: a sentence, a tab, another."""

    command = "to-text"

    def define_features(self):
        return {"inputs": Text("subwords:bench"), "targets": Text("subwords:bench")}

    def samples(self, split, tmp_dir):
        with open(Path(tmp_dir, "pairs.tsv"), encoding="utf-8") as lines:
            for line in lines:
                inputs, _, targets = line.rstrip("\n").partition("\t")
                yield {"inputs": inputs, "targets": targets}


@registry.register_problem("bench_lines")
class BenchLines(_Files):
    """A language model of the lines of lines.txt."""

    command = "to-text"

    def define_features(self):
        return {"targets": Text("subwords:bench")}

    def samples(self, split, tmp_dir):
        with open(Path(tmp_dir, "lines.txt"), encoding="utf-8") as lines:
            for line in lines:
                yield {"targets": line.rstrip("\n")}


@registry.register_problem("bench_pictures")
class BenchPictures(_Files):
    """The JPEG files, scaled and cropped to 224 pixels → a class."""

    command = "to-class"

    def define_features(self):
        return {"inputs": Image(224, 224, 3), "targets": Label(range(100))}

    def samples(self, split, tmp_dir):
        for number, path in enumerate(sorted(Path(tmp_dir).glob("*.jpg"))):
            yield {"inputs": path.read_bytes(), "targets": number % 100}


@registry.register_problem("bench_photographs")
class BenchPhotographs(FilesImage2label):
    """Files in folders of classes, stored with a shorter side of 256 pixels, divided into splits → a class."""

    side = 224


@registry.register_problem("bench_captions")
class BenchCaptions(FilesImage2text):
    """Files and COCO's JSON, stored with a shorter side of 256 pixels → each of five captions."""

    side = 224
    vocabulary = "subwords:bench"


@registry.register_problem("bench_sounds")
class BenchSounds(_Files):
    """The wav files, brought to 16 kHz → their names."""

    command = "to-transcript"

    def define_features(self):
        return {"inputs": Audio(16_000, 80), "targets": Text("bytes")}

    def samples(self, split, tmp_dir):
        for path in sorted(Path(tmp_dir).glob("*.wav")):
            yield {"inputs": audio.read_wav(path), "targets": path.stem}


@registry.register_problem("bench_utterances")
class BenchUtterances(FilesAudio2text):
    """A table and wav files of 22,050 Hz as LJSpeech has them, brought to 16 kHz and divided into splits → texts."""

    vocabulary = "subwords:bench"
