"""Laws of the charts: well-formed SVG, finite coordinates inside the box, everything escaped."""

import math
import re
import xml.etree.ElementTree as ET

import pytest

from t2t_mm.report import chart

SVG = [
    chart.learning_curve("a", [10, 20, 30], [0.1, 0.5, 0.9], 0.3, True),
    chart.learning_curve("a", [10], [7.0]),
    chart.learning_curve("a", [], []),
    chart.learning_curve("a", [0, 1], [math.nan, math.inf], 0.5),
    chart.learning_curve("a", [0, 1], [0.0, 0.0]),
    chart.learning_curve("a", list(range(500)), [1e-9] * 500),
    chart.heat_map("h", ["one", "two"], [[0.25] * 4, [1.0, 0.0, 0.0, 0.0]]),
    chart.heat_map("h", ["one"], [[math.nan, 0.0]]),
    chart.heat_map("h", [], []),
    chart.heat_map("many", ["x"], [[1 / 240] * 240]),
]


@pytest.mark.parametrize("svg", SVG)
def test_charts_are_well_formed_and_stay_inside_their_box(svg):
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        for key, most in (("x", width), ("cx", width), ("x1", width), ("x2", width), ("y", height), ("cy", height)):
            if key in element.attrib:
                assert -1 <= float(element.attrib[key]) <= most + 1, (element.tag, key)
    assert not re.search(r"\b(nan|inf)\b", svg)


def test_names_are_escaped():
    evil = "<script>alert('x')</script>\"&"
    for svg in (chart.learning_curve(evil, [1], [1]), chart.heat_map(evil, [evil], [[1.0]])):
        assert "<script" not in svg
        assert "<script>alert('x')</script>\"&" in "".join(ET.fromstring(svg).itertext())


def test_higher_values_lie_higher_and_the_baseline_between():
    root = ET.fromstring(chart.learning_curve("a", [1, 2], [0.2, 0.8], 0.5, True))
    low, high = [float(dot.attrib["cy"]) for dot in root.iter("circle")]
    (baseline,) = [float(line.attrib["y1"]) for line in root.iter("line") if line.attrib["class"] == "baseline"]
    assert high < baseline < low


def test_a_darker_cell_is_a_larger_share():
    root = ET.fromstring(chart.heat_map("h", ["p"], [[0.1, 0.2, 0.7]]))
    strengths = [float(cell.attrib["fill-opacity"]) for cell in root.iter("rect") if cell.attrib["class"] == "cell"]
    assert strengths == sorted(strengths) and strengths[-1] == 1.0


@pytest.mark.parametrize("low,high", [(0.0, 1.0), (0.0, 0.03), (0.2, 7.3), (-2.0, 5.0), (0.0, 0.0), (3.0, 3.0),
                                      (0, 12345)])
def test_an_axis_holds_its_values(low, high):
    bottom, top = chart.nice_range(low, high)
    assert bottom <= low and high <= top * (1 + 1e-12) and bottom < top
