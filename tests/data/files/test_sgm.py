"""Laws of SGM files and of WMT's folders: segments meet by document and number, newstests by year."""

import gzip
from pathlib import Path

import pytest

from t2t_mm.data.files.sgm import segments, sgm_pairs
from t2t_mm.data.files.skipped import collect_skipped
from t2t_mm.data.files.wmt_folder import find_wmt
from t2t_mm.errors import UserError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "wmt"
SOURCE = """<srcset setid="newstest2014" srclang="any">
<doc sysid="ref" docid="one" genre="news" origlang="en">
<p>
<seg id="1">Fish &amp; chips</seg>
<seg id="2">Two
lines</seg>
<seg id="3">Only here</seg>
</p></doc>
<DOC docid='two'><SEG id=1>Upper case</SEG><seg id="2"> </seg></DOC>
</srcset>"""
REFERENCE = """<refset trglang="de"><doc docid="two"><seg id="1">Gross</seg><seg id="2">leer</seg></doc>
<doc sysid="ref" docid="one"><seg id="2">Zwei Zeilen</seg><seg id="1">Fisch</seg></doc>
<doc sysid="second" docid="one"><seg id="1">Fisch und Chips</seg></doc></refset>"""


def test_segments_meet_by_document_and_number(tmp_path):
    source, reference = tmp_path / "src.sgm", tmp_path / "ref.sgm"
    source.write_text(SOURCE)
    reference.write_text(REFERENCE)
    with collect_skipped() as skipped:
        pairs = list(sgm_pairs(source, reference))
    assert pairs == [(4, "Fish & chips", "Fisch"), (5, "Two lines", "Zwei Zeilen"), (9, "Upper case", "Gross")]
    assert skipped.counts == {"segment without a counterpart": 1, "blank line": 1}
    assert f"{source}:7" in skipped.describe()[0]


def test_a_file_without_segments_is_named(tmp_path):
    (tmp_path / "no.sgm").write_text("hello")
    with pytest.raises(UserError, match="no.sgm has no <seg"):
        list(segments(tmp_path / "no.sgm"))


def test_every_segment_of_a_line_that_is_left_out_is_counted(tmp_path):
    source, reference = tmp_path / "src.sgm", tmp_path / "ref.sgm"
    source.write_text("<doc docid=a>" + "".join(f"<seg id={number}> </seg>" for number in (1, 2, 3, 4, 5)))
    reference.write_text("<doc docid=a>" + "".join(f"<seg id={number}>x</seg>" for number in (1, 2, 3)))
    with collect_skipped() as skipped:
        assert [list(sgm_pairs(source, reference)) for _ in range(2)] == [[], []]
    assert skipped.counts == {"blank line": 3, "segment without a counterpart": 2}


def test_packed_segments_are_those_of_the_plain_file_and_damage_is_named(tmp_path):
    plain, packed = tmp_path / "src.sgm", tmp_path / "packed.sgm.gz"
    plain.write_bytes(b"\xef\xbb\xbf" + SOURCE.encode())
    whole = gzip.compress(plain.read_bytes())
    packed.write_bytes(whole)
    assert list(segments(packed)) == list(segments(plain))
    damaged = {"cut": whole[:-9], "no gzip": b"plain", "wrong sum": whole[:-8] + bytes(8),
               "broken inside": whole[:20] + bytes(20) + whole[40:]}
    for content in damaged.values():
        packed.write_bytes(content)
        with pytest.raises(UserError, match="packed.sgm.gz is a damaged .gz"):
            list(segments(packed))
    plain.write_bytes(SOURCE.encode("utf-16"))
    with pytest.raises(UserError, match="src.sgm is not UTF-8"):
        list(segments(plain))


def test_genuine_files_can_be_read():
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED.name}: the shared data are not here")
    stem = "newstest2015-100sents-enru"
    source, reference = SHARED / "sgm" / f"{stem}-src.en.sgm", SHARED / "sgm" / f"{stem}-ref.ru.sgm"
    pairs = list(sgm_pairs(source, reference))
    assert len(pairs) == len(list(segments(source))) == 100
    assert pairs[0][1] == "India and Japan prime ministers meet in Tokyo" and "Токио" in pairs[0][2]


@pytest.fixture
def folder(tmp_path):
    """A function that writes files (name → text) into a WMT folder with training text."""
    def write(files):
        for name, text in {"training/a.de-en.en": "x\n", "training/a.de-en.de": "X\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return find_wmt(tmp_path, ("en", "de"))
    return write


def test_the_last_two_newstests_are_dev_and_test(folder):
    wmt = folder({f"dev/newstest{year}.{language}": f"{year}\n" for year in (2012, 2013) for language in ("en", "de")}
                 | {"test/newstest2014-deen-src.de.sgm": REFERENCE, "test/newstest2014-deen-ref.en.sgm": SOURCE})
    assert list(wmt.pairs("train")) == [("x", "X")] and list(wmt.pairs("dev")) == [("2013", "2013")]
    assert ("Fish & chips", "Fisch") in list(wmt.pairs("test"))


@pytest.mark.parametrize("year, split", [(2012, "dev"), (2013, "dev"), (2014, "test"), (2016, "test")])
def test_a_single_newstest_is_dev_until_2013_and_test_then(folder, year, split):
    wmt = folder({f"dev/newstest{year}.{language}": "a\n" for language in ("en", "de", "fr")})
    assert set(wmt.files) == {"train", split}


def test_all_training_files_of_the_pair_are_read_and_no_others(folder):
    wmt = folder({"training/giga-fren.release2.fixed.en": "g\n", "training/giga-fren.release2.fixed.fr": "G\n",
                  "training/b.en": "y\n", "training/b.de": "Y\n", "training/c.en": "alone\n"})
    assert list(wmt.pairs("train")) == [("x", "X"), ("y", "Y")]


def test_a_file_that_lies_there_plain_and_packed_is_read_once_and_plain(folder, tmp_path):
    (tmp_path / "training").mkdir()
    for name in ("b.en", "b.de", "a.de-en.en", "c.de"):
        (tmp_path / "training" / f"{name}.gz").write_bytes(gzip.compress(b"packed\n"))
    wmt = folder({"training/b.en": "y\n", "training/b.de": "Y\n", "training/c.en": "z\n"})
    assert list(wmt.pairs("train")) == [("x", "X"), ("y", "Y"), ("z", "packed")]


def test_no_training_text_is_an_error_with_a_layout(tmp_path):
    with pytest.raises(UserError, match="europarl-v7.fr-en.fr"):
        find_wmt(tmp_path, ("en", "fr"))


def test_unequal_numbers_of_lines_are_an_error_before_any_is_read(folder):
    with pytest.raises(UserError, match=r"b.en has 2, .*b.de has 1"):
        folder({"training/b.en": "y\nz\n", "training/b.de": "Y\n"})
