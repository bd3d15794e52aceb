"""Questions of an exam among an adapter's training rows -> the mark that its scores carry."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from lm_eval_tasks.results.weights import Provenance


class OverlapMark(NamedTuple):
    """What is known of the questions of an exam among the rows that a model was trained on."""

    kind: str
    """A key of the words' `marks`; "" where nothing was found, or the model is one of others."""
    rows: int = 0
    questions: int = 0
    """Questions of the exam that so many rows hold."""

    @property
    def sign(self) -> str:
        """ "†" of questions that were trained on, "‡" where nobody knows, else ""."""
        return {"": "", "found": "†"}.get(self.kind, "‡")

    def meaning(self, words: Mapping[str, str]) -> str:
        """What the sign says, of the words' `marks`; "" without one."""
        return words[self.kind].format(**self._asdict()) if self.kind else ""

    def note(self, words: Mapping[str, str]) -> str:
        """The footnote: the sign and what it says; "" without one."""
        return f"{self.sign}: {self.meaning(words)}" if self.kind else ""


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
