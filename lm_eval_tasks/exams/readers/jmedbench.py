"""The format of the multiple-choice sets of Coldog2333/JMedBench on the Hugging Face Hub.

Source: https://huggingface.co/datasets/Coldog2333/JMedBench/tree/c647e3d2eeb21cb9f174fca2d2c7e7febe732095
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.hub import hub_items
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.items import by_key
from lm_eval_tasks.files.rows import Row

CONTRADICTED = "the publisher's number of options is not that of the options it gives"


def read(card: Card, rows: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """Yield all questions in published order.

    Raises:
        JmedError: naming dataset, item, field, what was found and what is allowed.
    """
    for key, row in by_key(hub_items(card, rows), "sample_id").items():
        yield _question(card, key, row)


def _question(card: Card, key: str, row: Row) -> Question:
    choices = row.texts("options")
    if not 2 <= len(choices) <= len(LETTERS):
        raise row.fail("options", f"2 to {len(LETTERS)} strings")
    stated = row.values.get("n_options")
    return checked(
        row,
        id=key,
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=row.text("question"),
        choices=tuple(choice.strip() for choice in choices),
        accepted=(frozenset(LETTERS[_index(row, len(choices))]),),
        n_select=1,
        points=1,
        has_figure=False,
        unusable="" if stated is None or str(stated) == str(len(choices)) else CONTRADICTED,
    )


def _index(row: Row, choices: int) -> int:
    index = row.values.get("answer_idx")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < choices:
        raise row.fail("answer_idx", f"an integer from 0 to {choices - 1}")
    return index
