"""Your own pictures with captions, without a class; and what the problems of picture → text share."""

from __future__ import annotations

from collections.abc import Iterator

from t2t_mm import registry
from t2t_mm.data.features import Feature, Text
from t2t_mm.data.files.coco_captions import CaptionedPicture, CocoCaptions, find_coco, layout
from t2t_mm.data.files.splits import divided
from t2t_mm.data.files.text_lines import MOST_CHARACTERS
from t2t_mm.data.files.tfds_pictures import CaptionedDataset
from t2t_mm.errors import UserError
from t2t_mm.problems.picture_inputs import PictureInputs
from t2t_mm.problems.problem import Sample
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K


class ImageToText(PictureInputs):
    """Picture → one of its captions, an example each. A subclass writes `find_source`.

    Measures take all captions of a picture as its references (metrics/references.py). Missing splits are made of the
    training data; all captions of a picture are in one split.
    """

    command = "to-caption"
    metrics = ("caption_bleu", "rouge_l", "cider_d")
    vocabulary = MULTIMODEL_8K
    most_characters = MOST_CHARACTERS  # longer captions are left out

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": self.picture(), "targets": Text(self.vocabulary)}

    def find_source(self, tmp_dir: str) -> CocoCaptions | CaptionedDataset:
        """Where pictures and captions are; UserError that says what to put where if they are nowhere."""
        raise NotImplementedError

    def pictures(self, split: str, tmp_dir: str) -> Iterator[CaptionedPicture]:
        """The pictures of a split that has files."""
        return self.find_source(tmp_dir).pictures(split, self.most_characters)

    def check_sources(self, tmp_dir: str) -> None:
        source = self.find_source(tmp_dir)
        if isinstance(source, CocoCaptions):
            source.check()

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        def read(part: str) -> Iterator[CaptionedPicture]:
            return self.pictures(part, tmp_dir)

        items = divided(split, self.find_source(tmp_dir).splits, read, lambda item: item.name, self.name)
        return ({"inputs": item.picture, "targets": caption} for item in items for caption in item.captions)

    def sample_texts(self, tmp_dir: str) -> Iterator[str]:
        source = self.find_source(tmp_dir)
        if isinstance(source, CaptionedDataset):
            return source.captions("train", self.most_characters)
        return super().sample_texts(tmp_dir)


@registry.register_problem("files_image2text")
class FilesImage2text(ImageToText):
    """Picture → caption from your files: COCO's JSON of captions, and the pictures in folders beside it.

    Reads `<tmp_dir>/<problem name>/`: annotations/captions_train.json (or with a year) and, if they are there, those of
    val and test; the pictures in train/, train2014/, images/ or whatever folder they are in. A picture may have any
    number of captions. Missing splits are made of the training data, by a hash of the pictures' names. Pictures that
    are missing or damaged, and blank captions, are left out and listed.
    """

    vocabulary = "subwords:files"

    def find_source(self, tmp_dir: str) -> CocoCaptions:
        folder = self.source_path(tmp_dir)
        if not folder.is_dir():
            raise UserError(f"{self.registered_name} reads pictures and captions in COCO's format from {folder}, which "
                            f"does not exist. Put there {layout(folder)}; or name the folder above with --tmp_dir.")
        return find_coco(folder)
