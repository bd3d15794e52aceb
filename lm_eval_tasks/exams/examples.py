"""Worked examples of a clinical set, beside its card: invented by this project, none published.

One a line: {"question": "…", "options": ["…", "…"], "answer": "B"}, or for sets that ask for
expressions {"question": "…", "answer": ["…", "…"]}.
"""

from collections.abc import Iterator

from lm_eval_tasks.errors import check_keys
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.rows import Row, read_rows


def read_examples(card: Card) -> Iterator[Question]:
    """Yield the examples of a clinical set, in the order of prompts.

    Raises:
        JmedError: the file cannot be read, or a line is no example.
    """
    assert card.clinical
    for row in read_rows(card.folder / card.clinical.examples):
        check_keys(row.values, ("question", "options", "answer"), row.where)
        yield _example(card, row)


def _example(card: Card, row: Row) -> Question:
    choices = row.texts("options") if "options" in row.values else ()
    letters = LETTERS[: len(choices)].upper()
    if choices and row.text("answer") not in [*letters]:
        raise row.fail("answer", f"one of {letters}")
    return checked(
        row,
        id=f"example-{row.line}",
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=row.text("question"),
        choices=choices,
        accepted=(frozenset(row.text("answer").lower()),) if choices else (),
        entities=() if choices else row.texts("answer"),
        n_select=1,
        points=1,
        has_figure=False,
    )
