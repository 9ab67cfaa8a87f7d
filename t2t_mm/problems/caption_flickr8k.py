"""Descriptions of photographs: Flickr8k (Hodosh et al. 2013, doi:10.1613/jair.3994), five for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_mm import registry
from t2t_mm.data.files.coco_captions import CaptionedPicture, CocoCaptions, find_coco
from t2t_mm.data.files.held_out import FLICKR8K, MULTI30K, REASON, held_out_by
from t2t_mm.data.files.skipped import skip
from t2t_mm.errors import UserError
from t2t_mm.problems.files_image2text import ImageToText

_WHERE = "https://github.com/jbrownlee/Datasets/releases/tag/Flickr8k (pictures and Flickr8k.token.txt)"


@registry.register_problem("caption_flickr8k")
class CaptionFlickr8k(ImageToText):
    """Photograph → English description: Flickr8k, 6,000 train, 1,000 dev, 1,000 test pictures (non-commercial use).

    Reads `<tmp_dir>/flickr8k_coco/`: annotations/captions_{train,val,test}.json in COCO's format, the pictures in
    train/, val/ and test/. Where Multi30k lies beside it, training pictures that Multi30k holds out for dev or test are
    left out, so that joint training with translations sees no test sentence's picture; `leave_out_held_out = False`
    keeps them. Pictures are seen at 64 px, so that two CPU cores can train it.
    """

    side = 64
    leave_out_held_out = True

    def find_source(self, tmp_dir: str) -> CocoCaptions:
        folder = Path(tmp_dir, FLICKR8K)
        if not folder.is_dir():
            raise UserError(f"{self.registered_name} reads Flickr8k from {folder}, which does not exist. Put there "
                            "annotations/captions_train.json, captions_val.json and captions_test.json in COCO's "
                            f"format, and the pictures in train/, val/ and test/, from {_WHERE}; or name the folder "
                            "above with --tmp_dir.")
        return find_coco(folder)

    def pictures(self, split: str, tmp_dir: str) -> Iterator[CaptionedPicture]:
        source = self.find_source(tmp_dir)
        held_out = held_out_by(MULTI30K, tmp_dir, self.leave_out_held_out) if split == "train" else None
        for item in source.pictures(split, self.most_characters):
            if held_out and held_out.has(item.name, *item.captions):
                skip(REASON, source.splits[split], item.number, item.name)
            else:
                yield item
