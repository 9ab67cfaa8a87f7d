"""Your own pictures in folders of classes, without a class of Python; and what problems of picture → class share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from t2t_mm import registry
from t2t_mm.data.features import Feature, Label
from t2t_mm.data.files.class_folders import ClassFolders, LabelledPicture, find_class_folders, layout
from t2t_mm.data.files.picture_files import fingerprint
from t2t_mm.data.files.splits import SHARE, divided
from t2t_mm.data.files.tfds_pictures import LabelledDataset
from t2t_mm.errors import UserError
from t2t_mm.problems.picture_inputs import PictureInputs
from t2t_mm.problems.problem import Sample


class ImageToLabel(PictureInputs):
    """Picture → class. A subclass writes `find_source`; splits that it has not are made of the training data."""

    metrics = ("accuracy",)
    classes: ClassVar[tuple[str, ...]] = ()  # their names; (): those that the source has when it is generated
    share = SHARE  # of the training data, of each split that is made of it

    def define_features(self) -> dict[str, Feature]:
        names = self.classes or self.facts.get("classes") or ("not known until t2t-datagen has run",)
        return {"inputs": self.picture(), "targets": Label(names)}

    def find_source(self, tmp_dir: str) -> ClassFolders | LabelledDataset:
        """Where the pictures are; UserError that says what to put where if they are nowhere."""
        raise NotImplementedError

    def divided_by(self, item: LabelledPicture) -> str:
        """What must not be in two splits, where splits are made by hash: by default the file's content."""
        return fingerprint(item.picture)

    def check_sources(self, tmp_dir: str) -> None:
        self.find_source(tmp_dir)

    def find_facts(self, tmp_dir: str) -> dict[str, Any]:
        return {} if self.classes else {"classes": list(self.find_source(tmp_dir).classes)}

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        source = self.find_source(tmp_dir)
        items = divided(split, source.splits, source.pictures, self.divided_by, self.name, self.share)
        return ({"inputs": item.picture, "targets": item.label} for item in items)


@registry.register_problem("files_image2label")
class FilesImage2label(ImageToLabel):
    """Picture → class from your folders: <class>/*.jpg, in folders train, dev and test or not.

    Reads `<tmp_dir>/<problem name>/`: train/<class>/ and, if they are there, dev (val, valid, validation) and test
    beside train; or <class>/ without splits. Missing splits are made of the training data, by a hash of the files.
    Classes are the names of the folders. Files that are no pictures, or damaged, are left out and listed.
    """

    command = "to-class"

    def find_source(self, tmp_dir: str) -> ClassFolders:
        folder = self.source_path(tmp_dir)
        if not folder.is_dir():
            raise UserError(f"{self.registered_name} reads pictures from {folder}, which does not exist. Put there "
                            f"{layout(folder)}; or name the folder above with --tmp_dir.")
        return find_class_folders(folder, self.classes)
