"""Laws of atomic writing: the place holds the old or the new, whole; nothing else stays."""

import os
import subprocess
import sys

import pytest

from t2t_mm.data.atomic import Taken, atomic_file, atomic_folder

DEAD = int(subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True,
                          check=True).stdout)


class Broken(BaseException):
    """Not an Exception, like KeyboardInterrupt."""


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "deep" / "file"
    with atomic_file(path) as partial:
        partial.write_text("new")
        assert not path.exists() and partial.parent == path.parent and partial.name.startswith(".")
    assert path.read_text() == "new" and os.listdir(path.parent) == ["file"]


def test_a_file_is_replaced_or_stays_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(Broken), atomic_file(path) as partial:
        partial.write_text("half")
        raise Broken
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]
    with atomic_file(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["file"]


def test_a_block_that_writes_no_file_fails(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "file"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder"
    with pytest.raises(Broken), atomic_folder(path) as partial:
        (partial / "half").write_text("x")
        raise Broken
    assert os.listdir(tmp_path) == []
    with atomic_folder(path) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "file").write_text("new")
        assert not path.exists()
    assert (path / "inner" / "file").read_text() == "new" and os.listdir(tmp_path) == ["folder"]


def test_an_existing_folder_is_refused_or_replaced(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(Taken), atomic_folder(path):
        raise AssertionError("refused before the work")
    with pytest.raises(Broken), atomic_folder(path, replace=True) as partial:
        raise Broken
    assert os.listdir(path) == ["old"]
    with atomic_folder(path, replace=True) as partial:
        (partial / "new").write_text("new")
        assert os.listdir(path) == ["old"]
    assert os.listdir(path) == ["new"] and os.listdir(tmp_path) == ["folder"]


def test_a_folder_that_another_process_makes_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "folder"
    with pytest.raises(Taken), atomic_folder(path):
        path.mkdir()
        (path / "theirs").write_text("x")
    assert os.listdir(path) == ["theirs"] and os.listdir(tmp_path) == ["folder"]


def test_what_the_block_finds_to_exist_is_not_taken_for_the_place(tmp_path):
    assert issubclass(Taken, FileExistsError)
    with pytest.raises(FileExistsError) as caught, atomic_folder(tmp_path / "folder"):
        tmp_path.mkdir()
    assert not isinstance(caught.value, Taken) and os.listdir(tmp_path) == []


def test_leftovers_of_dead_processes_are_removed_and_of_living_ones_kept(tmp_path):
    with atomic_folder(tmp_path / "folder") as partial:
        name = partial.name
    reborn = tmp_path / name  # of a process that died, in a container that gives its number again
    dead = tmp_path / name.replace(str(os.getpid()), str(DEAD))
    alive = tmp_path / name.replace(str(os.getpid()), str(os.getppid()))
    elsewhere = tmp_path / f".folder.another-machine.{DEAD}.partial"
    for leftover in (dead, reborn, alive, elsewhere):
        leftover.mkdir()
        (leftover / "file").write_text("x")
    with atomic_folder(tmp_path / "folder", replace=True):
        pass
    assert sorted(os.listdir(tmp_path)) == sorted([alive.name, elsewhere.name, "folder"])


def test_work_within_work_on_the_same_place_is_not_taken_for_a_leftover(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_folder(tmp_path / "folder") as partial:
        (partial / "file").write_text("mine")
        with pytest.raises(Taken), atomic_folder("folder"):
            pass
        assert (partial / "file").read_text() == "mine"


def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced(tmp_path):
    there, link = tmp_path / "there" / "file", tmp_path / "link"
    there.parent.mkdir()
    there.write_text("before")
    link.symlink_to(there)
    with atomic_file(link) as partial:
        partial.write_text("after")
    assert link.is_symlink() and there.read_text() == "after" and list(there.parent.iterdir()) == [there]


def test_a_file_that_another_process_makes_meanwhile_is_left_alone(tmp_path, monkeypatch):
    for links in (True, False):
        path = tmp_path / f"file{links}"
        if not links:  # a file system without them
            monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "not supported")))
        with pytest.raises(Taken), atomic_file(path, replace=False) as partial:
            partial.write_text("late")
            path.write_text("first")
        assert path.read_text() == "first"
        path.unlink()
        with atomic_file(path, replace=False) as partial:
            partial.write_text("alone")
        assert path.read_text() == "alone"
    assert sorted(os.listdir(tmp_path)) == ["fileFalse", "fileTrue"]


def test_an_old_folder_whose_process_died_before_the_new_one_had_its_place_goes_back(tmp_path):
    with atomic_folder(tmp_path / "folder") as partial:
        name = partial.name.replace(str(os.getpid()), str(DEAD))
    (tmp_path / "folder").rmdir()
    old = tmp_path / name.replace(".partial", ".old")
    old.mkdir()
    (old / "file").write_text("all there is")
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError), atomic_folder(tmp_path / "folder", replace=True):
        raise ValueError
    assert (tmp_path / "folder" / "file").read_text() == "all there is" and os.listdir(tmp_path) == ["folder"]
