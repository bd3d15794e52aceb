"""The format of EQUES-Inc/pharma-LLM-eval, SogoBench: JSON Lines of two documents and what differs.

Source: https://github.com/EQUES-Inc/pharma-LLM-eval/tree/998387e8fe73f775990ca11d0a45d2a6819bf4e3/SogoBench
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.free_answers import Contrast
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.rows import Row, read_rows

FIRST, SECOND = "【文書1】", "【文書2】"
UNEVEN = "the key's two lists are not of one length"


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all pairs of documents in published order; an id is the row's number from 1, "007".

    Raises:
        JmedError: naming file, line, field, what was found and what is allowed.
    """
    for file in files.values():
        for number, row in enumerate(read_rows(file), 1):
            yield _question(card, row, number)


def _question(card: Card, row: Row, number: int) -> Question:
    before, after = row.texts("before"), row.texts("after")
    # the key has pairs of equal texts too, which the publisher's program leaves out
    pairs = tuple(Contrast(*pair) for pair in zip(before, after, strict=False) if len({*pair}) > 1)
    return checked(
        row,
        id=f"{number:03}",
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=f"{FIRST}\n{_document(row, 'in')}\n{SECOND}\n{_document(row, 'out')}",
        choices=(),
        accepted=(),
        n_select=1,
        points=1,
        has_figure=False,
        contrasts=pairs,
        unusable="" if len(before) == len(after) else UNEVEN,
    )


def _document(row: Row, field: str) -> str:
    """The publisher's program takes a list of texts too."""
    if isinstance(row.values.get(field), str):
        row = replace(row, values={field: [row.values[field]]})
    return "\n".join(row.texts(field)).strip()
