"""The manifest of a generated problem: what lies in its folder, made from what, and whether it is still whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import shlex
from collections.abc import Mapping
from pathlib import Path

from t2t_mm.data.records import Shard
from t2t_mm.errors import UserError, did_you_mean

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Split:
    """One split: its shards in reading order, and per record column how long its values are.

    `lengths`: column → {"unit": "ids" | "numbers" | "bytes", "mean": float, "longest": int}; ids include the EOS.
    """

    shards: tuple[Shard, ...]
    lengths: dict[str, dict]

    @property
    def count(self) -> int:
        return sum(shard.count for shard in self.shards)

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for shard in self.shards)

    @property
    def checksum(self) -> str:
        """Of its shards, in their order."""
        return hashlib.sha256(" ".join(shard.sha256 for shard in self.shards).encode()).hexdigest()[:12]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What `<data_dir>/<problem>/manifest.json` says, and where that is."""

    problem: str
    data_dir: str
    splits: dict[str, Split]
    features: dict[str, str]  # feature name → its declaration, `repr(feature)`
    vocabularies: dict[str, str]  # vocabulary key → checksum
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)  # reason → items left out, see skipped.txt
    notes: list[str] = dataclasses.field(default_factory=list)  # e.g. that a split is made by hash
    facts: dict = dataclasses.field(default_factory=dict)  # what the problem's features depend on, Problem.find_facts
    sources: str = ""  # the state of Problem.source_path, before it was read
    format_version: int = FORMAT_VERSION
    python_version: str = dataclasses.field(default_factory=platform.python_version)

    @property
    def folder(self) -> Path:
        return Path(self.data_dir, self.problem)

    def split(self, name: str) -> Split:
        """UserError if there is no such split."""
        if name not in self.splits:
            raise UserError(f"{self.problem} has no split {name!r}, only {', '.join(self.splits)}."
                            f"{did_you_mean(name, self.splits)}")
        return self.splits[name]

    def paths(self, split: str) -> list[str]:
        """The shard files of a split in reading order."""
        return [str(self.folder / shard.name) for shard in self.split(split).shards]

    def has(self, split: str) -> bool:
        """Whether there is such a split, and an example in it."""
        return split in self.splits and self.count(split) > 0

    def count(self, split: str) -> int:
        """How many examples a split has."""
        return self.split(split).count

    def to_json(self) -> str:
        """The text of manifest.json; it does not hold the folder it lies in, so that data may be moved."""
        fields = dataclasses.asdict(self)
        del fields["data_dir"]
        for name, split in self.splits.items():
            fields["splits"][name] = {"count": split.count, "bytes": split.bytes, **fields["splits"][name]}
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"


def command(problem: str, data_dir: str | os.PathLike, overwrite: bool = True) -> str:
    """The t2t-datagen command that generates a problem (again)."""
    data_dir = shlex.quote(os.fspath(data_dir))
    return f"t2t-datagen --problem={problem} --data_dir={data_dir}{' --overwrite' if overwrite else ''}"


def write_manifest(manifest: Manifest, folder: str | os.PathLike) -> None:
    """Writes manifest.json into `folder`."""
    Path(folder, FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")


def read_manifest(data_dir: str | os.PathLike, problem_name: str) -> Manifest:
    """The manifest of a generated problem; UserError if there is none or it cannot be read, with what to run."""
    path = Path(data_dir, problem_name, FILE_NAME)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format_version"] != FORMAT_VERSION:
            raise UserError(f"{path} has format version {fields['format_version']}; this program reads version "
                            f"{FORMAT_VERSION}. Generate again: {command(problem_name, data_dir)}")
        fields["splits"] = {name: _split(split) for name, split in fields["splits"].items()}
        return Manifest(data_dir=os.fspath(data_dir), **fields)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(_missing(data_dir, problem_name)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error!r}). "
                        f"Generate again: {command(problem_name, data_dir)}") from None


def _split(fields: dict) -> Split:
    return Split(shards=tuple(Shard(**shard) for shard in fields["shards"]), lengths=fields["lengths"])


