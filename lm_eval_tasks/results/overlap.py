"""Questions of an exam among an adapter's training rows -> the mark that its scores carry."""

from collections.abc import Collection
from typing import NamedTuple

from lm_eval_tasks.results.weights import Provenance

TEXTS = {
    "ja": {
        "found": "†: 学習データの {rows} 行にこの試験の {questions} 問がある。得点は実力を示さない",
        "not compared": "‡: 追加学習のデータとこの試験との重複は調べられていない",
        "no record": "‡: アダプターの学習記録 (run.json) が見つからず、この試験との重複は不明",
        "damaged record": "‡: 重みの学習記録 (run.json) が壊れていて、この試験との重複は不明",
        "base": "ベースモデルの事前学習データとの重複は不明 (印がなくても同じ)",
    },
    "en": {
        "found": "†: {rows} training rows hold {questions} questions of this exam: such a score "
        "says little",
        "not compared": "‡: nobody compared the training rows with this exam",
        "no record": "‡: no training record (run.json) was found beside the adapter, so nobody "
        "knows whether its rows hold this exam",
        "damaged record": "‡: the training record (run.json) beside the weights is damaged, so "
        "nobody knows whether their rows hold this exam",
        "base": "what base models were pretrained on is unknown, with or without a mark",
    },
}


class OverlapMark(NamedTuple):
    """kind: a key of TEXTS; "" where nothing was found, or the model is one of others."""

    kind: str
    rows: int = 0
    questions: int = 0

    @property
    def sign(self) -> str:
        return {"": "", "found": "†"}.get(self.kind, "‡")

    def note(self, language: str) -> str:
        """The footnote of the sign."""
        return TEXTS[language][self.kind].format(**self._asdict()) if self.kind else ""


def overlap_mark(made: Provenance, exam: str, sittings: Collection[str]) -> OverlapMark:
    """The mark of a score, from the record that the trainer left beside adapter or weights.

    Args:
        made: what lies beside the weights that were scored.
        sittings: those that were asked.
    """
    if made.is_damaged:
        return OverlapMark("damaged record")
    overlap = made.record.overlap if made.record else None
    if overlap is None:
        return OverlapMark("no record" if made.adapter else "")
    if found := overlap.found.get(exam):
        return OverlapMark("found", found.rows, found.questions)
    compared = any(_covers(entry, exam, sittings) for entry in overlap.compared)
    return OverlapMark("" if compared else "not compared")


def _covers(entry: str, exam: str, sittings: Collection[str]) -> bool:
    """Whether a record's entry, "yakugakuqa (108, 109)" or "igakuqa", names all that was asked."""
    name, _, named = entry.partition(" (")
    return name == exam and (not named or set(sittings) <= set(named.rstrip(")").split(", ")))
