"""Whether examples of dev and test have inputs that training examples have too, as encoded."""

from __future__ import annotations

import array
import itertools
from collections.abc import Collection, Iterator

import numpy as np

from t2t_mm.data.records import encoded_columns, frames_in

_FEWEST, _SHARE = 5, 0.01  # examples of a split that are worth a word; fewer if they are all that there are


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
        """A hash of the input columns of an example."""
        return hash(tuple(itertools.compress(encoded_columns(frame), self._compared)))
