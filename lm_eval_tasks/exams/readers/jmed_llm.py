"""The formats of sociocom/JMED-LLM: a CSV with a header line for each set, two kinds of them.

With choices: `question`, `optionA` to at most `optionF`, `answer`, a letter. Without: `question`,
`answer`, a list in the form of Python. Most have a `tag` in front, what a row asks about.

Source: https://github.com/sociocom/JMED-LLM/tree/3774a34e4a26a7b8a7851f421ecad91a04c2f59b/datasets
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.items import headed_items
from lm_eval_tasks.files.rows import Row

LABELS = "ABCDEF"
OPTIONS = tuple(f"option{label}" for label in LABELS)


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all rows; an id is the row's number from 1, "007".

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    for file in files.values():
        for row in headed_items(file, ("question", "answer"), ("tag", *OPTIONS)):
            yield _question(card, row)


def _question(card: Card, row: Row) -> Question:
    choices = _choices(row)
    answer = row.text("answer").strip()
    if choices and answer not in [*LABELS[: len(choices)]]:
        raise row.fail("answer", f"one of {LABELS[: len(choices)]}")
    return checked(
        row,
        id=f"{row.line:03}",
        exam=card.name,
        language=card.language,
        sitting="",
        section="",
        stem=row.text("question").strip(),
        choices=choices,
        accepted=(frozenset(answer.lower()),) if choices else (),
        entities=() if choices else _entities(row),
        n_select=1,
        points=1,
        has_figure=False,
        category=row.text("tag", "").strip(),
    )


def _choices(row: Row) -> tuple[str, ...]:
    """Those that are not blank, as far as the columns have any; the publisher leaves these out."""
    texts = [row.text(option, "").strip() for option in OPTIONS]
    while texts and not texts[-1]:
        texts.pop()
    if not all(texts):
        raise row.fail(OPTIONS[texts.index("")], "a choice, since another one follows")
    return tuple(texts)


def _entities(row: Row) -> tuple[str, ...]:
    allowed = "a list of different expressions: ['fever', 'cough']"
    try:
        value = ast.literal_eval(row.text("answer"))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise row.fail("answer", allowed) from None
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise row.fail("answer", allowed)
    if not value or len(set(value)) < len(value):
        raise row.fail("answer", allowed)
    return tuple(value)
