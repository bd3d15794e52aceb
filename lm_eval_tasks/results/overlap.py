"""Questions of an exam among an adapter's training rows -> the mark that its scores carry."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_tasks.results.training_record import (
    adapter_of,
    adapter_record,
    is_damaged,
    model_arguments,
)


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


def overlap_mark(
    results: Mapping[str, Any], file: Path, exam: str, sittings: Collection[str]
) -> OverlapMark:
    """The mark of a score, from the record that the trainer left beside adapter or weights.

    Args:
        results: what lm-eval wrote into `file`.
        sittings: those that were asked.
    """
    if is_damaged(results, file):
        return OverlapMark("damaged record")
    record = adapter_record(results, file)
    if record is None:
        return OverlapMark("no record" if adapter_of(model_arguments(results)) else "")
    overlap = record["overlap"]
    if found := overlap["found"].get(exam):
        return OverlapMark("found", found["rows"], found["questions"])
    compared = any(_covers(entry, exam, sittings) for entry in overlap["compared"])
    return OverlapMark("" if compared else "not compared")


def _covers(entry: str, exam: str, sittings: Collection[str]) -> bool:
    """Whether a record's entry, "yakugakuqa (108, 109)" or "igakuqa", names all that was asked."""
    name, _, named = entry.partition(" (")
    return name == exam and (not named or set(sittings) <= set(named.rstrip(")").split(", ")))
