"""Classification of photographs: ImageNet, ILSVRC 2012 (Russakovsky et al. 2015, arXiv:1409.0575)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from t2t_mm import registry
from t2t_mm.data import images
from t2t_mm.data.files.class_folders import ClassFolders, LabelledPicture, find_class_folders
from t2t_mm.data.files.tfds_pictures import LabelledDataset
from t2t_mm.data.files.tfds_reader import FOLDER, is_prepared, prepared_folder
from t2t_mm.errors import UserError
from t2t_mm.problems.files_image2label import ImageToLabel

_FOLDERS = ("imagenet", "imagenet2012")
_DATASET = "imagenet2012"
_ARCHIVES = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")


@registry.register_problem("image_imagenet")
class ImageImagenet(ImageToLabel):
    """Photograph → one of 1,000 classes: ImageNet, about 1.28 million pictures, one of the paper's problems.

    Reads `<tmp_dir>/imagenet/` (or imagenet2012): train/<class>/*.JPEG and val/<class>/*.JPEG, whatever the classes
    are; else TFDS's `imagenet2012`. As in papers, figures are of the 50,000 validation pictures: they are the split
    test, for the labels of ImageNet's own test set are not given. Dev is 1 % of the training data, by a hash of the
    files' names. If there is a folder test as well, val is dev.

    Seen at 224 px. Training: a random part of 8 to 100 % of the picture, mirrored half of the time (Szegedy et al.
    2015, arXiv:1409.4842); evaluation: the middle of the picture, its shorter side 256 px.
    """

    command = "to-class-imagenet"
    side = 224
    share = 0.01
    shards = {"train": 64, "dev": 1, "test": 4}

    def find_source(self, tmp_dir: str) -> ClassFolders | LabelledDataset:
        folder = next((path for path in (Path(tmp_dir, name) for name in _FOLDERS)
                       if path.is_dir() and not is_prepared(path)), None)
        if folder is not None:
            found = find_class_folders(folder)
            splits = dict(found.splits)
            if "dev" in splits and "test" not in splits:
                splits["test"] = splits.pop("dev")
            return ClassFolders(splits, found.classes)
        self._check_dataset(tmp_dir)
        return LabelledDataset(_DATASET, {"train": "train", "test": "validation"}, tmp_dir)

    def divided_by(self, item: LabelledPicture) -> str:
        return item.name

    def augment(self, picture: Any, seed: Any) -> Any:
        seeds = images.split_seed(seed, 2)
        return images.random_flip(images.random_resized_crop(picture, self.side, self.side, seeds[0]), seeds[1])

    def _check_dataset(self, tmp_dir: str) -> None:
        """TFDS cannot download ImageNet: it is prepared, or its archives are there."""
        archives = [Path(tmp_dir, FOLDER, "downloads", "manual", name) for name in _ARCHIVES]
        if prepared_folder(_DATASET, tmp_dir) is None and not all(path.is_file() for path in archives):
            folder = Path(tmp_dir, _FOLDERS[0])
            raise UserError(f"{self.registered_name} reads ImageNet (ILSVRC 2012) from {folder}: train/<class>/*.JPEG "
                            "and val/<class>/*.JPEG, also of a part of the classes. Or from TFDS's imagenet2012, if it "
                            f"is prepared in {Path(tmp_dir, FOLDER)}, or if {' and '.join(_ARCHIVES)} are in "
                            f"{archives[0].parent}. They are to be had at https://image-net.org, with an account; or "
                            "name the folder above with --tmp_dir.")
