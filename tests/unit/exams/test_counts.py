"""The key `checked` of a card: its counts must agree with what the card says is published."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import card_from, read_card
from lm_eval_tasks.exams.counts import Kept

KEPT = {"kept": 3, "left_out": {"needs a figure": 1}}
COUNTS: dict[str, Any] = {
    "text_only": 3, "points": 4, "text_only_points": 3, "letters": KEPT, "texts": KEPT,
    "with_figures": {"kept": 4},
}  # fmt: skip


def card(tmp_path: Path, checked: object) -> Path:
    file = tmp_path / "mine.card"
    values = {
        "title": "x", "language": "ja", "reader": "igakuqa", "source": "here",
        "published": {"1": 4}, "licence": "x", "citation": "x", "checked": checked,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def test_counts_are_read(tmp_path: Path) -> None:
    counts = card_from(card(tmp_path, COUNTS)).checked
    assert counts
    assert (counts.letters.kept, counts.letters.left_out) == (3, {"needs a figure": 1})
    assert counts.with_figures.left_out == {}


def test_counts_of_a_run_with_images_are_those_of_an_exam_that_has_some(tmp_path: Path) -> None:
    without = card_from(card(tmp_path, COUNTS)).checked
    shown = {
        "vision": {"kept": 3, "left_out": {"its figure is not published": 1}},
        "with_images": 2,
    }
    counts = card_from(card(tmp_path, COUNTS | shown)).checked
    assert without
    assert counts
    assert (without.vision, without.with_images) == (None, 0)
    assert counts.vision == Kept(3, {"its figure is not published": 1})
    assert counts.with_images == 2


def test_a_card_without_them_was_never_checked() -> None:
    assert read_card("medqa_ja").checked is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": {"kept": 3}}, "checked: texts: kept and left out make 3; allowed: 4"),
        ({"text": 3}, "checked: unknown key 'text'; did you mean 'texts'"),
        ({"points": "4"}, "checked: points: found '4'; allowed: a whole number"),
        ({"vision": {"kept": 3}}, "checked: vision: kept and left out make 3; allowed: 4"),
        ({"points": True}, "checked: points: found True"),
        ({"letters": 3}, "checked: letters: found 3; allowed: keys and values"),
        ({"letters": {"left_out": {}}}, "checked: letters: kept: found None"),
        ({"right_as_it_stands": {"seen": ["1A1"]}}, "unknown key 'seen'"),
        ({"right_as_it_stands": {"underlined": "1A1"}}, "found '1A1'; allowed: a list of ids"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(JmedError, match=message):
        card_from(card(tmp_path, COUNTS | change))


def test_a_count_that_is_missing_is_named(tmp_path: Path) -> None:
    few = {key: value for key, value in COUNTS.items() if key not in ("points", "texts")}
    with pytest.raises(JmedError, match="checked: lacks points, texts"):
        card_from(card(tmp_path, few))


@pytest.mark.parametrize("value", [3, [], "x"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(JmedError, match="checked: found"):
        card_from(card(tmp_path, value))
