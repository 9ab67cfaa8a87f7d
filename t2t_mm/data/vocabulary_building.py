"""The vocabularies of a data folder: trained once from all problems that share them, then loaded and checked."""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from t2t_mm.data import text_encoders
from t2t_mm.data.atomic import Taken, atomic_file
from t2t_mm.data.manifest import FILE_NAME, Manifest, check_features, command, read_manifest
from t2t_mm.data.subword_training import MOST_BYTES, MOST_LINES, Sample, train_subwords
from t2t_mm.data.text_encoders import Bytes, Subwords, TextEncoder, Tokens
from t2t_mm.errors import UserError, did_you_mean

FOLDER = "vocabularies"


def vocabulary_keys(problem) -> tuple[str, ...]:
    """The vocabulary keys of a problem's features, each once, in order."""
    return tuple(dict.fromkeys(feature.vocabulary for feature in problem.features.values() if feature.vocabulary))


def vocabulary_path(data_dir: str | os.PathLike, key: str) -> Path:
    """Where a vocabulary lies: "subwords:demo" → `<data_dir>/vocabularies/demo.subwords`."""
    kind, _, name = key.partition(":")
    if kind not in ("subwords", "tokens") or not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"{key!r} is no vocabulary. It must be subwords:<name> or tokens:<name>, with a name of "
                        "letters, digits, '_', '-' and '.'; or bytes.")
    return Path(data_dir, FOLDER, f"{name}.{kind}")


def size_in_name(key: str) -> int | None:
    """The ids that a name asks for, "subwords:multimodel_8k" → 8192; None for most names."""
    found = re.search(r"_(\d+)k$", key)
    return 1024 * int(found[1]) if found else None


def check_vocabulary_sizes(problems: Sequence, sizes: dict[str, int]) -> None:
    """UserError if `sizes` has a key that no problem uses or a size that is no positive number."""
    known = [key for problem in problems for key in vocabulary_keys(problem)]
    for key, size in sizes.items():
        if key not in known:
            raise UserError(f"A size is given for the vocabulary {key!r}, but the problems use "
                            f"{', '.join(dict.fromkeys(known)) or 'none'}.{did_you_mean(key, known)}")
        if size < 1:
            raise UserError(f"The size of the vocabulary {key!r} must be positive, not {size}.")


def build_vocabularies(problems: Sequence, data_dir: str, tmp_dir: str, vocabulary_size: int = 4096,
                       vocabulary_sizes: dict[str, int] | None = None,
                       say: Callable[[str], None] = lambda message: None) -> dict[str, TextEncoder]:
    """The encoders of all vocabularies that the problems use, by key; those without a file are trained and saved.

    A file that is there is used as it is, also by problems that were not there when it was trained: subwords have
    byte fallback, so nothing is unknown to them.

    Args:
        problems: those whose training texts are sampled, an equal share each.
        data_dir: holds the folder of vocabularies.
        tmp_dir: given to the problems.
        vocabulary_size: ids of each vocabulary whose name does not say how many (`size_in_name`).
        vocabulary_sizes: vocabulary key → ids, where other than that.
        say: called with one message for each vocabulary.
    """
    encoders: dict[str, TextEncoder] = {}
    for key in dict.fromkeys(key for problem in problems for key in vocabulary_keys(problem)):
        if key == Bytes.kind:
            encoders[key] = Bytes()
            continue
        path = vocabulary_path(data_dir, key)
        size = (vocabulary_sizes or {}).get(key) or size_in_name(key) or vocabulary_size
        if path.exists():
            encoders[key] = _load(path, key)
            asked = "" if encoders[key].size == size else f" (a size of {size} was asked for)"
            say(f"vocabulary {key}: {encoders[key].size} ids, used as it is{asked}; {path}")
            continue
        sharing = _sharing(problems, key)
        say(f"vocabulary {key}: training from {', '.join(problem.name for problem in sharing)}")
        encoders[key] = _train(key, size, sharing, tmp_dir, say)
        try:
            with atomic_file(path, replace=False) as partial:
                encoders[key].save(partial)
        except Taken:
            encoders[key] = _load(path, key)
            say(f"vocabulary {key}: another process was faster, and its one is used")
        say(f"vocabulary {key}: {encoders[key].size} ids; {path}")
    return encoders


