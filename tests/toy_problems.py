"""Small problems of every kind, for tests: a few dozen samples, the same in every process, no vocabulary to train."""

import math
import random

import numpy as np

from t2t_mm.data.features import Audio, Image, Label, Text
from t2t_mm.problems.problem import Problem

SIZES = {"train": 40, "dev": 11, "test": 7}
WORDS = ("red", "green", "blue", "one", "two", "three", "sun", "moon")


class ToyProblem(Problem):
    """Samples come from `sample(rng)`, one generator for each (split, number)."""

    command = "toy"
    shards = {"train": 3, "dev": 2, "test": 1}

    def samples(self, split, tmp_dir):
        for number in range(SIZES[split]):
            yield self.sample(random.Random(f"{self.registered_name} {split} {number}"))

    def sample(self, rng):
        raise NotImplementedError


def _words(rng, most=6):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


def _picture(rng, height=8, width=8, channels=1):
    return np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (height, width, channels), np.uint8)


class ToyTextToText(ToyProblem):
    """Words in reverse order."""

    registered_name = "toy_text_to_text"
    command = "to-reverse"
    metrics = ("exact_match", "bleu")

    def define_features(self):
        return {"inputs": Text("bytes"), "targets": Text("bytes")}

    def sample(self, rng):
        text = _words(rng)
        return {"inputs": text, "targets": " ".join(reversed(text.split()))}


class ToyImageToLabel(ToyProblem):
    """Is the upper half of the picture brighter than the lower?"""

    registered_name = "toy_image_to_label"
    command = "to-class"
    metrics = ("accuracy",)

    def define_features(self):
        return {"inputs": Image(8, 8, 1, modality="image_small"), "targets": Label(("dark", "bright", "even"))}

    def sample(self, rng):
        picture = _picture(rng)
        difference = float(picture[:4].mean()) - float(picture[4:].mean())
        return {"inputs": picture, "targets": "even" if abs(difference) < 5 else "bright" if difference > 0 else "dark"}


class ToyImageToText(ToyProblem):
    """A caption: how many rows of the picture are lit."""

    registered_name = "toy_image_to_text"
    command = "to-caption"

    def define_features(self):
        return {"inputs": Image(8, 8, 3, modality="image_small"), "targets": Text("bytes")}

    def sample(self, rng):
        picture, rows = np.zeros((8, 8, 3), np.uint8), rng.randint(0, 8)
        picture[:rows] = _picture(rng, rows, 8, 3)
        return {"inputs": picture, "targets": " ".join(["row"] * rows) or "nothing"}


class ToyAudioToText(ToyProblem):
    """A word for each tone of 60 ms."""

    registered_name = "toy_audio_to_text"
    command = "to-transcript"
    metrics = ("cer", "wer")

    def define_features(self):
        return {"inputs": Audio(8000, mel_bins=16), "targets": Text("bytes")}

    def sample(self, rng):
        tones = [rng.randrange(3) for _ in range(rng.randint(1, 6))]
        time = np.arange(480) / 8000
        sound = np.concatenate([0.5 * np.sin(2 * math.pi * 400 * 2**tone * time) for tone in tones])
        return {"inputs": sound.astype(np.float32), "targets": " ".join(("low", "mid", "high")[tone] for tone in tones)}


class ToyTextToLabel(ToyProblem):
    """Does the text have an odd number of words?"""

    registered_name = "toy_text_to_label"
    command = "to-parity"
    metrics = ("accuracy",)

    def define_features(self):
        return {"inputs": Text("bytes"), "targets": Label(("even", "odd"))}

    def sample(self, rng):
        text = _words(rng)
        return {"inputs": text, "targets": len(text.split()) % 2}


class ToyTwoInputsToText(ToyProblem):
    """A question about a picture: two inputs of different kinds."""

    registered_name = "toy_two_inputs_to_text"
    command = "to-answer"

    def define_features(self):
        return {"inputs": Image(8, 8, 1, modality="image_small"), "question": Text("bytes"), "targets": Text("bytes")}

    def sample(self, rng):
        picture, row = _picture(rng), rng.randrange(8)
        answer = "bright" if picture[row].mean() > 127 else "dark"
        return {"inputs": picture, "question": f"row {row}?", "targets": answer}


class ToyLabelAndTextToText(ToyProblem):
    """The first or the last of some words, as a class says."""

    registered_name = "toy_label_and_text_to_text"
    command = "to-chosen"
    metrics = ("exact_match",)

    def define_features(self):
        return {"which": Label(("first", "last")), "words": Text("bytes"), "targets": Text("bytes")}

    def sample(self, rng):
        words, which = _words(rng), rng.choice(("first", "last"))
        return {"which": which, "words": words, "targets": words.split()[0 if which == "first" else -1]}


class ToyLanguageModel(ToyProblem):
    """Counting up from some number: targets only."""

    registered_name = "toy_language_model"
    command = "to-text"

    def define_features(self):
        return {"targets": Text("bytes")}

    def sample(self, rng):
        start = rng.randrange(50)
        return {"targets": " ".join(str(start + i) for i in range(rng.randint(1, 8)))}


CLASSES = (ToyTextToText, ToyImageToLabel, ToyImageToText, ToyAudioToText, ToyTextToLabel, ToyTwoInputsToText,
           ToyLabelAndTextToText, ToyLanguageModel)


def all_toys():
    """One instance of every toy problem; none is registered."""
    return [toy() for toy in CLASSES]


def toy(name):
    """The toy problem of this name."""
    return next(cls() for cls in CLASSES if cls.registered_name == name)
