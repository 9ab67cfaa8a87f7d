"""What README and docs/ hold that can be run: the fenced blocks of a page, and the commands in its bash blocks."""

import re
import shlex
import string
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from unittest import mock

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MODULES = {"t2t-datagen": "datagen", "t2t-trainer": "trainer", "t2t-decoder": "decoder", "t2t-eval": "evaluator",
           "t2t-report": "reporter", "t2t-compare": "comparer"}
_BLOCK = re.compile(r"(?:^`(?P<name>[\w.]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block; `name` is that of the file it is, if the line above it names one."""

    name: str | None
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [Block(**match.groupdict()) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def write_files(page: Path, folder: Path) -> list[str]:
    """Writes the page's files into `folder`, as a reader would; returns their names."""
    files = [block for block in blocks(page) if block.name]
    for block in files:
        (folder / block.name).write_text(block.text, encoding="utf-8")
    return [block.name for block in files]


def commands(page: Path) -> list[list[str]]:
    """The commands of the page's bash blocks as argument lists; `name=value` lines are filled in for `$name`."""
    found = []
    for block in blocks(page):
        if block.language == "bash":
            found += _commands_of(block.text)
    return found


def _commands_of(text: str) -> list[list[str]]:
    values: dict[str, str] = {}
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(string.Template(line).substitute(values), comments=True)
        if len(words) == 1 and re.match(r"\w+=", words[0]):
            name, _, values[name] = words[0].partition("=")
        elif words:
            assert not {"|", ">", "<", "&&", ";"} & set(words), f"the tests read plain commands only: {line}"
            found.append(words)
    return found


def parse(command: list[str]) -> tuple[int, object | None]:
    """(exit status, flags) of a program of ours that reads its flags, checks their names, and does nothing more."""
    program, *argv = command
    module = import_module(f"t2t_mm.cli.{MODULES[program]}")
    seen = []
    with mock.patch.object(module, "work", lambda flags, *_: seen.append(flags)):
        return module.main(argv), seen[0] if seen else None
