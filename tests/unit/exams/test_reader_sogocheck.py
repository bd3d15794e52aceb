"""Invented rows of the publisher's schema."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.free_answers import Contrast
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import sogocheck
from tests.invented_clinical import DOCUMENTS, SAME

CARD = read_card("sogocheck_easy")


def read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    file = folder / "easy.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n\n".join(lines), encoding="utf-8")
    return list(sogocheck.read(CARD, {"SogoBench/easy.jsonl": file}))


def test_pairs_of_equal_texts_are_no_contradiction(tmp_path: Path) -> None:
    differing, same = read(tmp_path, DOCUMENTS, SAME)
    assert (differing.id, same.id) == ("001", "002")
    assert differing.contrasts == (
        Contrast("架空散 1 gをとり", "架空散 2 gをとり"),
        Contrast("溶液(1 → 50)", "溶液(1 → 40)"),
    )
    assert differing.gold == (
        "- 架空散 1 gをとり → 架空散 2 gをとり\n- 溶液(1 → 50) → 溶液(1 → 40)"
    )
    assert (same.contrasts, same.gold) == ((), "なし")
    assert same.scorable
    assert differing.stem.startswith("【文書1】\n架空散 1 g")
    assert same.stem.count(DOCUMENTS["in"]) == 2  # one of them as a list


def test_lists_of_two_lengths_are_counted(tmp_path: Path) -> None:
    (question,) = read(tmp_path, DOCUMENTS | {"after": ["架空散 2 gをとり"]})
    assert question.unusable == sogocheck.UNEVEN


@pytest.mark.parametrize("field", ["in", "out", "before", "after"])
@pytest.mark.parametrize("value", [None, 3, [1]])
def test_a_value_that_is_not_allowed_is_named(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=f"easy.jsonl:3: field '{field}': found "):
        read(tmp_path, SAME, DOCUMENTS | {field: value})