def _missing(data_dir: str | os.PathLike, problem_name: str) -> str:
    there = sorted(path.parent.name for path in Path(data_dir).glob(f"[!.]*/{FILE_NAME}"))
    exists = f"has {', '.join(there)}" if there else "has no generated problem"
    return (f"There is no data for {problem_name} in {os.fspath(data_dir)!r}, which {exists}."
            f"{did_you_mean(problem_name, there)} Run: {command(problem_name, data_dir, overwrite=False)} (with "
            "--t2t_usr_dir, if the problem is your own, and --tmp_dir, if it reads files of yours). If the data have "
            "moved, name their folder with --data_dir.")


def check_files(manifest: Manifest, verify: bool = False) -> None:
    """UserError if a shard is missing or has another size than when it was written.

    Args:
        manifest: what should be there.
        verify: also read every shard and compare its sha256 (about a second per GB).
    """
    for split in manifest.splits.values():
        for shard in split.shards:
            wrong = _fault(manifest.folder / shard.name, shard, verify)
            if wrong:
                raise UserError(f"{manifest.folder / shard.name} {wrong}. "
                                f"Generate again: {command(manifest.problem, manifest.data_dir)}")


def _fault(path: Path, shard: Shard, verify: bool) -> str:
    """What is wrong with a shard, or ""."""
    if not path.is_file():
        return f"is missing (expected {shard.bytes} bytes)"
    size = path.stat().st_size
    if size != shard.bytes:
        return f"is {'truncated' if size < shard.bytes else 'changed'}: expected {shard.bytes} bytes, found {size}"
    if verify and file_checksum(path) != shard.sha256:
        return f"is changed: expected sha256 {shard.sha256}, found another at the same size of {size} bytes"
    return ""


def file_checksum(path: str | os.PathLike) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_features(problem) -> dict[str, str]:
    """Feature name → declaration: what must not change between generating and reading."""
    return {name: repr(feature) for name, feature in problem.features.items()}


def check_features(manifest: Manifest, problem) -> None:
    """UserError if the problem now declares other features than those its data was generated from."""
    if manifest.facts and manifest.facts != dict(problem.facts):  # those of a run
        raise UserError(f"The data of {problem.name} in {manifest.data_dir!r} have other {', '.join(manifest.facts)} "
                        f"than those that this run was trained on: {_shown(manifest.facts)} (data), "
                        f"{_shown(problem.facts)} (run). Train a new run on them, or name the folder of the run's own "
                        "data with --data_dir.")
    declared = describe_features(problem)
    if declared != manifest.features:
        changed = [f"{name}: {manifest.features.get(name, 'nothing')} (data), {declared.get(name, 'nothing')} (now)"
                   for name in [*declared, *(name for name in manifest.features if name not in declared)]
                   if manifest.features.get(name) != declared.get(name)]
        raise UserError(f"The features of {problem.name} have changed since its data was generated: "
                        f"{'; '.join(changed)}. Generate again: {command(problem.name, manifest.data_dir)}")


def _shown(facts: Mapping) -> str:
    text = json.dumps(dict(facts), ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def check_vocabularies(manifest: Manifest, checksums: Mapping[str, str]) -> None:
    """UserError if the data were made with other vocabularies than those of `checksums` (key → checksum)."""
    for key, checksum in manifest.vocabularies.items():
        if checksums.get(key) != checksum:
            raise UserError(f"The data of {manifest.problem} in {manifest.data_dir!r} were made with another "
                            f"vocabulary {key!r} than the given one. Generate the data again, or use the vocabulary "
                            "of the data.")


def checked_manifest(data_dir: str | os.PathLike, problem, checksums: Mapping[str, str] | None = None) -> Manifest:
    """The manifest of a problem whose files are whole and whose features are as declared; UserError if not.

    checksums: of vocabularies by key, compared with the data's; None: not compared.
    """
    manifest = read_manifest(data_dir, problem.name)
    check_files(manifest)
    check_features(manifest, problem)
    if checksums is not None:
        check_vocabularies(manifest, checksums)
    return manifest
