"""Generates the data of problems: checks, then vocabularies, then for each problem its shards and their manifest."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from t2t_mm.data.atomic import Taken, atomic_folder, check_writable
from t2t_mm.data.encoding import EncodingPool
from t2t_mm.data.features import columns_of
from t2t_mm.data.files.skipped import collect_skipped, note, skip
from t2t_mm.data.files.walking import state_of
from t2t_mm.data.manifest import (FILE_NAME, Manifest, Split, check_files, command, describe_features, read_manifest,
                                  write_manifest)
from t2t_mm.data.records import write_split
from t2t_mm.data.shared_inputs import SharedInputs
from t2t_mm.data.vocabulary_building import (build_vocabularies, check_vocabulary_sizes, load_encoders,
                                             vocabulary_keys)
from t2t_mm.errors import UserError

_SECONDS_BETWEEN_MESSAGES = 10
_UNITS = {"int64": "ids", "float32": "numbers", "bytes": "bytes"}

Say = Callable[[str], None]


def say_to_stderr(message: str) -> None:
    """Prints a message where it does not mix with a program's output."""
    print(message, file=sys.stderr, flush=True)


def generate(problems: Sequence, data_dir: str, tmp_dir: str, vocabulary_size: int = 4096, processes: int = 2,
             overwrite: bool = False, vocabulary_sizes: dict[str, int] | None = None,
             say: Say = say_to_stderr) -> list[Manifest]:
    """Generates what is not there yet; each problem's folder appears whole, or not at all.

    Args:
        problems: problem instances.
        data_dir: gets `<problem>/<split>-00000-of-0000n.tfrecord`, `<problem>/manifest.json` and `vocabularies/`.
        tmp_dir: given to the problems for their downloads; made if it is not there.
        vocabulary_size: ids of each vocabulary that is trained now.
        processes: how many encode; the result does not depend on it.
        overwrite: whether data that is there is generated again. Vocabularies stay: other data may depend on them.
        vocabulary_sizes: vocabulary key → ids, where other than `vocabulary_size`.
        say: called with messages about progress.
    Returns:
        The manifest of each problem, in their order.
    Raises:
        UserError: missing Python modules or source files (all of them at once, before any work), damaged or outdated
            data without `overwrite`, no samples, samples that cannot be encoded.
    """
    for problem in problems:
        problem.check_declaration()
    check_needs(problems)
    check_vocabulary_sizes(problems, vocabulary_sizes or {})
    named = {problem.name: problem for problem in problems}
    manifests = {} if overwrite else _complete(named, data_dir, tmp_dir, say)
    missing = [problem for name, problem in named.items() if name not in manifests]
    if missing:
        check_sources(missing, tmp_dir)
        for flag, folder in (("data_dir", data_dir), ("tmp_dir", tmp_dir)):
            check_writable(f"--{flag}={folder}", Path(folder))
        os.makedirs(tmp_dir, exist_ok=True)
    for problem in missing:
        problem.facts = problem.find_facts(tmp_dir)
    with collect_skipped() as skipped:
        try:
            encoders = build_vocabularies(missing, data_dir, tmp_dir, vocabulary_size, vocabulary_sizes, say)
        except UserError as error:
            raise UserError(f"{error}{skipped.explain() if skipped.counts else ''}") from error
    tasks = {problem.name: (problem.features, {key: encoders[key] for key in vocabulary_keys(problem)})
             for problem in missing}
    with EncodingPool(tasks, processes) as pool:
        for problem in missing:
            vocabularies = {key: encoders[key].checksum for key in vocabulary_keys(problem)}
            manifests[problem.name] = _generate(problem, data_dir, tmp_dir, vocabularies, pool, overwrite, say)
    return [manifests[problem.name] for problem in problems]


def check_needs(problems: Sequence) -> None:
    """One UserError that lists every Python module that a problem needs and this Python does not have."""
    lines = [line for problem in problems for line in problem.unmet_needs()]
    if lines:
        raise UserError("\n".join(dict.fromkeys(lines)))


def check_sources(problems: Sequence, tmp_dir: str) -> None:
    """One UserError that lists what every problem misses of the files that it reads."""
    lines = []
    for problem in problems:
        try:
            problem.check_sources(tmp_dir)
        except UserError as error:
            lines.append(str(error))
    if lines:
        raise UserError("\n".join(dict.fromkeys(lines)))


