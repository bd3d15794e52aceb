"""Questions of an exam among an adapter's training rows -> the mark that its scores carry."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lm_eval_tasks.adapter_record import adapter_record, model_arguments

TEXTS = {
    "ja": {
        "found": "†: 学習データの {rows} 行にこの試験の {questions} 問が含まれる。得点は実力を示さない",
        "not compared": "‡: アダプターの学習データとこの試験との重複は調べられていない",
        "base": "ベースモデルの事前学習データとの重複は不明 (印がなくても同じ)",
    },
    "en": {
        "found": "†: {rows} training rows hold {questions} questions of this exam: such a score "
        "says little",
        "not compared": "‡: nobody compared the adapter's training rows with this exam",
        "base": "what base models were pretrained on is unknown, with or without a mark",
    },
}


class OverlapMark(NamedTuple):
    """kind: a key of TEXTS; "" where there is no adapter, or nothing was found."""

    kind: str
    rows: int = 0
    questions: int = 0

    @property
    def sign(self) -> str:
        return {"found": "†", "not compared": "‡"}.get(self.kind, "")

    def note(self, language: str) -> str:
        """The footnote of the sign."""
        return TEXTS[language][self.kind].format(**self._asdict()) if self.kind else ""


def overlap_mark(results: Mapping[str, Any], exam: str) -> OverlapMark:
    """The mark of a score on `exam`, from the record that the trainer left beside the adapter."""
    if not model_arguments(results).get("peft"):
        return OverlapMark("")
    record = adapter_record(results)
    if record is None:
        return OverlapMark("not compared")
    overlap = record["overlap"]
    if found := overlap["found"].get(exam):
        return OverlapMark("found", found["rows"], found["questions"])
    # "yakugakuqa (108, 109)": some sittings were here, some not
    lacking = {name.split(" ")[0] for name in overlap["not_here"]}
    compared = {name.split(" ")[0] for name in overlap["compared"]}
    return OverlapMark("" if exam in compared - lacking else "not compared")
