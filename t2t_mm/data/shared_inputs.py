"""Whether examples of dev and test have inputs that training examples have too, as encoded."""

from __future__ import annotations

import array
from collections.abc import Collection, Iterator

import numpy as np

from t2t_mm.data.records import frames_in

_FEWEST, _SHARE = 5, 0.01  # examples of a split that are worth a word; fewer if they are all that there are
_HEAD = 8 + 4  # bytes of a frame before the record: its length and a checksum


class SharedInputs:
    """Compares splits while they are written; takes 8 bytes an example, a hash of the input columns.

    Args:
        columns: of the records, in their order.
        inputs: those that are compared; none: nothing is.
    """

    def __init__(self, columns: Collection[str], inputs: Collection[str]):
        self._compared = [column in inputs for column in columns]
        self._keys: dict[str, array.array] = {}  # split → a hash of each example

    def add(self, split: str, records: bytes) -> None:
        """Frames of records of a split."""
        if any(self._compared):
            self._keys.setdefault(split, array.array("q")).extend(map(self._key, frames_in(records)))

    def describe(self) -> list[str]:
        """A sentence for each split of which more than 1 % of the examples, and at least 5 or all, are affected."""
        return [f"{count:,} of {total:,} examples of {split} have inputs that are in train too: figures on {split} "
                "will look better than they are" for split, count, total in self._counted()
                if (count >= _FEWEST and count > _SHARE * total) or 0 < count == total]

    def _counted(self) -> Iterator[tuple[str, int, int]]:
        """(split, examples with inputs that are in train too, examples)."""
        if "train" in self._keys:
            train = np.frombuffer(self._keys["train"], np.int64)
            train.sort()  # in its place
            for split, keys in self._keys.items():
                if split != "train":
                    own = np.frombuffer(keys, np.int64)
                    places = np.minimum(np.searchsorted(train, own), len(train) - 1)
                    yield split, int((train[places] == own).sum()), len(own)

    def _key(self, frame: bytes) -> int:
        """A hash of the input columns of a tf.train.Example as data/records.py writes it: a field for each column."""
        _, place = _length(frame, _HEAD + 1)
        parts = []
        for compared in self._compared:
            length, start = _length(frame, place + 1)
            place = start + length
            if compared:
                parts.append(frame[start:place])
        return hash(b"".join(parts))


def _length(content: bytes, place: int) -> tuple[int, int]:
    """(the varint at a place, the place behind it)."""
    number = shift = 0
    while content[place] > 0x7F:
        number |= (content[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return number | content[place] << shift, place + 1
