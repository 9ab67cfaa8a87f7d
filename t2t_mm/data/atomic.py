"""Files and folders that appear whole or not at all: written beside their place under a hidden name, then renamed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from t2t_mm.errors import UserError

_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname()) or "host"
_in_work: set[Path] = set()  # partial files and folders of this process


class Taken(FileExistsError):
    """The place of an atomic file or folder is somebody else's; no FileExistsError of what fills it is one."""


def existing(path: Path) -> Path:
    """An absolute path itself, or the nearest folder above it that there is."""
    return next(place for place in (path, *path.parents) if place.exists())


def check_writable(asked: str, folder: Path) -> None:
    """UserError, which says what was `asked`, if nothing can be made in a folder, be it there or not; makes nothing."""
    above = existing(folder.absolute())
    if not above.is_dir():
        raise UserError(f"{asked}: {above} is a file, not a folder. Name another place.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UserError(f"{asked} cannot be written: {above} is read-only. Name another place.")


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike, replace: bool = True) -> Iterator[Path]:
    """`with atomic_file(path) as partial:` write the file `partial`; leaving the block renames it to `path`.

    If the block raises, `path` stays as it was and nothing is left behind.

    Args:
        replace: whether an existing `path` is replaced, or if it is a link, the file that it leads to; if not, Taken
            when the block ends.
    """
    path = Path(path).resolve()
    partial = _partial(path)
    try:
        yield partial
        _sync(partial)
        if replace:
            os.replace(partial, path)
        else:
            _link(partial, path)
        _sync(path.parent)
    finally:
        _remove(partial)


def _link(partial: Path, path: Path) -> None:
    """Gives a file its name unless another has it."""
    try:
        os.link(partial, path)
    except OSError:  # it has, or the file system has no links
        if path.exists():
            raise Taken(f"{path} was made by another process meanwhile") from None
        os.replace(partial, path)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike, replace: bool = False) -> Iterator[Path]:
    """`with atomic_folder(path) as partial:` fill the folder `partial`; leaving the block renames it to `path`.

    If the block raises, `path` stays as it was and nothing is left behind.

    Args:
        path: the folder to make; its parents are made too.
        replace: whether an existing `path` is replaced; if not, Taken, at the latest when the block ends.
    """
    path = Path(path)
    partial = _partial(path)
    if path.exists() and not replace:
        raise Taken(f"{path} exists")
    try:
        partial.mkdir()
    except FileExistsError:
        raise Taken(f"{path} is being made by this process already") from None
    try:
        yield partial
        for folder, _, files in os.walk(partial):
            for name in [*files, "."]:
                _sync(Path(folder, name))
        _put_in_place(partial, path, replace)
    finally:
        _remove(partial)


def _put_in_place(partial: Path, path: Path, replace: bool) -> None:
    """Renames a folder; an old one steps aside first, and back if the new one cannot take its place."""
    old = _partial(path, "old")
    if path.exists():
        if not replace:
            raise Taken(f"{path} was made by another process meanwhile")
        os.rename(path, old)
    try:
        os.rename(partial, path)
    except OSError:
        if old.exists():
            os.rename(old, path)
        raise
    _sync(path.parent)
    _remove(old)


def _partial(path: Path, state: str = "partial") -> Path:
    """A hidden sibling of `path` that belongs to this process; such siblings of dead processes are removed.

    But for an old folder whose process died before the new one had its place: it goes back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = re.compile(rf"\.{re.escape(path.name)}\.{re.escape(_HOST)}\.(\d+)\.(partial|old)")
    for sibling in path.parent.iterdir():
        match = pattern.fullmatch(sibling.name)
        if not match or sibling.absolute() in _in_work or _alive(int(match[1])):
            continue
        if match[2] == "old" and not path.exists():
            os.rename(sibling, path)
        else:
            _remove(sibling)
    partial = path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.{state}")
    _in_work.add(partial.absolute())
    return partial


def _alive(process: int) -> bool:
    """Whether another process has this number; in a container it may be that of one that died before this began."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path: Path) -> None:
    _in_work.discard(path.absolute())
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
