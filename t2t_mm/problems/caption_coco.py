"""Descriptions of photographs: the COCO captions (Chen et al. 2015, arXiv:1504.00325), five for each."""

from __future__ import annotations

from pathlib import Path

from t2t_mm import registry
from t2t_mm.data.files.coco_captions import CocoCaptions, find_coco, layout
from t2t_mm.data.files.tfds_pictures import CaptionedDataset
from t2t_mm.data.files.tfds_reader import check_available, is_prepared
from t2t_mm.problems.files_image2text import ImageToText

_FOLDER = "coco"
_DATASET = "coco_captions/2014"
_HOST = "images.cocodataset.org"


@registry.register_problem("caption_coco")
class CaptionCoco(ImageToText):
    """Photograph → English description: COCO, about 120,000 pictures, one of the paper's problems.

    Reads `<tmp_dir>/coco/` as COCO gives it: annotations/captions_train2014.json and captions_val2014.json, the
    pictures in train2014/ and val2014/; or those of 2017. Val is dev, and test is made of the training data, by a hash
    of the pictures' names: COCO keeps the captions of its test set. Without that folder TFDS's `coco_captions` is read,
    with the splits of Karpathy and Li 2015 (arXiv:1412.2306): 113,287 train (restval among them), 5,000 dev, 5,000
    test pictures.
    """

    side = 224

    def find_source(self, tmp_dir: str) -> CocoCaptions | CaptionedDataset:
        folder = Path(tmp_dir, _FOLDER)
        if folder.is_dir() and not is_prepared(folder):
            return find_coco(folder)
        check_available(_DATASET, tmp_dir, _HOST, self.registered_name, (
            f"It also reads COCO's own files from {folder}: {layout(folder)}; they are train2014.zip, val2014.zip and "
            "annotations_trainval2014.zip of https://cocodataset.org/#download."))
        return CaptionedDataset(_DATASET, {"train": "train+restval", "dev": "val", "test": "test"}, tmp_dir)
