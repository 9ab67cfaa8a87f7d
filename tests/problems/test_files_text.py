"""Laws of your own texts and trees, and of the treebanks: layouts, made splits, subclasses, errors with a cure."""

from pathlib import Path

import pytest

from t2t_mm import registry
from t2t_mm.data.files.skipped import FILE_NAME, collect_skipped
from t2t_mm.data.manifest import read_manifest
from t2t_mm.datagen import generate
from t2t_mm.errors import UserError
from t2t_mm.metrics.bracketing import score_brackets
from t2t_mm.problems.files_text2text import FilesText2text
from t2t_mm.problems.files_text2tree import FilesText2tree

SHARED = Path(__file__).parents[3] / "shared" / "data"
TREE = "( (S (NP-SBJ (-NONE- *)) (NP (DT the) (NN {})) (VP (VBZ barks))))\n"


def numbered(word, count=40):
    return "".join(f"{word} {number}\n" for number in range(count))


def samples(problem, tmp_dir):
    problem = registry.problem(problem) if isinstance(problem, str) else problem
    return {split: list(problem.generate(split, tmp_dir)) for split in problem.splits}


def test_pairs_of_lines_need_a_training_split_only(files):
    folder = files({"files_text2text/train.source": numbered("in"), "files_text2text/train.target": numbered("out")})
    found = samples("files_text2text", folder)
    assert [len(found[split]) for split in ("train", "dev", "test")] == [36, 2, 2]
    for sample in sum(found.values(), []):
        assert sample["inputs"].replace("in", "out") == sample["targets"]


def test_given_splits_are_used_whatever_they_are_called(files):
    folder = files({f"files_text2text/{split}.{side}": f"{split} {side}\n" * 3
                    for split in ("train", "valid", "test") for side in ("source", "target")})
    found = samples("files_text2text", folder)
    assert [split[0]["inputs"] for split in found.values()] == ["train source", "valid source", "test source"]


def test_a_text_is_never_paired_with_one_of_another_name(files):
    folder = files({f"files_text2text/{name}": f"{name}\n" * 3 for name in (
        "train.source", "train.target", "val.source", "val.target", "dev.source", "test.source", "test.target")})
    with pytest.raises(UserError, match="dev.source has no counterpart: there must be dev.target"):
        registry.problem("files_text2text").check_sources(folder)


@pytest.mark.parametrize("contents, message", [
    ({}, "files_text2text reads train.source and train.target .* does not exist"),
    ({"files_text2text/train.src": "a"}, "which has train.src"),
    ({"files_text2text/train.source": "a"}, "train.source has no counterpart.*train.target"),
    ({"files_text2text/train.source": "a\n", "files_text2text/train.target": "a\nb\n"}, "train.source has 1, .*has 2")])
def test_wrong_layouts_are_errors_before_any_work(contents, message, files):
    folder = files(contents)
    with pytest.raises(UserError, match=message):
        generate([registry.problem("files_text2text")], f"{folder}/data", folder, 300)
    assert not Path(folder, "data").exists()


def test_messy_files_are_generated_and_what_is_left_out_is_listed(files):
    source = b"\xef\xbb\xbf" + numbered("in").replace("\n", "\r\n").encode() + b"\n\xff\n" + b"x" * 6000 + b"\n"
    target = numbered("out").encode() + b"a\nb\nc\n\n\n"
    folder = files({"files_text2text/train.source": source, "files_text2text/train.target": target})
    said = []
    (manifest,) = generate([registry.problem("files_text2text")], f"{folder}/data", folder, 300, say=said.append)
    assert sum(split.count for split in manifest.splits.values()) == 40 and sum(manifest.dropped.values()) == 3
    lines = Path(folder, "data", "files_text2text", FILE_NAME).read_text().splitlines()
    where = f"{folder}/files_text2text/train.source"
    assert lines == [f"{where}:41: blank line", f"{where}:42: broken characters (not UTF-8)",
                     f"{where}:43: longer than 5,000 characters"]
    assert any("made of the training data" in message for message in said)
    assert read_manifest(f"{folder}/data", "files_text2text").notes == manifest.notes


@pytest.mark.parametrize("splits", [("train",), ("train", "dev", "test")])
@pytest.mark.parametrize("text, says", [
    ("Käse {}\n".encode("cp1252"), "500 left out, broken characters .*train.source:1, .*\n.*iconv -f CP1252"),
    (b"cheese {}\r", "1 left out, longer than 5,000 .*|carriage returns.* tr ")])
def test_files_without_a_usable_line_are_an_error_that_says_why(splits, text, says, files):
    content = b"".join(text.replace(b"{}", b"%d" % number) for number in range(500))
    folder = files({f"files_text2text/{split}.{side}": content for split in splits for side in ("source", "target")})
    with pytest.raises(UserError, match=f"What was said on the way:(.|\n)*({says})"):
        generate([registry.problem("files_text2text")], f"{folder}/data", folder, 300, say=lambda message: None)


