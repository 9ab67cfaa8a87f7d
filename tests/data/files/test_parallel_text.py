"""Laws of parallel text: lines stay beside each other whatever is wrong with some of them, or it is an error."""

import gzip
import tracemalloc

import pytest

from t2t_mm.data.files import text_lines
from t2t_mm.data.files.parallel_text import parallel_lines
from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.data.files.text_lines import count_lines, count_to_last_text, find_text, read_lines
from t2t_mm.errors import UserError


@pytest.fixture
def files(tmp_path):
    """A function from contents (bytes) to paths."""
    def write(*contents):
        paths = [tmp_path / f"file{number}.txt" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return paths
    return write


def read(paths, **options):
    with collect_skipped() as skipped:
        rows = list(parallel_lines(paths, **options))
    return rows, skipped.counts


def test_marks_ends_of_lines_and_white_space_do_not_matter(files):
    paths = files(b"\xef\xbb\xbfone\r\ntwo \r\n", "eins\n\tzwei\u2028drei".encode())
    assert read(paths) == ([(1, ("one", "eins")), (2, ("two", "zwei drei"))], {})


def test_lines_that_cannot_be_used_leave_the_others_beside_each_other(files):
    paths = files(b"a\n\nc\nd\n" + b"e" * 50 + b"\nf\n", b"A\nB\nC\n\xff\xe4\nE\nF\n")
    rows, counts = read(paths, most_characters=40)
    assert rows == [(1, ("a", "A")), (3, ("c", "C")), (6, ("f", "F"))]
    assert counts == {"blank line": 1, text_lines.NOT_UTF8: 1, "longer than 40 characters": 1}


def test_unequal_numbers_of_lines_are_an_error_before_the_first(files):
    paths = files(b"a\nb\nc\n", b"A\nB\n")
    with pytest.raises(UserError, match=r"file0.txt has 3, .*file1.txt has 2.*file1.txt:2"):
        parallel_lines(paths)


def test_blank_lines_at_an_end_are_no_difference(files):
    rows, _ = read(files(b"a\nb\n\n \r\n\n", b"A\nB"))
    assert [texts for _, texts in rows] == [("a", "A"), ("b", "B")]


def test_a_changed_file_is_counted_again(files):
    paths = files(b"a\n", b"A\n")
    assert len(read(paths)[0]) == 1
    paths[0].write_bytes(b"a\nb\nc\n")
    with pytest.raises(UserError):
        parallel_lines(paths)


@pytest.mark.parametrize("content", [b"", b"\n", b"a", b"a\n", b"a\n\nb", b"\n\na\n\n", b"\xef\xbb\xbf", b"\r\n\r\n"])
def test_counting_agrees_with_reading(files, content, monkeypatch):
    (path,) = files(content)
    for block in (1 << 20, 4):
        monkeypatch.setattr(text_lines, "_BLOCK", block)
        lines = list(read_lines(path))
        assert count_lines(path) == len(lines)
        assert count_to_last_text(path) == max((n for n, (text, _) in enumerate(lines, 1) if text), default=0)


def test_gzip_is_read_as_plain_text_and_damage_is_named(tmp_path):
    plain = tmp_path / "train.en"
    packed = tmp_path / "train.de.gz"
    plain.write_bytes(b"one\ntwo\n")
    packed.write_bytes(gzip.compress(b"eins\nzwei\n"))
    assert find_text(tmp_path, ("train",), ".de") == packed and find_text(tmp_path, ("train",), ".fr") is None
    assert [texts for _, texts in parallel_lines([plain, packed])] == [("one", "eins"), ("two", "zwei")]
    packed.write_bytes(gzip.compress(b"eins\nzwei\n" * 100)[:-9])
    with pytest.raises(UserError, match="train.de.gz is a damaged .gz"):
        list(parallel_lines([plain, packed]))


def test_utf_16_is_an_error_that_names_the_file(files):
    for content in ("eins\n".encode("utf-16"), "eins\n".encode("utf-16-le")):
        with pytest.raises(UserError, match="file0.txt is not UTF-8.*iconv"):
            list(read_lines(*files(content)))


@pytest.mark.parametrize("before", [10, 200_000])
def test_a_nul_here_and_there_costs_its_line_only(before, files):
    lines = [b"line %d" % number for number in range(before)]
    rows, counts = read(files(b"\n".join([*lines, b"a\0b", b"last"]), b"\n".join([*lines, b"ab", b"last"])))
    assert len(rows) == before + 1 and counts == {text_lines.NUL: 1}


def test_carriage_returns_inside_of_lines_are_noted_once_a_file(files):
    with collect_skipped() as skipped:
        rows = list(parallel_lines(files(b"a\rb\nc\rd\r\n", b"A\r\r\nB\r\n")))
    assert [texts for _, texts in rows] == [("a b", "A"), ("c d", "B")]
    (noted,) = skipped.notes
    assert "file0.txt: carriage returns" in noted and "tr '\\r' '\\n' < file0.txt" in noted


def test_a_line_without_end_takes_no_memory(files):
    paths = files(b"x" * 30_000_000 + b"\ny\n")
    tracemalloc.start()
    lines = list(read_lines(*paths))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == [("", "longer than 5,000 characters"), ("y", "")] and peak < 15_000_000