def _complete(problems: dict, data_dir: str, tmp_dir: str, say: Say) -> dict[str, Manifest]:
    """The manifests of those problems whose data is there; UserError if it is, but damaged or made otherwise."""
    manifests = {}
    for name, problem in problems.items():
        folder = Path(data_dir, name)
        if not folder.exists():
            continue
        if not Path(folder, FILE_NAME).exists():
            raise UserError(f"{folder} exists, but has no {FILE_NAME}, so t2t-datagen did not make it. "
                            f"Move it away, or replace it: {command(name, data_dir)}")
        manifests[name] = manifest = read_manifest(data_dir, name)
        problem.facts = manifest.facts
        load_encoders(problem, data_dir, manifest)
        check_files(manifest)
        counts = ", ".join(f"{split} {manifest.count(split)}" for split in manifest.splits)
        say(f"{name}: there already ({counts}), kept{_outdated(problem, manifest, tmp_dir)}; --overwrite generates it "
            "again")
    return manifests


def _outdated(problem, manifest: Manifest, tmp_dir: str) -> str:
    """That the files that the data were made of are there and have changed, or ""."""
    source = problem.source_path(tmp_dir)
    changed = manifest.sources and state_of(source) not in ("", manifest.sources)
    return f", although {source} has changed since" if changed else ""


def _generate(problem, data_dir: str, tmp_dir: str, vocabularies: dict[str, str], pool: EncodingPool,
              overwrite: bool, say: Say) -> Manifest:
    try:
        with atomic_folder(Path(data_dir, problem.name), replace=overwrite) as folder, collect_skipped() as skipped:
            splits, sources = {}, state_of(problem.source_path(tmp_dir))
            shared = SharedInputs(columns_of(problem.features), columns_of(problem.inputs))
            for split in problem.splits:
                splits[split] = _generate_split(problem, split, tmp_dir, folder, pool, shared, say)
                if not splits[split].count:
                    raise UserError(_no_samples(problem, split, skipped.explain()))
            for message in shared.describe():
                note(message)
            manifest = Manifest(problem.name, os.fspath(data_dir), splits, describe_features(problem), vocabularies,
                                dropped=skipped.counts, notes=skipped.notes, facts=dict(problem.facts),
                                sources=sources)
            write_manifest(manifest, folder)
            skipped.write(folder)
            for message in skipped.describe():
                say(f"{problem.name}: {message}")
    except Taken:
        raise UserError(f"{Path(data_dir, problem.name)} was made by another program meanwhile. "
                        f"To generate it again: {command(problem.name, data_dir)}") from None
    return manifest


def _no_samples(problem, split: str, why: str) -> str:
    """The error for a split without examples; `why`: what was left out, and noted, on the way."""
    advice = "Mend the files, or give more." if why else f"Look at its samples(), or leave {split!r} out of its splits."
    return f"{problem.name} generates no samples for its split {split!r}. {advice}{why}"


def _generate_split(problem, split: str, tmp_dir: str, folder: Path, pool: EncodingPool, shared: SharedInputs,
                    say: Say) -> Split:
    totals = {column: [0, 0] for column in columns_of(problem.features)}  # column → [sum of lengths, longest]
    start, seen, said = time.monotonic(), 0, time.monotonic()

    def chunks() -> Iterator[bytes]:
        nonlocal seen, said
        for chunk in pool.encode(problem.name, split, _samples(problem, split, tmp_dir)):
            seen += chunk.count
            shared.add(split, chunk.records)
            for left_out in chunk.skipped:
                skip(*left_out)
            for column, (total, longest) in chunk.lengths.items():
                totals[column] = [totals[column][0] + total, max(totals[column][1], longest)]
            if time.monotonic() - said > _SECONDS_BETWEEN_MESSAGES:
                said = time.monotonic()
                say(_progress(problem, split, seen, start) + " ...")
            yield chunk.records

    seed = f"{problem.name} {split}" if split == "train" else None  # evaluation and decoding keep the order
    shards = write_split(folder, split, chunks(), problem.shards.get(split, 1), shuffle_seed=seed)
    say(_progress(problem, split, seen, start))
    units = columns_of(problem.features)
    return Split(shards, {
        column: {"unit": _UNITS[units[column]], "mean": round(total / max(seen, 1), 3), "longest": longest}
        for column, (total, longest) in totals.items()})


def _samples(problem, split: str, tmp_dir: str) -> Iterator[dict]:
    """The problem's samples; an exception of its own gets a note of where it happened."""
    number = 0
    try:
        for number, sample in enumerate(problem.generate(split, tmp_dir), start=1):
            yield sample
    except Exception as error:
        if not isinstance(error, UserError):
            error.add_note(f"while {problem.name} generated its split {split!r}, after {number} samples")
        raise


def _progress(problem, split: str, count: int, start: float) -> str:
    seconds = time.monotonic() - start
    return f"{problem.name} {split}: {count} examples in {seconds:.1f} s ({count / max(seconds, 1e-3):.0f}/s)"
