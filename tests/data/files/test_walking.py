"""Laws of walking: all files once, through links and loops, in order; what cannot be read is an error."""

import os

import pytest

from t2t_mm.data.files.walking import contents_of, files_below, state_of
from t2t_mm.errors import UserError


def names(folder):
    return [path.relative_to(folder).as_posix() for path in files_below(folder)]


@pytest.fixture
def folder(tmp_path):
    for name in ("b.txt", "a.txt", "y/2.txt", "x/1.txt", ".hidden/3.txt", "x/.4.txt"):
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "here"


def test_files_come_in_order_and_hidden_ones_not(folder):
    assert names(folder) == ["a.txt", "b.txt", "x/1.txt", "y/2.txt"]
    assert names(folder / "nowhere") == []


def test_links_are_followed_once(folder, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "5.txt").write_text("5")
    for name, to in (("x/self", folder / "x"), ("y/up", folder), ("more", tmp_path / "there"),
                     ("more2", tmp_path / "there"), ("nothing", tmp_path / "gone")):
        os.symlink(to, folder / name)
    assert [name for name in names(folder) if name != "nothing"] == ["a.txt", "b.txt", "more/5.txt", "x/1.txt",
                                                                    "y/2.txt"]


def test_what_a_folder_has_is_said_in_a_line(folder, tmp_path):
    assert contents_of(folder, "hidden") == "has .hidden, a.txt, b.txt, x, y. Did you mean '.hidden'?"
    assert contents_of(folder, "metadata.csv") == "has .hidden, a.txt, b.txt, x, y."
    (tmp_path / "bare").mkdir()
    assert contents_of(tmp_path / "bare", "a.txt") == "is empty."
    assert contents_of(tmp_path / "gone", "a.txt") == "does not exist."
    for number in range(20):
        (tmp_path / "bare" / f"{number:02}").touch()
    assert contents_of(tmp_path / "bare", "19").endswith("06, 07, ... Did you mean '19'?")


def test_the_state_changes_with_names_sizes_and_times_and_with_nothing_else(folder):
    os.symlink(folder / "gone", folder / "nothing")
    assert state_of(folder / "a.txt") not in ("", state_of(folder / "b.txt"), state_of(folder))
    before = state_of(folder)
    (folder / ".hidden" / "3.txt").write_text("other")
    assert before and before == state_of(folder) and state_of(folder / "nowhere") == ""

    def changed_by(change):
        nonlocal before
        change()
        before, last = state_of(folder), before
        return before != last

    assert changed_by(lambda: (folder / "a.txt").rename(folder / "z.txt"))
    assert changed_by(lambda: (folder / "z.txt").write_text("longer than before"))
    assert changed_by(lambda: os.utime(folder / "z.txt", (1, 1)))
    assert changed_by(lambda: (folder / "x" / "1.txt").unlink())


def test_a_folder_that_cannot_be_read_is_an_error(folder, monkeypatch):
    """Which root could read: the system's answer is made here."""
    scan = os.scandir

    def scandir(place):
        if str(place).endswith("x"):
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=r"here/x cannot be read \(Permission denied\)"):
        names(folder)
