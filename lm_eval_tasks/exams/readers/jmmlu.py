"""The format of nlp-waseda/JMMLU: a CSV without header for each subject, four choices and a letter.

Source: https://github.com/nlp-waseda/JMMLU/tree/762cbf192c9e4588b574d718f95afd64c96fcbf4/JMMLU
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.items import table_items
from lm_eval_tasks.files.rows import Row

CHOICES = "ABCD"
FIELDS = ("question", *CHOICES, "answer")


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions, subject by subject; an id is the subject and the row's number from 1.

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    for name, file in files.items():
        for row in table_items(file, FIELDS):
            yield _question(card, Path(name).stem, row)


def _question(card: Card, subject: str, row: Row) -> Question:
    answer = row.text("answer").strip()
    if answer not in [*CHOICES]:
        raise row.fail("answer", f"one of {CHOICES}")
    return checked(
        row,
        id=f"{subject}-{row.line}",
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=row.text("question").strip(),
        choices=tuple(row.text(choice).strip() for choice in CHOICES),
        accepted=(frozenset(answer.lower()),),
        n_select=1,
        points=1,
        has_figure=False,
        category=subject,
    )
