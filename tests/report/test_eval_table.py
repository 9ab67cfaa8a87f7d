"""Laws of t2t-eval's tables: teacher-forced and decoded apart, names whole whatever the width, nothing invented."""

import pytest

from t2t_mm.report.eval_table import columns, eval_text

LONG = "translate_a_language_into_another_one_that_has_a_long_name_too_x" * 2
FORCED = {"log_perplexity": 1.25, "token_accuracy": 0.5, "sequence_accuracy": 0.125, "tokens": 9.0, "examples": 1014.0}
CLASSES = {"log_perplexity": 2.5, "accuracy": 0.75, "top5_accuracy": 0.875, "tokens": 9.0, "examples": 9.0}
DECODED = {"bleu": 31.26, "bleu_signature": "nrefs:5", "bracket_unreadable": 12, "decoded_examples": 1014,
           "decoded_references": 5070}


def figures(decoding=True, **problems):
    return {"split": "test", "step": 7, "checkpoint": "best", "problems": problems,
            "decoding": {"method": "greedy", "beam_size": 1} if decoding else None}


def entry(forced, decoded=None, too_long=0):
    return {"teacher_forced": forced, "decoded": decoded, "baseline": {"accuracy": 0.25}, "too_long": too_long}


@pytest.mark.parametrize("width", ["20", "80", "200"])
def test_no_name_and_no_line_is_cut_or_folded(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    text = eval_text(figures(**{LONG: entry(FORCED, DECODED), "image": entry(CLASSES, {**DECODED, "bleu": 2.0})}))
    line = next(line for line in text.splitlines() if line.startswith(LONG))
    assert line.split() == [LONG, "1,014", "1.250", "50.0", "%", "12.5", "%", "25.0", "%"]
    assert next(line for line in text.splitlines() if line.startswith("image")).split() == [
        "image", "9", "2.500", "75.0", "%", "87.5", "%", "25.0", "%"]


def test_the_two_kinds_of_figures_are_in_tables_of_their_own():
    text = eval_text(figures(one=entry(FORCED, DECODED), two=entry(FORCED, DECODED, too_long=3)))
    forced, decoded = text.split("Decoded:")
    assert "Teacher-forced" in forced and "bleu" not in forced and "31.3" not in forced and "top-5" not in forced
    assert [line.split() for line in decoded.splitlines() if line.startswith("one")] == [
        ["one", "1,014", "5,070", "bleu", "31.3"]]
    assert decoded.count("bracket_unreadable     12") == 2 and "nrefs" not in decoded
    assert "two: 3 examples are longer" in decoded and "one: " not in decoded
    assert "Decoded" not in eval_text(figures(decoding=False, one=entry(FORCED)))


def test_columns_line_up_and_empty_ones_are_left_out():
    assert columns(("a", "no", "b"), [("x", "", "10"), ("long", "", "1")]).splitlines() == [
        "a      b", "--------", "x     10", "long   1"]
