"""A private exam's sheet -> its questions in normal form, or all that is wrong with them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lm_eval_tasks.own_exam.images import ImageFolder, OwnImage, RowImages, sources
from lm_eval_tasks.own_exam.question import question
from lm_eval_tasks.own_exam.sheet import Fault, Sheet, SheetRow

KINDS = ("one letter", "several letters", "alternatives", "a number")


@dataclass(frozen=True)
class Checked:
    """questions: one JSON object for each row in the form of readers/private.py; whole only if
    there are no faults. images: what they call an image -> that image, each once."""

    questions: Sequence[dict[str, Any]]
    faults: Sequence[Fault]
    images: Mapping[str, OwnImage] = field(default_factory=dict, compare=False)

    def answer_types(self) -> dict[str, int]:
        """How the questions are answered -> how many."""
        kinds = Counter(map(_kind, self.questions))
        return {kind: kinds[kind] for kind in KINDS if kinds[kind]}


def _kind(normal: Mapping[str, Any]) -> str:
    if not normal["choices"]:
        return "a number"
    if " or " in normal["answer"]:
        return "alternatives"
    return "several letters" if normal["n_select"] > 1 else "one letter"


def check(sheet: Sheet) -> Checked:
    """Check every row with its images, and what concerns several rows: ids and sittings."""
    images = list(_images(sheet.rows))
    checked = [
        question(row, place, its)
        for place, (row, its) in enumerate(zip(sheet.rows, images, strict=True), 1)
    ]
    questions = [normal for normal, _ in checked]
    faults = [*sheet.faults, *(fault for _, found in checked for fault in found)]
    faults += _id_faults(sheet.rows, questions)
    if any(normal["sitting"] for normal in questions):
        faults += [
            row.fault("sitting", "a name, as other rows have one")
            for row in sheet.rows
            if "sitting" not in row.values
        ]
    return Checked(questions, sorted(faults, key=lambda fault: fault.row), sources(images))


def _images(rows: Sequence[SheetRow]) -> Iterator[RowImages]:
    folder: ImageFolder | None = None
    for row in rows:
        folder = folder or ImageFolder(row.file.parent)
        yield folder.of_row(row)


def _id_faults(rows: Sequence[SheetRow], questions: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for row, normal in zip(rows, questions, strict=True):
        key = normal["id"]
        if key in first:
            allowed = f"another than in row {first[key]}"
            yield Fault(row.file, row.number, "id", key, allowed)
        first.setdefault(key, row.number)