def test_a_subclass_is_another_data_set_in_its_own_folder(files):
    folder = files({"letters/train.en": numbered("in"), "letters/train.de": numbered("out"),
                    "my_trees/a.mrg": "".join(TREE.format(f"dog{number}") for number in range(40))})
    with registry.temporary():
        @registry.register_problem("letters")
        class Letters(FilesText2text):
            """English letters → German letters."""

            command, source, target = "to-german", "en", "de"

        @registry.register_problem("my_trees")
        class MyTrees(FilesText2tree):
            """Trees of my own."""

        assert len(samples("letters", folder)["train"]) == len(samples("my_trees", folder)["train"]) == 36
        with pytest.raises(UserError, match="letters reads train.en and train.de"):
            registry.problem("letters").check_sources(f"{folder}/letters")
    assert Letters.command == "to-german" and MyTrees.vocabulary == Letters.vocabulary == "subwords:files"


def test_trees_of_one_or_many_files_are_divided_by_their_words(files):
    trees = [TREE.format(f"dog{number}") for number in range(40)]
    folder = files({"files_text2tree/many.mrg": "".join(trees[:38]), "files_text2tree/x/one.txt": trees[38],
                    "files_text2tree/two.trees": trees[39] + "(S (NN broken)\n"})
    with collect_skipped() as skipped:
        found = samples("files_text2tree", folder)
    assert [len(split) for split in found.values()] == [36, 2, 2]
    assert skipped.counts == {"a bracket is not closed": 1}
    assert found["dev"][0]["targets"] == "(S (NP DT NN )NP (VP VBZ )VP )S"
    assert found["dev"][0]["inputs"].startswith("the dog")


def test_trees_that_are_written_can_be_scored(files):
    folder = files({"files_text2tree/a.mrg": "".join(TREE.format(f"dog{number}") for number in range(40))})
    trees = [sample["targets"] for sample in samples("files_text2tree", folder)["train"]]
    assert score_brackets(trees, trees)["bracket_f1"] == 100


def test_trees_that_are_read_back_are_measured_as_texts():
    assert registry.problem("files_text2tree").metrics == ("brackets", "exact_match")
    assert registry.problem("files_text2tree_rev").metrics == registry.problem("parse_wsj_copy").metrics == (
        "bleu", "exact_match")


def test_the_sections_of_the_treebank_are_its_splits(files):
    numbers = (101, 200, 2199, 2200, 2299, 2300, 2399, 2400)
    contents = {f"wsj/{number // 100:02}/wsj_{number:04}.mrg": TREE.format(f"file{number}") for number in numbers}
    found = samples("parse_wsj", files(contents))
    assert {split: [sample["inputs"].split()[1] for sample in part] for split, part in found.items()} == {
        "train": ["file200", "file2199"], "dev": ["file2200", "file2299"], "test": ["file2300", "file2399"]}


def test_missing_sections_and_doubled_files_are_errors(files):
    folder = files({"wsj/02/wsj_0201.mrg": TREE})
    with pytest.raises(UserError, match=r"1 .mrg files, but none of wsj_2200-2299 \(dev\), wsj_2300-2399 \(test\)"):
        registry.problem("parse_wsj").check_sources(folder)
    files({"wsj/copy/wsj_0201.mrg": TREE})
    with pytest.raises(UserError, match="wsj_0201.mrg is there twice"):
        registry.problem("parse_wsj").check_sources(folder)


def test_the_sample_of_the_treebank_has_all_its_trees():
    if not (SHARED / "ptb_sample").is_dir():
        pytest.skip("the shared data ptb_sample are not here")
    with collect_skipped() as skipped:
        found = samples("parse_ptb_sample", str(SHARED))
    assert [len(split) for split in found.values()] == [35_494, 273, 245] and not skipped.counts
    trees = [sample["targets"] for sample in found["test"]]
    assert score_brackets(trees, trees)["bracket_complete_match"] == 100
    for sample in found["dev"]:
        words = [token for token in sample["targets"].split() if token[0] not in "()"]
        assert len(words) == len(sample["inputs"].split())


def test_the_sets_of_the_docs_generate(files, tmp_path):
    import doc_blocks

    folder = files({"letters_ende/train.en": numbered("in"), "letters_ende/train.de": numbered("out"),
                    "old_treebank/a.mrg": "".join(TREE.format(f"dog{number}") for number in range(40))})
    names = doc_blocks.write_files(doc_blocks.ROOT / "docs" / "native_data.md", tmp_path)
    with registry.temporary():
        for name in names:
            registry.import_usr_dir(str(tmp_path / name))
        assert len(samples("letters_ende_rev", folder)["train"]) == len(samples("old_treebank", folder)["train"]) == 36
        assert not registry.problem("translate_ende_multi30k_whole").leave_out_held_out
