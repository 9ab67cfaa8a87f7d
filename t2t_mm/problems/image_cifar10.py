"""Classification of small photographs: CIFAR-10 (Krizhevsky 2009, "Learning Multiple Layers of Features")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from t2t_mm import registry
from t2t_mm.data import images
from t2t_mm.data.features import Image
from t2t_mm.data.files.class_folders import ClassFolders, find_class_folders
from t2t_mm.data.files.tfds_pictures import LabelledDataset
from t2t_mm.data.files.tfds_reader import check_available, is_prepared
from t2t_mm.problems.files_image2label import ImageToLabel

_FOLDERS = ("cifar10_jpg", "cifar10")
_HOST = "www.cs.toronto.edu"
_SHIFT = 4  # pixels


@registry.register_problem("image_cifar10")
class ImageCifar10(ImageToLabel):
    """Photograph of 32 px → one of ten classes: CIFAR-10, 50,000 train and 10,000 test pictures, 5,000 each class.

    Reads `<tmp_dir>/cifar10_jpg/` (or cifar10): train/<class>/*.jpg and test/<class>/*.jpg, all of them or a part;
    else TFDS's `cifar10`. Dev is made of the training data, by a hash of the files. Training pictures are augmented as
    usual: moved by up to 4 pixels each way, the rim grey, and mirrored (He et al. 2016, arXiv:1512.03385, section 4.2).
    """

    command = "to-class-cifar10"
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    side = 32

    def picture(self) -> Image:
        return Image(self.side, self.side, 3, "image_small")

    def find_source(self, tmp_dir: str) -> ClassFolders | LabelledDataset:
        folder = next((path for path in (Path(tmp_dir, name) for name in _FOLDERS)
                       if path.is_dir() and not is_prepared(path)), None)
        if folder is not None:
            return find_class_folders(folder, self.classes)
        check_available("cifar10", tmp_dir, _HOST, self.registered_name, (
            f"It also reads pictures from {Path(tmp_dir, _FOLDERS[0])}: train/<class>/*.jpg and test/<class>/*.jpg "
            f"(or .png), the data of https://{_HOST}/~kriz/cifar.html."))
        return LabelledDataset("cifar10", {"train": "train", "test": "test"}, tmp_dir)

    def preprocess(self, tensors: dict[str, Any], training: bool, seed: Any) -> dict[str, Any]:
        """Moves and mirrors training pictures."""
        if not training:
            return tensors
        seeds = images.split_seed(seed, 2)
        moved = images.random_shift(tensors["inputs"], _SHIFT, seeds[0], background=0.0)
        return {**tensors, "inputs": images.random_flip(moved, seeds[1])}
