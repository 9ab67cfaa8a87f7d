"""The docs tell the truth: their files and commands work as they stand, and what they name is there."""

import ast
import functools
import json
import os
import re
import subprocess
import sys

import doc_blocks
import numpy as np
import pytest
from doc_blocks import PAGES, ROOT

from t2t_mm import registry

DOCS = ROOT / "docs"
NEW_PROBLEM, NEW_MODEL = DOCS / "new_problem.md", DOCS / "new_model.md"
OTHERS_FLAGS = {"logdir"}  # of programs that are not ours
page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def registry_as_it_was():
    with registry.temporary():
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the reader stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(path) -> list[str]:
    """The lines of a page's outputs that are the same in every run: no timings, nothing left out."""
    text = "".join(block.text for block in doc_blocks.blocks(path) if block.language == "text")
    return [line for line in text.splitlines() if line.strip() and "…" not in line]


# What pages name.

@page
def test_links_and_paths_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert [link for link in links if not (path.parent / link).exists()] == []
    named = re.findall(r"`((?:t2t_mm|tests|docs|bin|\.ci)/[\w./]*)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@page
def test_every_flag_named_is_one_of_a_program(path):
    from importlib import import_module

    known = {name for module in doc_blocks.MODULES.values()
             for name in import_module(f"t2t_mm.cli.{module}").define().flags}
    named = set(re.findall(r"(?<![\w-])--([a-z][\w]*)", path.read_text(encoding="utf-8")))
    assert named - known - OTHERS_FLAGS == set()


@functools.cache
def messages() -> tuple[str, ...]:
    """Every text in the package's source, its holes as "\\0"."""
    found = []
    for path in (ROOT / "t2t_mm").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return tuple(found)


def test_the_messages_quoted_are_those_of_the_programs():
    quoted = re.findall(r'\*\*"(.+?)"\*\*', (DOCS / "troubleshooting.md").read_text(encoding="utf-8"))
    patterns = {quote: ".*".join(re.escape(part.strip()) for part in quote.strip(".").split("...")) for quote in quoted}
    assert len(quoted) > 4
    assert [q for q, pattern in patterns.items() if not any(re.search(pattern, m, re.S) for m in messages())] == []


def test_the_overview_has_every_room_on_its_floor():
    from test_house import FLOORS

    rows = re.findall(r"^\| (\d) \| (.+?) \|", (DOCS / "overview.md").read_text(encoding="utf-8"), re.M)
    listed = {room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}
    assert listed == {room: floor for room, floor in FLOORS.items() if room != "__init__"}


@pytest.mark.parametrize("model, hparams_set", [("multimodel", "multimodel_tiny"), ("transformer", "transformer_tiny")])
def test_the_sizes_are_those_of_built_models(model, hparams_set):
    from t2t_mm.cli.demo import PROBLEMS

    problems = [registry.problem(name) for name in PROBLEMS]
    built = registry.model(model)(problems, {"subwords:demo": 8192}, registry.hparams(hparams_set))
    built.build_variables()
    groups = built.parameter_groups()
    row = next(line for line in (DOCS / "multimodel.md").read_text(encoding="utf-8").splitlines()
               if line.startswith(f"| `{hparams_set}`"))
    numbers = [int(cell.replace(",", "")) for cell in row.split("|")[4:8]]
    assert numbers == [sum(groups.values()), *(groups[part] for part in ("encoder", "decoder",
                                                                         "door_language_subwords_demo"))]


# What pages do.

@page
def test_every_command_can_be_typed(path, folder):
    doc_blocks.write_files(path, folder)
    for command in doc_blocks.commands(path):
        if command[0] in doc_blocks.MODULES:
            status, flags = doc_blocks.parse(command)
            assert status == 0, command
            if command[0] == "t2t-trainer" and flags is not None:
                from t2t_mm.cli import trainer
                from t2t_mm.experiment_names import resolve
                _, hparams, _ = resolve(flags.problem, flags.model, flags.hparams_set, flags.hparams, flags.modality)
                assert flags.dry_run or trainer.train_steps(flags, hparams) > 0
        else:
            assert command[0] == "python" and (folder / command[1]).is_file()


def test_the_new_problem_generates_what_its_page_shows(folder, capsys, monkeypatch):
    from t2t_mm.cli import datagen
    from t2t_mm.data.manifest import read_manifest

    monkeypatch.setenv("COLUMNS", "80")
    doc_blocks.write_files(NEW_PROBLEM, folder)
    for name, *argv in doc_blocks.commands(NEW_PROBLEM):
        if name == "python":
            subprocess.run([sys.executable, *argv], check=True)
        elif name == "t2t-datagen":
            assert datagen.main(argv) == 0
    printed = capsys.readouterr().out
    rows = [line for line in shown(NEW_PROBLEM) if line.startswith("│")]
    assert rows and [row for row in rows if row not in printed] == []
    counts = [read_manifest("data", name).splits["train"].count for name in ("dates_iso", "dates_iso_rev")]
    assert counts[0] == counts[1] > 3000


def test_no_date_of_the_new_problem_is_in_two_splits(folder):
    doc_blocks.write_files(NEW_PROBLEM, folder)
    subprocess.run([sys.executable, "make_dates.py"], check=True)
    registry.import_usr_dir("my_problems.py")
    problem = registry.problem("dates_iso")
    dates = {split: {sample["targets"] for sample in problem.generate(split, "")} for split in problem.splits}
    assert sum(map(len, dates.values())) == len(set().union(*dates.values())) == 4000


# The laws that the new model keeps.

@pytest.fixture(scope="module")
def convseq(tmp_path_factory):
    """The model of the page on a text problem, its variables far from their first values."""
    from layer_cases import scattered
    from toy_problems import toy

    place = tmp_path_factory.mktemp("new_model")
    doc_blocks.write_files(NEW_MODEL, place)
    with registry.temporary():
        registry.import_usr_dir(str(place / "my_models.py"))
        hparams = registry.hparams("convseq_tiny").override("hidden_size=16,num_heads=2,layers=2")
        problems = [toy(name) for name in ("toy_text_to_text", "toy_image_to_text", "toy_text_to_label")]
        model = registry.model("convseq")(problems, {"bytes": 258}, hparams)
    model.build_variables()
    return scattered(model)


def text_batch(rows=2, inputs=7, targets=9):
    rng = np.random.default_rng(1)
    return {"inputs": rng.integers(2, 258, (rows, inputs)).astype("int32"),
            "targets": rng.integers(2, 258, (rows, targets)).astype("int32")}


def test_no_output_of_the_new_model_sees_the_future(convseq):
    batch = text_batch()
    before = np.asarray(convseq.call(batch, "toy_text_to_text").logits)
    for t in range(batch["targets"].shape[1]):
        targets = batch["targets"].copy()
        targets[:, t] = 2 + (targets[:, t] + 7) % 256
        after = np.asarray(convseq.call({**batch, "targets": targets}, "toy_text_to_text").logits)
        np.testing.assert_allclose(after[:, :t + 1], before[:, :t + 1], rtol=1e-4, atol=1e-4)
        assert t == len(targets[0]) - 1 or np.abs(after[:, t + 1] - before[:, t + 1]).max() > 1e-3


@pytest.mark.parametrize("problem", ["toy_text_to_text", "toy_image_to_text"])
def test_a_step_of_the_new_model_equals_its_call(convseq, problem):
    batch = text_batch()
    if problem == "toy_image_to_text":
        batch["inputs"] = np.random.default_rng(2).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    whole = np.asarray(convseq.call(batch, problem).logits)
    source = convseq.encode(batch, problem)
    memory, state = convseq.memory(source, problem), convseq.initial_state(source, batch["targets"].shape[1])
    ids = np.full(2, -1, "int32")
    for t in range(batch["targets"].shape[1]):
        logits, state = convseq.step(ids, state, problem, memory)
        np.testing.assert_allclose(logits, whole[:, t], rtol=1e-3, atol=1e-3)
        ids = batch["targets"][:, t]


@pytest.mark.parametrize("problem", ["toy_text_to_text", "toy_text_to_label"])
def test_padding_changes_nothing_for_the_new_model(convseq, problem):
    batch = text_batch()
    if problem == "toy_text_to_label":
        batch["targets"] = np.array([0, 1], "int32")
    before = np.asarray(convseq.call(batch, problem).logits)
    padded = {**batch, "inputs": np.pad(batch["inputs"], [[0, 0], [0, 6]])}
    np.testing.assert_allclose(convseq.call(padded, problem).logits, before, rtol=1e-3, atol=1e-3)


# The pages followed to the end.

def follow(path, folder) -> str:
    """Does what the page says, one block after the other; returns what the programs printed."""
    doc_blocks.write_files(path, folder)
    programs = os.pathsep.join([os.path.dirname(sys.executable), str(ROOT / "bin"), os.environ["PATH"]])
    script = "".join(block.text for block in doc_blocks.blocks(path) if block.language == "bash")
    done = subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=1200,
                          env={**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_new_problem_is_learned(folder):
    printed = follow(NEW_PROBLEM, folder).splitlines()
    figures = json.loads((folder / "run" / "eval-dev.json").read_text(encoding="utf-8"))["problems"]["dates_iso"]
    assert figures["decoded"]["exact_match"] > 0.8
    assert figures["teacher_forced"]["token_accuracy"] > figures["baseline"]["accuracy"] + 0.3
    assert {"1999-07-05", "2020-12-24"} <= set(printed)


@pytest.mark.slow
def test_the_search_compares_its_trials(folder):
    page = DOCS / "search.md"
    printed = follow(page, folder)
    table = [line for line in shown(page) if not line.startswith("search/")]  # rows are not the same everywhere
    assert len(table) == 3 and [line for line in table if line not in printed] == []
    rows = [line.split()[0] for line in printed.splitlines() if line.startswith("search/")]
    assert sorted(rows) == ["search/1", "search/2"]


@pytest.mark.slow
def test_the_warm_start_takes_over_what_its_page_says(folder):
    page = DOCS / "warm_start.md"
    printed = follow(page, folder)
    assert shown(page) and [line for line in shown(page) if line not in printed.splitlines()] == []


@pytest.mark.slow
def test_the_new_model_learns(folder):
    printed = follow(NEW_MODEL, folder)
    assert "5 1 4 1 3" in printed.splitlines()
    accuracy = re.findall(r"dev at step 100: .* image_digits ([\d.]+)%", printed)
    assert len(accuracy) == 1 and float(accuracy[0]) > 50
