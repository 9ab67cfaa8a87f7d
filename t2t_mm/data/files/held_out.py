"""Flickr8k and Multi30k share pictures: what one holds out for dev and test must not be trained on in the other.

Both describe pictures of Flickr30k (Young et al. 2014): Flickr8k is a part of it (Hodosh et al. 2013), Multi30k
translates a sentence of each picture (Elliott et al. 2016, arXiv:1605.00459).
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from t2t_mm.data.files.skipped import note
from t2t_mm.data.files.text_lines import read_lines
from t2t_mm.errors import UserError

REASON = "about a picture that is held out (dev or test) in the other of Flickr8k and Multi30k"
FLICKR8K, MULTI30K = "flickr8k_coco", "multi30k"


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Numbers of pictures, and the English sentences about them, as `comparable` ones."""

    pictures: frozenset[str] = frozenset()
    sentences: frozenset[str] = frozenset()

    def has(self, picture: str, *sentences: str) -> bool:
        """Whether a picture (the name of its file, "" if not known), or an English sentence about it, is held out."""
        return picture_number(picture) in self.pictures or not self.sentences.isdisjoint(map(comparable, sentences))


def picture_number(file_name: str) -> str:
    """Flickr's number of a picture: "1000268201_693b08cb0e.jpg" and "1000268201.jpg" are the same one."""
    return re.split("[_.]", file_name.rpartition("/")[2], maxsplit=1)[0]


def comparable(sentence: str) -> str:
    """The words alone, case-folded: both sets tokenise differently."""
    return " ".join(re.findall(r"\w+", sentence.casefold()))


def held_out_by_flickr8k(tmp_dir: str) -> HeldOut | None:
    """The dev and test pictures of Flickr8k and all sentences about them; None if it is not in `tmp_dir`."""
    folder = Path(tmp_dir, FLICKR8K, "annotations")
    if not folder.is_dir():
        return None
    pictures, sentences = set(), set()
    for split in ("val", "test"):
        path = folder / f"captions_{split}.json"
        try:
            captions = json.loads(path.read_text(encoding="utf-8"))
            pictures |= {picture_number(image["file_name"]) for image in captions["images"]}
            sentences |= {comparable(caption["caption"]) for caption in captions["annotations"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} should tell which pictures Flickr8k holds out, but it cannot be read as COCO "
                            f"captions ({type(error).__name__}: {error}). Mend it, or take {folder.parent} away if "
                            "Flickr8k is not trained on.") from None
    return HeldOut(frozenset(pictures - {""}), frozenset(sentences - {""}))


def held_out_by_multi30k(tmp_dir: str) -> HeldOut | None:
    """The dev and test pictures of Multi30k; None if it is not in `tmp_dir`.

    Without its lists of pictures (images.val.txt, images.test_2016_flickr.txt) the English sentences about them, and it
    is noted.
    """
    folder = Path(tmp_dir, MULTI30K)
    if not folder.is_dir():
        return None
    lists, texts = ([path for start in ("val", "test") for path in sorted(folder.glob(pattern.format(start)))]
                    for pattern in ("images.{}*.txt", "{}*.en*"))
    pictures = {picture_number(line) for path in lists for line, _ in read_lines(path)} - {""}
    if pictures:
        return HeldOut(frozenset(pictures))
    sentences = {comparable(line) for path in texts if path.name.endswith((".en", ".en.gz"))
                 for line, _ in read_lines(path)}
    note(f"{folder} has no images.val.txt and images.test_2016_flickr.txt: the pictures that Multi30k holds out are "
         "known by its sentences about them")
    return HeldOut(sentences=frozenset(sentences - {""}))


def held_out_by(other: str, tmp_dir: str, wanted: bool) -> HeldOut | None:
    """What FLICKR8K or MULTI30K holds out; None, and a note that says why, if it is not `wanted` or not there."""
    name, read = _SETS[other]
    held_out = read(tmp_dir) if wanted else None
    if held_out is None:
        why = f"no {other} in {tmp_dir}" if wanted else "leave_out_held_out is False"
        note(f"nothing is left out for joint training with {name}: {why}")
    return held_out


_SETS = {FLICKR8K: ("Flickr8k", held_out_by_flickr8k), MULTI30K: ("Multi30k", held_out_by_multi30k)}
