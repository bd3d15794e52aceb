"""Every exam's card, found by glob, is complete; without `checked` it was never run on its data."""

import json
from pathlib import Path

import pytest

from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.exams.manifest import LARGEST, read_manifest
from lm_eval_tasks.protocols import PROTOCOLS

RECORDED = Path(__file__).parents[2] / "recorded"
PROMPTS = json.loads((RECORDED / "prompts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", exam_names())
def test_a_card_is_complete(name: str) -> None:
    card = read_card(name)
    assert card.title
    assert card.licence
    assert card.citation
    assert card.language in ("ja", "en")
    assert sum(card.published.values()) > 0
    assert set(card.overlaps) <= set(exam_names()) - {name}
    assert bool(card.hub) == card.source.startswith("hf:")
    if not card.hub:
        pins = read_manifest(card)
        assert pins
        # pinned by content and by size: nothing else is ever downloaded
        assert all(0 < pin.size < LARGEST for pin in pins.values())
    if "/" in card.source and not card.hub:
        assert len(card.source.partition("@")[2]) == 40  # a whole commit


@pytest.mark.parametrize("name", exam_names())
def test_its_prompts_are_on_record_unless_its_data_was_never_seen(name: str) -> None:
    recorded = [protocol for protocol in PROTOCOLS if f"jmed_{name}_{protocol}" in PROMPTS]
    assert recorded == (list(PROTOCOLS) if read_card(name).checked else [])


def test_a_run_on_some_sittings_needs_their_files_alone() -> None:
    card = read_card("yakugakuqa")
    all_files, two = read_manifest(card), read_manifest(card, ["108", "109"])
    assert len(all_files) == 13 * 6
    assert len(two) == 2 * 6
