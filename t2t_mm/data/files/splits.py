"""Splits of data that have files for some of them only: the missing ones are parts of the training data, by hash."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from t2t_mm.data.files.skipped import collect_skipped, note
from t2t_mm.data.splitting import position_of, split_of
from t2t_mm.errors import UserError

Item = TypeVar("Item")

NAMES = {"train": ("train", "training"), "dev": ("dev", "val", "valid", "validation"), "test": ("test",)}
SHARE = 0.05  # of the training data, of each split that is missing
_FEW = 1000  # with fewer sources a share could be empty by chance
_SEED = "files"  # the same everywhere, so that a sentence falls in the same split in every problem


def divided(split: str, given: Collection[str], read: Callable[[str], Iterator[Item]], source: Callable[[Item], str],
            name: str, share: float = SHARE) -> Iterator[Item]:
    """The items of a split.

    If files are given for "train" only, dev and test are the 5 % each (`share`) of its sources with the lowest hashes,
    and train the rest; no source is in two splits.

    Args:
        split: "train", "dev" or "test".
        given: the splits that have files.
        read: split → its items, the same ones each time.
        source: item → the text that must not be in two splits.
        name: of the data, for messages.
        share: of the training data, of each split that is made of it.
    """
    missing = [other for other in ("dev", "test") if other not in given]
    if "train" not in given:
        raise UserError(f"{name} has no training data, only {', '.join(given) or 'nothing'}.")
    if missing:
        note(f"no files for {' and '.join(missing)}: made of the training data, by a hash of the source")
    if split in given and not (split == "train" and missing):
        return read(split)
    dev, test = _shares(missing, read, source, name, share)
    return (item for item in read("train") if split_of(source(item), dev, test, _SEED) == split)


def _shares(missing: list[str], read: Callable, source: Callable, name: str, share: float) -> tuple[float, float]:
    """The shares of dev and test; where there are few sources, such that each missing split gets one at least."""
    few: set[float] = set()
    with collect_skipped() as skipped:  # for the error; whoever reads the items afterwards hears it again
        for item in read("train"):
            few.add(position_of(source(item), _SEED))
            if len(few) == _FEW:
                break
    if len(few) == _FEW:
        ends = [share * number for number in range(1, len(missing) + 1)]
    elif len(few) <= len(missing):
        raise UserError(f"{name} has {len(few)} different usable sources for training, too few to make "
                        f"{' and '.join(missing)} of them. Give files for these splits, or more data."
                        f"{skipped.explain()}")
    else:
        positions, each = sorted(few), max(1, round(share * len(few)))
        ends = [(positions[each * number - 1] + positions[each * number]) / 2
                for number in range(1, len(missing) + 1)]
    sizes = dict(zip(missing, (end - start for start, end in itertools.pairwise([0, *ends])), strict=True))
    return sizes.get("dev", 0), sizes.get("test", 0)
