"""Invented files of clinical sets whose data was never at hand, in their publishers' formats."""

import json
from pathlib import Path
from typing import Any

from lm_eval_tasks.exams.card import read_card

TEXT = "1. 島の旅人。\n2. 熱がある。\n3. 体温36.2 °C。\n4. 経過をみた。"
ERROR: dict[str, Any] = {
    "sample_id": "900A1_a_model",
    "sentences": TEXT,
    "error_flag": 1,
    "error_type": "所見エラー",
    "error_sentence_id": 2,
    "error_sentence": "熱がある。",
    "corrected_sentence": "熱はない。",
    "metadata": {},
}
CORRECT = ERROR | {
    "error_flag": 0, "error_type": None, "error_sentence_id": None, "error_sentence": None,
    "corrected_sentence": None,
}  # fmt: skip
DOCUMENTS: dict[str, Any] = {
    "id": 7,
    "name": "架空散",
    "in": "架空散 1 gをとり，溶液(1 → 50)を加える．無色である．",
    "out": "架空散 2 gをとり，溶液(1 → 40)を加える．無色である．",
    "before": ["架空散 1 gをとり", "溶液(1 → 50)", "無色である"],
    "after": ["架空散 2 gをとり", "溶液(1 → 40)", "無色である"],
    "labels": ["数値の変更"] * 3,
    "comment": "数値を変えた。",
}
SAME = DOCUMENTS | {"out": [DOCUMENTS["in"]], "after": DOCUMENTS["before"]}


def texts(count: int) -> list[dict[str, Any]]:
    """Every third without an error."""
    kinds = [CORRECT if n % 3 == 0 else ERROR for n in range(count)]
    return [kind | {"sample_id": f"{n}"} for n, kind in enumerate(kinds)]


def documents(count: int) -> list[dict[str, Any]]:
    """Every fourth pair without a contradiction."""
    return [SAME if n % 4 == 0 else DOCUMENTS for n in range(count)]


def write_mirror(folder: Path) -> None:
    """As many rows as each card says that its source has."""
    for name, make in (
        ("medrect_ja", texts),
        ("sogocheck_easy", documents),
        ("sogocheck_medium", documents),
    ):
        card = read_card(name)
        ((_, path),) = [
            line.split("  ", 1)
            for line in (card.folder / card.manifest).read_text(encoding="utf-8").splitlines()
        ]
        file = folder / card.source.replace("@", "/") / path
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = make(card.published[""])
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        whole = f"[{','.join(lines)}]" if path.endswith(".json") else "\n".join(lines)
        file.write_text(whole, encoding="utf-8")
