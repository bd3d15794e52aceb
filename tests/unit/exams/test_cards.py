"""Every exam's card, found by glob, is complete; without `checked` it was never run on its data."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import exam_names, read_card, set_names
from lm_eval_tasks.exams.manifest import LARGEST, read_manifest
from lm_eval_tasks.protocols import TEXT_PROTOCOLS, task_name

RECORDED = Path(__file__).parents[2] / "recorded"
PROMPTS = json.loads((RECORDED / "prompts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", set_names())
def test_a_card_is_complete(name: str) -> None:
    card = read_card(name)
    assert card.title
    assert card.licence
    assert card.citation
    assert card.language in ("ja", "en")
    assert sum(card.published.values()) > 0
    assert set(card.overlaps) <= set(set_names()) - {name}
    assert bool(card.hub) == card.source.startswith("hf:")
    if not card.hub:
        pins = read_manifest(card)
        assert pins
        # pinned by content and by size: nothing else is ever downloaded; by the commit alone where
        # no copy was at hand, so that nothing could be counted either
        known = [pin for pin in pins.values() if pin.sha256]
        seen = card.checked or (card.clinical and card.clinical.majority)
        assert len(known) == (len(pins) if seen else 0)
        assert all(0 < pin.size < LARGEST for pin in known)
    if "/" in card.source and not card.hub:
        assert len(card.source.partition("@")[2]) == 40  # a whole commit


@pytest.mark.parametrize("exam", exam_names())
def test_its_prompts_are_on_record_unless_its_data_was_never_seen(exam: str) -> None:
    recorded = tuple(name for name in TEXT_PROTOCOLS if task_name(exam, name) in PROMPTS)
    assert recorded == (TEXT_PROTOCOLS if read_card(exam).checked else ())


def test_a_run_on_some_sittings_needs_their_files_alone() -> None:
    card = read_card("yakugakuqa")
    all_files, two = read_manifest(card), read_manifest(card, ["108", "109"])
    assert len(all_files) == 13 * 6
    assert len(two) == 2 * 6


def test_a_card_is_read_by_its_path_too(tmp_path: Path) -> None:
    """Under the name and in the folder of the file, as private exams are."""
    known = read_card("sample")
    own = tmp_path / "own.card"
    own.write_bytes((known.folder / "sample.card").read_bytes())
    assert read_card(str(own)) == replace(known, name="own", folder=tmp_path)


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        ("published_rule: igakuqa", "published_rule: igakqa", "did you mean 'igakuqa'"),
        ("language: ja", "langage: ja", "langage"),
        ("licence: Apache-2.0", "", "licence"),
    ],
)
def test_a_card_with_what_is_not_known_is_refused(
    tmp_path: Path, line: str, wrong: str, message: str
) -> None:
    text = (read_card("sample").folder / "sample.card").read_text(encoding="utf-8")
    assert text.count(line) == 1
    own = tmp_path / "own.card"
    own.write_text(text.replace(line, wrong), encoding="utf-8")
    with pytest.raises(JmedError, match=message) as refused:
        read_card(str(own))
    assert str(refused.value).startswith(str(own))
