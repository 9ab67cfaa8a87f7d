"""t2t-datagen writes whole data or nothing, keeps what is there, and says what it did."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import pytest

from t2t_mm.cli import datagen
from t2t_mm.data.manifest import read_manifest

PROBLEM = "algorithmic_sort"


def generate(data_dir, *more, problem=PROBLEM) -> int:
    return datagen.main([f"--problem={problem}", f"--data_dir={data_dir}", f"--tmp_dir={data_dir}/../tmp",
                         "--num_processes=1", *more])


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def test_it_prints_what_the_manifest_says_and_does_not_work_twice(tmp_path, capsys):
    data_dir = tmp_path / "data"
    assert generate(data_dir) == 0
    shown = capsys.readouterr().out
    manifest = read_manifest(data_dir, PROBLEM)
    for split in ("train", "dev", "test"):
        assert split in shown and f"{manifest.count(split):,}" in shown
    assert PROBLEM in shown and str(manifest.split("train").lengths["targets"]["longest"]) in shown
    times = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")}
    assert generate(data_dir) == 0
    assert {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")} == times
    before = contents(data_dir)
    assert generate(data_dir, "--overwrite") == 0
    assert contents(data_dir).keys() == before.keys()
    assert {k: v for k, v in contents(data_dir).items() if k.endswith(".tfrecord")} == \
        {k: v for k, v in before.items() if k.endswith(".tfrecord")}


@pytest.mark.parametrize("arguments,words", [
    ([], ["--problem", "--data_dir"]),
    (["--problem=algorithmic_srt", "--data_dir=x"], ["algorithmic_srt", "'algorithmic_sort'"]),
    (["--problem=algorithmic_sort", "--data_dir=x", "--num_processes=0"], ["num_processes"]),
    (["--problem=algorithmic_sort", "--data_dir=x", "--vocabulary_size=2"], ["vocabulary_size"]),
    (["--problem=algorithmic_addition_rev", "--data_dir=x"], ["algorithmic_addition_rev"]),
])
def test_a_wrong_flag_is_refused(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert datagen.main(arguments) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words), error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("problem,module", [("image_digits", "sklearn"), ("caption_glyphs", "matplotlib"),
                                            ("speech_codes", "captcha")])
def test_a_missing_demo_package_is_named_before_anything_is_written(problem, module, capsys, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == module else find(name, *rest))
    assert generate(tmp_path / "data", problem=f"{PROBLEM},{problem}") == 2
    error = capsys.readouterr().err
    assert problem in error and module in error and "pip install" in error and "[demo]" in error
    assert not (tmp_path / "data").exists()


def test_what_breaks_in_the_middle_leaves_nothing_half_written(capsys, tmp_path):
    own = tmp_path / "own.py"
    own.write_text('''
"""A problem that breaks."""
from t2t_mm import registry
from t2t_mm.data.features import Text
from t2t_mm.errors import UserError
from t2t_mm.problems.problem import Problem


@registry.register_problem("broken_in_the_middle")
class Broken(Problem):
    """Two good samples, then an error."""
    command = "to-nothing"

    def define_features(self):
        return {"inputs": Text("bytes"), "targets": Text("bytes")}

    def samples(self, split, tmp_dir):
        yield {"inputs": "a", "targets": "b"}
        if split == "dev":
            raise UserError("the file of the dev split is broken; fetch it again")
''', encoding="utf-8")
    from t2t_mm import registry

    with registry.temporary():
        assert generate(tmp_path / "data", f"--t2t_usr_dir={own}", problem="broken_in_the_middle") == 2
    assert "fetch it again" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and "vocabularies" not in path.parts]
