"""Charts are whole SVG that says in words what it shows; labels never lie on each other."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Bar, BarGroup, Line, Spot, spread
from lm_eval_tasks.report.svg import COLOURS, shortened

TOLD = ("title & <more>", "what it shows")
SHARES = st.floats(0, 1)
LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80)


def whole(svg: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert [root[0].tag, root[1].tag] == ["title", "desc"]
    assert (root[0].text, root[1].text) == TOLD
    assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    width, height = map(float, str(root.get("viewBox")).split()[2:])
    for box in root.iter("rect"):
        if "x" in box.attrib:
            assert 0 <= float(box.attrib["x"]) + float(box.attrib["width"]) <= width
            assert 0 <= float(box.attrib["y"]) + float(box.attrib["height"]) <= height
    return root


@given(st.lists(st.tuples(LABELS, SHARES, st.integers(0, 7)), min_size=1, max_size=6))
def test_bars_of_any_label_are_whole(given: list[tuple[str, float, int]]) -> None:
    rows = [BarGroup(label, [Bar(p, f"M{p + 1}", s, f"{s:.0%}", mark=s)]) for label, s, p in given]
    root = whole(charts.bars("x", TOLD, rows))
    used = {e.get("fill", "") for e in root.iter("rect")}
    defined = {f"url(#{e.get('id')})" for e in root.iter("pattern")}
    assert {fill for fill in used if fill.startswith("url")} <= defined


def test_a_bar_is_as_long_as_its_share() -> None:
    root = whole(charts.bars("x", TOLD, [BarGroup("a", [Bar(0, "M1", 0.25, "1/4", reach=0.5)])]))
    reach, bar = (float(box.attrib["width"]) for box in root.iter("rect"))
    assert reach == 2 * bar == (charts.RIGHT - charts.LEFT) / 2


@given(st.lists(st.tuples(SHARES, SHARES, st.booleans()), min_size=1, max_size=12))
def test_slopes_tell_rise_and_fall_without_colour(given: list[tuple[float, float, bool]]) -> None:
    lines = [Line(f"[{place}]", *line) for place, line in enumerate(given)]
    root = whole(charts.slope("x", TOLD, ("M1", "M2"), lines))
    drawn = [path for path in root.iter("path") if "stroke" in path.attrib]
    texts = "".join(text.text or "" for text in root.iter("text"))
    falls = sum(line.after < line.before for line in lines)
    assert sum(path.get("stroke-dasharray") != "none" for path in drawn) == falls
    assert texts.count("▼") == falls
    assert [path.get("stroke-width") == "3" for path in drawn] == [line.certain for line in lines]


@given(st.lists(st.floats(0, 300), min_size=1, max_size=20))
def test_labels_keep_their_order_and_distance(heights: list[float]) -> None:
    made = spread(heights, 15)
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    for above, below in pairwise(order):
        assert made[below] - made[above] >= 15 - 1e-6
    if len(heights) == 1:
        assert made == heights


def test_reliability_prints_its_numbers() -> None:
    root = whole(charts.reliability("x", TOLD, ("c", "a"), [Spot(0.3, 0.2, 12), Spot(0.9, 1, 7)]))
    assert {"12", "7", "100%"} <= {text.text for text in root.iter("text")}


def test_a_label_is_cut_by_the_width_of_its_letters() -> None:
    assert shortened("循環器", 6) == "循環器"
    assert shortened("循環器病", 6) == "循環…"
    assert shortened("abcdef", 6) == "abcdef"


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_stand_out_from_white(colour: str) -> None:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5
