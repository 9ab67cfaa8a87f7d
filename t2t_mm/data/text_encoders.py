"""Text ↔ ids: SentencePiece subwords, bytes and whitespace tokens; ids 0 (padding) and 1 (end) live here.

Subwords: Kudo and Richardson 2018, "SentencePiece" (arXiv:1808.06226), with byte fallback, so that no text is unknown.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence

from t2t_mm.errors import UserError

PAD = 0
EOS = 1
UNKNOWN = 2  # Tokens and Subwords only; Subwords never encode to it


class TextEncoder:
    """What every encoder has; `kind` names it in files. Two encoders are equal if their files would be equal."""

    kind = ""
    size: int

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, without EOS."""
        raise NotImplementedError

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without EOS."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids` up to the first EOS; PAD and ids that do not exist are skipped."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The content of the encoder's file."""
        return json.dumps({"kind": self.kind, **self._fields()}, ensure_ascii=True, indent=0).encode("ascii")

    def _fields(self) -> dict:
        return {}

    @property
    def checksum(self) -> str:
        """Hex sha256 of the encoder's file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str | os.PathLike) -> None:
        """Writes the file that `load` reads."""
        with open(path, "wb") as file:
            file.write(self.to_bytes())

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.checksum)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, checksum={self.checksum[:8]})"


def _until_end(ids: Iterable[int], first: int, size: int) -> list[int]:
    """The ids before the first EOS that lie in [first, size)."""
    kept = []
    for token in ids:
        token = int(token)
        if token == EOS:
            break
        if first <= token < size:
            kept.append(token)
    return kept


class Subwords(TextEncoder):
    """A SentencePiece model (pad=0, eos=1, unk=2, no bos) with byte fallback.

    decode(encode(text)) == text for every text without U+2581 (SentencePiece's own sign for a space, which comes back
    as a space) and without lone surrogates (they become "?"), if the model was trained by `subword_training`.
    """

    kind = "subwords"

    def __init__(self, model_bytes: bytes):
        import sentencepiece

        self.model_bytes = bytes(model_bytes)
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=self.model_bytes)
        except RuntimeError as error:
            raise UserError(f"This is not a SentencePiece model ({error}).") from None
        self.size = self._processor.get_piece_size()
        special = (self._processor.pad_id(), self._processor.eos_id(), self._processor.bos_id())
        if special != (PAD, EOS, -1):
            raise UserError(f"A SentencePiece model must have pad=0, eos=1, bos=-1; this one has {special}. "
                            "Train it with t2t-datagen, or with pad_id=0, eos_id=1, unk_id=2, bos_id=-1.")

    def encode(self, text: str) -> list[int]:
        return self._processor.encode(_valid(text))

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        return self._processor.encode([_valid(text) for text in texts])

    def decode(self, ids: Sequence[int]) -> str:
        return self._processor.decode(_until_end(ids, UNKNOWN + 1, self.size))

    def to_bytes(self) -> bytes:
        return self.model_bytes

    def __reduce__(self):
        return Subwords, (self.model_bytes,)


def _valid(text: str) -> str:
    """`text` with "?" for lone surrogates, which UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Bytes(TextEncoder):
    """Byte b of the UTF-8 text ↔ id b + 2.

    Lone surrogates are encoded as "?"; bytes that are no UTF-8 are decoded as U+FFFD.
    """

    kind = "bytes"
    size = 258

    def encode(self, text: str) -> list[int]:
        return [byte + 2 for byte in text.encode("utf-8", "replace")]

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(token - 2 for token in _until_end(ids, 2, self.size)).decode("utf-8", "replace")


class Tokens(TextEncoder):
    """Whitespace tokens: ids from 3 in the given order, 2 for any other. White space comes back as single spaces."""

    kind = "tokens"

    def __init__(self, tokens: Sequence[str], unknown: str = "<unk>"):
        self.tokens, self.unknown = tuple(tokens), unknown
        self._words = ("", "", unknown, *self.tokens)  # by id
        self._ids = {word: index for index, word in enumerate(self._words) if index >= UNKNOWN}
        wrong = [word for word in self._ids if word.split() != [word]]
        if wrong or len(self._ids) < len(self._words) - UNKNOWN:
            raise UserError("Tokens must be distinct and without white space; "
                            + (f"{wrong[0]!r} is not." if wrong else "one of them occurs twice."))
        self.size = len(self._words)

    def encode(self, text: str) -> list[int]:
        return [self._ids.get(token, UNKNOWN) for token in text.split()]

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(self._words[token] for token in _until_end(ids, UNKNOWN, self.size))

    def _fields(self) -> dict:
        return {"unknown": self.unknown, "tokens": self.tokens}


def load(path: str | os.PathLike) -> TextEncoder:
    """The encoder in a file that `save` wrote; its kind is read from the file. UserError if it holds none."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        if not content.startswith(b"{"):
            return Subwords(content)
        fields = json.loads(content)
        kind = fields.pop("kind")
        return {"bytes": Bytes, "tokens": Tokens}[kind](**fields)
    except (UserError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{os.fspath(path)} is not a vocabulary: {error} "
                        "Put the file back, or delete it and run t2t-datagen with --overwrite.") from None
