"""Which stored examples are one item with several references: those with the very same inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


class ReferenceSets:
    """Items in the order of their first examples. Keeps 16 bytes and the reference texts of each, never the inputs.

    `references` are the texts of each item, in the order of the examples; `examples` is how many of them there are.

    Args:
        limit: most items; the examples of others are passed over, those of the items before are still added. None: all.
    """

    def __init__(self, limit: int | None = None):
        self.references: list[list[str]] = []
        self.examples = 0
        self._limit = limit
        self._items: dict[bytes, int] = {}

    def add(self, inputs: Iterable[bytes], reference: str) -> bool:
        """Whether an example with these inputs (the bytes of each column) is a new item; its reference is kept.

        An example without inputs is always an item of its own.
        """
        key = _digest(inputs)
        item = self._items.get(key) if key else None
        is_new = item is None and (self._limit is None or len(self.references) < self._limit)
        if is_new:
            item = len(self.references)
            self.references.append([])
            if key:
                self._items[key] = item
        if item is not None:
            self.references[item].append(reference)
            self.examples += 1
        return is_new


def _digest(columns: Iterable[bytes]) -> bytes:
    """16 bytes that tell columns apart, whatever lies in them; nothing for no columns."""
    digest, some = hashlib.blake2b(digest_size=16), False
    for column in columns:
        digest.update(len(column).to_bytes(8, "little"))
        digest.update(column)
        some = True
    return digest.digest() if some else b""