def _sharing(problems: Sequence, key: str) -> list:
    """The problems that use a vocabulary; of one with its `_rev` and `_copy`, which have the same texts, the first."""
    sharing: dict[str, object] = {}
    for problem in problems:
        if key in vocabulary_keys(problem):
            sharing.setdefault(problem.registered_name or type(problem).__name__, problem)
    return list(sharing.values())


def _train(key: str, size: int, problems: list, tmp_dir: str, say: Callable[[str], None]) -> TextEncoder:
    if key.startswith("tokens:"):
        return _count_tokens(key, size, problems, tmp_dir, say)
    lines: list[str] = []
    for problem in problems:
        sample = Sample(MOST_LINES // len(problems), MOST_BYTES // len(problems), seed=problem.name)
        for text in _texts(problem, key, tmp_dir):
            sample.add(text)
        lines += sample.lines()
    return train_subwords(key, lines, size, say)


def _count_tokens(key: str, size: int, problems: list, tmp_dir: str, say: Callable[[str], None]) -> Tokens:
    """The most frequent tokens, ties in alphabetical order."""
    counts: collections.Counter[str] = collections.Counter()
    for problem in problems:
        for text in _texts(problem, key, tmp_dir):
            counts.update(text.split())
    counts.pop("<unk>", None)
    if not counts:
        raise UserError(f"There is no text to make the vocabulary {key!r} from: "
                        f"{', '.join(problem.name for problem in problems)} generate no words for training.")
    most = max(1, size - Tokens(()).size)
    tokens = sorted(counts, key=lambda token: (-counts[token], token))
    if len(tokens) > most:
        say(f"vocabulary {key}: the {most} most frequent of {len(tokens)} tokens; the others are unknown")
    return Tokens(tokens[:most])


def _texts(problem, key: str, tmp_dir: str) -> Iterator[str]:
    """The training texts of the features that use this vocabulary."""
    if vocabulary_keys(problem) == (key,):
        yield from problem.sample_texts(tmp_dir)
        return
    names = [name for name, feature in problem.features.items() if feature.vocabulary == key]
    for sample in problem.generate("train", tmp_dir):
        yield from (sample[name] for name in names)


def _load(path: Path, key: str) -> TextEncoder:
    encoder = text_encoders.load(path)
    if not isinstance(encoder, {"subwords": Subwords, "tokens": Tokens}[key.partition(":")[0]]):
        raise UserError(f"{path} should hold the vocabulary {key!r}, but it holds {encoder.kind}. Put the file back, "
                        "or delete it and run t2t-datagen with --overwrite.")
    return encoder


def load_encoders(problem, data_dir: str | os.PathLike, manifest: Manifest | None = None) -> dict[str, TextEncoder]:
    """Vocabulary key → encoder of a problem, checked against its manifest before anything else is done.

    Args:
        problem: its features say which vocabularies.
        data_dir: where t2t-datagen wrote.
        manifest: that of the problem; None: the one in `data_dir`, if there is one.
    Raises:
        UserError: a vocabulary is missing, or is not the one that the data was encoded with; or the problem's features
            have changed since.
    """
    if manifest is None and Path(data_dir, problem.name, FILE_NAME).exists():
        manifest = read_manifest(data_dir, problem.name)
    if manifest is not None:
        check_features(manifest, problem)
    encoders: dict[str, TextEncoder] = {}
    for key in vocabulary_keys(problem):
        encoders[key] = Bytes() if key == Bytes.kind else _load_existing(problem, data_dir, key, manifest)
        expected = manifest.vocabularies[key] if manifest else encoders[key].checksum
        if encoders[key].checksum != expected:
            raise UserError(f"The vocabulary {key!r} in {vocabulary_path(data_dir, key)} is not the one that "
                            f"{problem.name} was encoded with (sha256 {encoders[key].checksum[:12]}..., expected "
                            f"{expected[:12]}...). Put that one back, or generate again: "
                            f"{command(problem.name, data_dir)}")
    return encoders


def _load_existing(problem, data_dir: str | os.PathLike, key: str, manifest: Manifest | None) -> TextEncoder:
    path = vocabulary_path(data_dir, key)
    if not path.exists():
        raise UserError(f"{problem.name} needs the vocabulary {key!r}, but {path} does not exist. "
                        f"{'Put it back, or run' if manifest else 'Run'}: "
                        f"{command(problem.name, data_dir, overwrite=manifest is not None)}")
    return _load(path, key)
