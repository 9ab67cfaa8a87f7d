"""Laws of the page: self-contained, well escaped, complete, written whole or not at all."""

import html.parser
import re

import numpy as np
import pytest

from t2t_mm.data.images import encode_png
from t2t_mm.report import terminal
from t2t_mm.report.contents import Contents, Curve, Experts, Piece, Row, Sample, Trained
from t2t_mm.report.html import render, write_report

EVIL = "</td><script>alert(1)</script>\"'&[bold]<img src=http://evil.example/x.png>"
VOID = {"meta", "img", "br"}


def contents(text: str = "a b") -> Contents:
    picture = Piece("picture", text, encode_png(np.zeros((8, 8, 1), np.uint8)))
    sound = Piece("sound", text, np.zeros(800, np.int16), 8000)
    return Contents(
        title=text, split="dev", facts={text: text},
        rows=(Row("one", text, 7, {"token_accuracy": 0.9, "log_perplexity": 0.5}, {"bleu": 12.345, "signature": text},
                  7, 0.25, text),
              Row("two", text, 7, {"accuracy": 0.1}, {}, 0, 0.25, text)),
        curves=(Curve("one", (1, 2), (0.1, 0.9), (3.0, 0.5)), Curve(text, (), (), ())),
        samples=(Sample("one", (Piece("text", text, text), picture, sound), text, ((text, -1.0), ("other", -2.0))),
                 Sample("two", (), "", ())),
        experts=(Experts(text, ("one", text), ((0.5, 0.5), (1.0, 0.0))),),
        trained=(Trained("one", 1234, 2468, 98765, (1, 2), (0.5, 0.75)), Trained(text, 411, 5, 6, (), ())))


class Page(html.parser.HTMLParser):
    """Collects tags, and checks that they close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("text", ["a b", EVIL])
def test_the_page_is_well_formed_and_self_contained(text):
    page = Page(render(contents(text)))
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object"} & set(names)
    addresses = [attributes[key] for _, attributes in page.tags for key in ("src", "href", "srcset")
                 if key in attributes]
    assert len(addresses) == 2 and all(address.startswith("data:") for address in addresses)
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert "url(" not in render(contents()) and "@import" not in render(contents())
    assert {"svg", "img", "audio", "table"} <= set(names)


def test_everything_shown_is_there():
    page = render(contents())
    for piece in ("90.0 %", "25.0 %", "10.0 %", "bleu 12.3", "Learning curves", "expert 1: 50.0 %", "1,234",
                  "75.0 %", "98,765", "share of the steps",
                  "prefers-color-scheme"):
        assert piece in page, piece
    assert re.search(r'class="good">90.0 %', page) and re.search(r'class="bad">10.0 %', page)


def test_a_model_without_experts_has_no_such_section():
    plain = Contents("t", "dev", {}, (), (), (), ())
    assert "Experts" not in render(plain) and Page(render(plain)).tags


def test_the_terminal_shows_text_as_it_is_not_as_markup():
    text = terminal.plain_text(contents("[bold]x[/bold] [/]"), width=200)
    assert "[bold]x[/bold] [/]" in text and "90.0 %" in text and "12.3" in text
    assert terminal.plain_text(contents("x" * 500)).count("x" * 200) == 0


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "report.html"
    assert write_report(contents(), path) == path
    before = path.read_text(encoding="utf-8")
    assert before == render(contents())

    def fail(_):
        raise RuntimeError("in the middle")

    monkeypatch.setattr("t2t_mm.report.html.render", fail)
    with pytest.raises(RuntimeError):
        write_report(contents(), path)
    assert path.read_text(encoding="utf-8") == before
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
