"""The README tells the truth: its table is the registry, its commands are the demo's, its examples work."""

import re
from pathlib import Path

import doc_blocks
import pytest
from doc_blocks import ROOT

from t2t_mm import registry
from t2t_mm.cli import demo

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
KINDS = {"problem": "problem", "mixture": "mixture", "model": "model", "modality": "modality", "hparams set": "hparams",
         "ranged hparams set": "ranged_hparams"}
FOLDERS = ("data_dir", "output_dir", "tmp_dir")
COMMANDS = doc_blocks.commands(README)


@pytest.mark.parametrize("kind", KINDS)
def test_the_box_holds_what_is_registered(kind):
    listed = re.findall(rf"^\| {kind} \| `(\w+)` \|", TEXT, re.M)
    with registry.temporary():
        assert sorted(listed) == list(registry.names(KINDS[kind]))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command)[:60])
def test_the_flags_and_names_of_every_command_exist(command):
    status, _ = doc_blocks.parse(command)
    assert status == 0


def without_folders(argv):
    """The flags but for where things lie, and those that say nothing."""
    return {flag for flag in argv if flag.split("=")[0].lstrip("-") not in FOLDERS and not flag.endswith("=")}


@pytest.mark.parametrize("program", ["t2t-datagen", "t2t-trainer"])
def test_the_eight_by_hand_have_the_flags_of_the_demo(program):
    by_hand = next(argv for name, *argv in COMMANDS if name == program)
    by_demo = dict(demo.commands(Path("demo"), demo.TRAIN_STEPS))[program]
    assert without_folders(by_hand) == without_folders(by_demo)
    assert {"data", "run", "tmp"} >= {flag.split("=")[1] for flag in set(by_hand) - without_folders(by_hand)}


def test_the_third_command_decodes_with_the_run_of_the_second():
    first_three = [command[0] for command in COMMANDS[:3]]
    assert first_three == ["t2t-datagen", "t2t-trainer", "t2t-decoder"]
    _, flags = doc_blocks.parse(COMMANDS[1])
    assert f"--output_dir={flags.output_dir}" in COMMANDS[2]
    assert next(word for word in COMMANDS[2] if word.startswith("--problem=")).split("=")[1] in flags.problem


def test_the_results_are_of_the_eight_problems():
    table = re.search(r"<!-- results -->\n(.*?)<!-- /results -->", TEXT, re.S)[1].strip().splitlines()
    assert [cell.strip() for cell in table[0].strip("|").split("|")] == [
        "problem", "joint model dev token accuracy", "trivial baseline", "decoded measure"]
    named = [re.match(r"\| `?(\w+)", row)[1] for row in table[2:]]
    assert named in ([], list(demo.PROBLEMS))


def test_figures_of_open_sets_are_those_of_the_experiments():
    row = r"^\| (`\w+` \| \w+, \w+ \| [\d,]+ \| [^|]+ \| [\d.]+) \|"
    told, measured = (set(re.findall(row, text, re.M)) for text in (
        TEXT, (ROOT / "experiments" / "baselines.md").read_text(encoding="utf-8")))
    assert told and told == measured


def test_make_knows_the_targets_that_the_readme_names():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"`make ([\w-]+)", TEXT))
    assert {"demo", "test"} <= named <= targets


def test_the_problem_of_the_readme_registers_and_generates(tmp_path):
    (example,) = [block.text for block in doc_blocks.blocks(README) if block.language == "python"]
    (tmp_path / "my_problems.py").write_text(example, encoding="utf-8")
    with registry.temporary():
        registry.import_usr_dir(str(tmp_path / "my_problems.py"))
        problem = registry.problem("echo_words")
        samples = {split: list(problem.generate(split, "")) for split in problem.splits}
    assert all(samples.values())
    for sample in sum(samples.values(), []):
        assert set(sample) == set(problem.features) and sample["targets"].split() == [sample["inputs"]] * 2
