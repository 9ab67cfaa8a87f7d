"""Your own bracketed trees, without a class; and what the parsing problems from files share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from t2t_mm import registry
from t2t_mm.data.features import Feature, Text
from t2t_mm.data.files.splits import divided
from t2t_mm.data.files.tree_files import find_tree_files, read_trees
from t2t_mm.data.files.tree_repair import balanced, over_words
from t2t_mm.data.files.trees import Tree, linearised, phrases
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Problem, Sample
from t2t_mm.problems.shared_vocabulary import MULTIMODEL_8K


class TextToTree(Problem):
    """Words → their tree, e.g. "The dog barks ." → "(S (NP DT NN )NP (VP VBZ )VP . )S". A subclass writes `find_files`.

    Linearised as in "Grammar as a Foreign Language" (Vinyals et al. 2015, arXiv:1412.7449, section 3): depth first,
    words give way to their tags; without traces, function tags and the bracket around the whole. `leaves = "XX"` writes
    "XX" for all tags but those of punctuation, as they do. What a model writes is mended: brackets that it forgets to
    close are closed, and leaves are aligned with the words, so that there is one for each.

    With `fewest_words`, for small treebanks, phrases of so many words in the training trees are examples too. With
    `leaves = "words"` the tree keeps its words, so that what is decoded can be read beside the text; it is scored
    alike (experiments/baselines.md compares both).
    """

    command = "to-parse-tree"
    metrics = ("brackets", "exact_match")
    vocabulary = MULTIMODEL_8K
    leaves = "tags"
    fewest_words: int | None = None  # of a phrase that is an example by itself; None: no phrase is

    def __init__(self, reverse: bool = False, copy: bool = False):
        super().__init__(reverse, copy)
        if reverse or copy:
            self.metrics = ("bleu", "exact_match")  # of words, or of trees that nobody mends

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Text(self.vocabulary), "targets": Text(self.vocabulary)}

    def find_files(self, tmp_dir: str) -> dict[str, list[Path]]:
        """Split → files of trees; splits without files are made of the training data. UserError if there are none."""
        raise NotImplementedError

    def check_sources(self, tmp_dir: str) -> None:
        self.find_files(tmp_dir)

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        files = self.find_files(tmp_dir)
        trees = divided(split, files, lambda part: read_trees(files[part]), _words, self.name)
        if split == "train" and self.fewest_words:
            trees = (part for tree in trees for part in (tree, *phrases(tree, self.fewest_words)))
        return map(self.sample_of, trees)

    def sample_of(self, tree: Tree) -> Sample:
        """Words, parted by blanks, and the tree over them."""
        return {"inputs": _words(tree), "targets": linearised(tree, self.leaves)}

    def postprocess(self, text: str, inputs: Mapping[str, str]) -> str:
        """All brackets closed, over the words of the input."""
        if self.reverse or self.copy:
            return text
        return over_words(balanced(text), inputs["inputs"].split(), self.leaves)


def _words(tree: Tree) -> str:
    return " ".join(leaf.children[0] for leaf in tree.leaves())


@registry.register_problem("files_text2tree")
class FilesText2tree(TextToTree):
    """Text → tree from your files of bracketed trees, one or many a file, on one line or many.

    Reads all of `<tmp_dir>/<problem name>/`: files (or folders) that are called train, dev (val, valid, validation) or
    test; what names no split is training data. Missing splits are made of the training data, by a hash of the words.
    Trees that are broken are left out and listed.
    """

    vocabulary = "subwords:files"

    def find_files(self, tmp_dir: str) -> dict[str, list[Path]]:
        folder = self.source_path(tmp_dir)
        if not folder.is_dir():
            raise UserError(f"{self.registered_name} reads files of bracketed trees like train.mrg from {folder}, "
                            "which does not exist. Put them there, or name the folder above with --tmp_dir.")
        return find_tree_files(folder)
