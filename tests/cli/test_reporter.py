"""t2t-report refuses what is no run before anything slow starts."""

import pytest

from t2t_mm.cli import reporter


@pytest.mark.parametrize("arguments,words", [
    ([], ["--output_dir"]),
    (["--output_dir=nowhere"], ["nowhere", "t2t-trainer"]),
    (["--output_dir=run", "--report_file=run"], ["--report_file", ".html"]),
    (["--output_dir=run", "--report_file=report.pdf"], ["report.pdf", ".html"]),
    (["--output_dir=run", f"--report_file={__file__}/a.html"], ["is a file, not a folder", "test_reporter.py"]),
    (["--output_dir=run", "--samples=-1"], ["samples"]),
    (["--output_dir=run", "--checkpoint=first"], ["checkpoint", "best", "latest"]),
])
def test_a_wrong_flag_is_refused(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "experiment.json").write_text("{}", encoding="utf-8")
    assert reporter.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("t2t-report: error: ") and all(word in error for word in words), error
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["experiment.json", "run"]
