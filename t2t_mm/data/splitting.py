"""Which split a sample belongs to: decided by a hash of its source text, so that no source is ever in two splits."""

from __future__ import annotations

import hashlib

_RANGE = 2**64


def normalised(source: str) -> str:
    """The form in which sources are compared: stripped, case-folded, every run of white space one space."""
    return " ".join(source.casefold().split())


def split_of(source: str, dev: float = 0.05, test: float = 0.05, seed: str = "") -> str:
    """Returns "train", "dev" or "test": the same on every machine and in every process.

    Sources that differ only in case or white space fall in the same split, also across problems and languages that
    use the same `seed`.

    Args:
        source: the text that must not be shared between splits (of a translation: the string both sides come from).
        dev: share of all sources that falls in "dev", from 0 to 1.
        test: share of all sources that falls in "test"; `dev + test` is at most 1.
        seed: any text; another seed gives another, independent division.
    """
    if not (dev >= 0 and test >= 0 and dev + test <= 1):
        raise ValueError(f"split_of needs shares of 0 or more that add up to at most 1; got dev={dev}, test={test}.")
    position = position_of(source, seed)
    if position < dev:
        return "dev"
    return "test" if position < dev + test else "train"


def position_of(source: str, seed: str = "") -> float:
    """Where from 0 to 1 the hash of a source lies; `split_of` takes dev from the lowest, then test."""
    digest = hashlib.sha256(f"{seed}\0{normalised(source)}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / _RANGE
