"""Trains a SentencePiece vocabulary in memory from a bounded, deterministic sample of texts.

Byte-pair merges: Sennrich et al. 2016 (arXiv:1508.07909); SentencePiece: Kudo and Richardson 2018 (arXiv:1808.06226).
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Iterable

from t2t_mm.data.text_encoders import EOS, PAD, UNKNOWN, Subwords
from t2t_mm.errors import UserError

MOST_LINES = 200_000
MOST_BYTES = 10_000_000
_LINE = 2000  # characters; longer lines are cut
_SMALLEST = 3 + 256  # padding, end, unknown and the bytes
_THREADS = 2  # fixed: the result must not depend on the machine


class Sample:
    """An even sample of a stream of lines that takes bounded memory, the same for the same stream and seed.

    Every line draws a random priority; those with the smallest stay.
    """

    def __init__(self, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES, seed: str = ""):
        self._most_lines, self._most_bytes = most_lines, most_bytes
        self._random = random.Random(f"vocabulary {seed}")
        self._kept: list[tuple[float, str]] = []
        self._bytes = 0
        self._highest = 1.0

    def add(self, text: str) -> None:
        """Adds the lines of a text."""
        for line in text.splitlines():
            for start in range(0, len(line), _LINE):
                self._add(line[start:start + _LINE])

    def _add(self, line: str) -> None:
        priority = self._random.random()
        if priority < self._highest and line.strip():
            self._kept.append((priority, line))
            self._bytes += len(line.encode("utf-8", "replace"))
            if len(self._kept) > 2 * self._most_lines or self._bytes > 2 * self._most_bytes:
                self._trim()

    def _trim(self) -> None:
        """Keeps the lines of smallest priority that are within both limits."""
        kept, size = [], 0
        for priority, line in sorted(self._kept):
            size += len(line.encode("utf-8", "replace"))
            if len(kept) == self._most_lines or (size > self._most_bytes and kept):
                self._highest = priority
                break
            kept.append((priority, line))
        self._kept = kept
        self._bytes = sum(len(line.encode("utf-8", "replace")) for _, line in kept)

    def lines(self) -> list[str]:
        """The sample, in random order."""
        self._trim()
        return [line for _, line in self._kept]


def train_subwords(name: str, lines: Iterable[str], size: int,
                   say: Callable[[str], None] = lambda message: None) -> Subwords:
    """A subword vocabulary of `size` ids, or fewer (and said) where the text has no more to merge.

    Nothing is normalised, and white space is kept, so that decode(encode(text)) == text.

    Args:
        name: of the vocabulary, for messages.
        lines: training text; `Sample` bounds it.
        size: ids, of which 259 are taken: padding, end, unknown, and the 256 bytes.
        say: called with a message about a smaller size.
    Raises:
        UserError: no text, or `size` too small for its characters.
    """
    lines = [_clean(line) for line in lines if line.strip()]
    if not lines:
        raise UserError(f"There is no text to train the vocabulary {name!r} from. "
                        "Do the problems that use it generate training samples with text in them?")
    if size < _SMALLEST + 1:
        raise UserError(f"The vocabulary {name!r} cannot have {size} ids: 259 are taken by padding, end, unknown and "
                        "the 256 bytes. Ask for more, or declare Text(\"bytes\").")
    encoder = Subwords(_train(name, lines, size))
    if encoder.size < size:
        say(f"vocabulary {name}: {encoder.size} ids instead of {size}, because {len(lines)} lines of text have no "
            "more subwords than that")
    return encoder


def _train(name: str, lines: list[str], size: int) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, vocab_size=size, model_type="bpe",
            pad_id=PAD, eos_id=EOS, unk_id=UNKNOWN, bos_id=-1, byte_fallback=True, hard_vocab_limit=False,
            normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.9995,
            max_sentence_length=4 * _LINE + 1, num_threads=_THREADS, minloglevel=2)
    except RuntimeError as error:
        needed = re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error))
        if needed:
            raise UserError(f"The vocabulary {name!r} cannot have {size} ids: its text has so many characters that "
                            f"it takes at least {needed[1]}. Ask for more, or declare Text(\"bytes\").") from None
        raise UserError(f"Training the vocabulary {name!r} failed: {error}") from error
    return model.getvalue()


def _clean(line: str) -> str:
    """Without what SentencePiece cannot be trained on: lone surrogates and NUL."""
    return line.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
