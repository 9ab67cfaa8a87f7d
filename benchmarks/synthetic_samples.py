"""Raw samples for measuring data generation and input: Zipf-distributed words, photograph-like JPEGs, noisy tones."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import PIL.Image

from benchmarks import synthetic
from t2t_mm.data.features import Image, Text

WORDS = 30_000
_SYLLABLES = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r", "s")]


def sentences(count: int, words: int = 13, seed: int = 0) -> list[str]:
    """Sentences of `words` words on average, half as many to half as many more; words follow Zipf's law."""
    rng = np.random.default_rng(seed)
    known = np.random.default_rng(1)
    vocabulary = ["".join(known.choice(_SYLLABLES, known.integers(1, 4))) for _ in range(WORDS)]
    share = 1 / np.arange(1, WORDS + 1)
    lengths = rng.integers(words // 2, words + (words + 1) // 2 + 1, count)
    drawn = iter(rng.choice(WORDS, lengths.sum(), p=share / share.sum()).tolist())
    return [" ".join(vocabulary[next(drawn)] for _ in range(length)) for length in lengths.tolist()]


def jpeg(height: int, width: int, seed: int) -> bytes:
    """A JPEG file as large as one of a photograph: soft shapes and a little noise, quality 90."""
    rng = np.random.default_rng(seed)
    shapes = PIL.Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).resize((width, height))
    noisy = np.clip(np.asarray(shapes) + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(noisy).save(out, "JPEG", quality=90)
    return out.getvalue()


def sound(seconds: float, rate: int, seed: int) -> np.ndarray:
    """A tone in noise, int16 [samples]."""
    rng, time = np.random.default_rng(seed), np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * rng.uniform(100, 1000) * time) + rng.normal(0, 0.05, len(time))
    return np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16)


class _Many:
    """Samples of a problem: `most` different ones, over and over."""

    splits, shards = ("train",), {"train": 4}
    count = most = 1000

    def samples(self, split: str, tmp_dir: str) -> Iterator[dict]:
        different = list(self.different())
        return (different[number % len(different)] for number in range(self.count))

    def different(self) -> Iterator[dict]:
        raise NotImplementedError


class Pairs(_Many, synthetic.SyntheticText):
    """Sentences of about 32 ids to such ones."""

    registered_name, count, most = "synthetic_pairs", 10_000, 2500

    def different(self):
        both = zip(sentences(self.most, 26, seed=1), sentences(self.most, 26, seed=2), strict=True)
        return ({"inputs": one, "targets": other} for one, other in both)


class Trees(_Many, synthetic.SyntheticText):
    """Sentences to bracketed trees of about 80 tokens."""

    registered_name, command, count, most = "synthetic_trees", "to-tree", 10_000, 2500

    def define_features(self):
        return {"inputs": Text("subwords:synthetic"), "targets": Text("tokens:synthetic_trees")}

    def different(self):
        for sentence in sentences(self.most, 22, seed=3):
            leaves = (f"( NP {word[:2]} )" for word in sentence.split())
            yield {"inputs": sentence, "targets": f"( S {' '.join(leaves)} )"}


class Pictures(_Many, synthetic.SyntheticImage):
    """JPEG files to classes."""

    def __init__(self, side: int, count: int, kind: str = "jpeg"):
        super().__init__(side)
        self.registered_name, self.kind, self.count = f"synthetic_{kind}_{side}", kind, count
        self.most = min(count, 200)

    def different(self):
        for number in range(self.most):
            data = jpeg(self.side, self.side, number)
            picture = np.asarray(PIL.Image.open(io.BytesIO(data))) if self.kind == "png" else data
            yield {"inputs": picture, "targets": number % 100}


class Captions(_Many, synthetic.SyntheticText):
    """JPEG files of 128 pixels to sentences."""

    registered_name, command, count, most = "synthetic_captions", "to-caption", 1200, 400

    def define_features(self):
        return {"inputs": Image(128, 128, 3), "targets": Text("subwords:synthetic")}

    def different(self):
        for number, sentence in enumerate(sentences(self.most, 13, seed=4)):
            yield {"inputs": jpeg(128, 128, number), "targets": sentence}


class Sounds(_Many, synthetic.SyntheticAudio):
    """Three seconds of sound to sentences."""

    registered_name, count, most, seconds = "synthetic_sounds", 600, 100, 3.0

    def different(self):
        for number, sentence in enumerate(sentences(self.most, 10, seed=5)):
            yield {"inputs": sound(self.seconds, synthetic.SAMPLE_RATE, number), "targets": sentence}
