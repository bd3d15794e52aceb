"""Questions of an exam among an adapter's training rows -> the mark that its scores carry."""

from typing import NamedTuple

from lm_eval_tasks.adapter_record import adapter_record, model_arguments
from lm_eval_tasks.scored import Scored

TEXTS = {
    "ja": {
        "found": "†: 学習データの {rows} 行にこの試験の {questions} 問がある。得点は実力を示さない",
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


def overlap_mark(scored: Scored) -> OverlapMark:
    """The mark of a score, from the record that the trainer left beside the adapter."""
    results = scored.run.results
    if not model_arguments(results).get("peft"):
        return OverlapMark("")
    record = adapter_record(results)
    if record is None:
        return OverlapMark("not compared")
    overlap = record["overlap"]
    if found := overlap["found"].get(scored.exam):
        return OverlapMark("found", found["rows"], found["questions"])
    asked = {answer.doc["sitting"] for answer in scored.answers}
    compared = any(_covers(entry, scored.exam, asked) for entry in overlap["compared"])
    return OverlapMark("" if compared else "not compared")


def _covers(entry: str, exam: str, asked: set[str]) -> bool:
    """Whether a record's entry, "yakugakuqa (108, 109)" or "igakuqa", names all that was asked."""
    name, _, sittings = entry.partition(" (")
    return name == exam and (not sittings or asked <= set(sittings.rstrip(")").split(", ")))
