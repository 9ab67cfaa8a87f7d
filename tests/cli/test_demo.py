"""The demo runs the three programs with the flags it prints, once; then it shows what they found."""

from pathlib import Path

import pytest

from t2t_mm import registry
from t2t_mm.cli import datagen, demo, reporter, trainer


class Programs:
    """Stands for the three programs: notes what was run, and leaves a report."""

    def __init__(self, failing: str = ""):
        self.ran, self.failing = [], failing

    def __call__(self, name):
        def main(arguments):
            self.ran.append((name, arguments))
            if name == self.failing:
                return 2
            if name == "t2t-report":
                folder = Path(dict(a.split("=", 1) for a in arguments)["--output_dir"])
                folder.mkdir(parents=True, exist_ok=True)
                for suffix in ("html", "txt"):
                    (folder / f"report.{suffix}").write_text("WHAT IT LEARNED", encoding="utf-8")
            return 0

        return main


@pytest.fixture
def programs(monkeypatch):
    programs = Programs()
    monkeypatch.setattr(demo, "program", programs)
    return programs


def test_its_command_lines_are_accepted_by_the_programs():
    for (name, arguments), module in zip(demo.commands(Path("demo"), 10), (datagen, trainer, reporter), strict=True):
        flags = module.define().parse(arguments)
        assert name.startswith("t2t-") and flags is not None
    assert len(set(demo.PROBLEMS)) == 8 and set(demo.PROBLEMS) <= set(registry.names("problem"))


def test_weights_go_into_the_hparams_in_the_order_of_the_problems(monkeypatch):
    monkeypatch.setattr(demo, "HPARAMS", {"dropout": "0.2"})
    monkeypatch.setattr(demo, "MIXING", {name: k + 1.0 for k, name in enumerate(reversed(demo.PROBLEMS))})
    hparams = registry.hparams(demo.HPARAMS_SET).override(demo.hparams())
    assert hparams.dropout == 0.2 and hparams.mixing == "weights"
    assert hparams.mixing_weights == (8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)


def test_it_runs_once_and_then_shows(programs, tmp_path, capsys):
    arguments = [f"--dir={tmp_path / 'demo'}", "--train_steps=5"]
    assert demo.main(arguments) == 0
    assert [name for name, _ in programs.ran] == ["t2t-datagen", "t2t-trainer", "t2t-report"]
    assert capsys.readouterr().out.count("$ t2t-") == 3
    assert demo.main(arguments) == 0 and len(programs.ran) == 3
    shown = capsys.readouterr().out
    assert "Already trained" in shown and "WHAT IT LEARNED" in shown and "report.html" in shown
    assert demo.main([arguments[0], "--train_steps=6"]) == 0 and len(programs.ran) == 6


@pytest.mark.parametrize("failing,runs", [("t2t-datagen", 1), ("t2t-trainer", 2), ("t2t-report", 3)])
def test_a_program_that_fails_ends_it_and_the_next_start_goes_on(programs, tmp_path, failing, runs):
    programs.failing = failing
    assert demo.main([f"--dir={tmp_path}"]) == 2 and len(programs.ran) == runs
    programs.failing = ""
    assert demo.main([f"--dir={tmp_path}"]) == 0 and len(programs.ran) == runs + 3


def test_a_lost_report_is_made_again(programs, tmp_path):
    demo.main([f"--dir={tmp_path}"])
    (tmp_path / "run" / "report.html").unlink()
    assert demo.main([f"--dir={tmp_path}"]) == 0 and len(programs.ran) == 6
