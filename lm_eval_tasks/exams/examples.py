"""Worked examples of a clinical set, beside its card: invented by this project, none published.

One a line: {"question": "…", "options": ["…", "…"], "answer": "B"}, or for sets that ask for
expressions {"question": "…", "answer": ["…", "…"]}; for a wrong sentence an answer {"sentence": 2,
"text": "…"}, 0 and "" where none is wrong; for contradictions [["…", "…"]], two texts each.
"""

from collections.abc import Iterator

from lm_eval_tasks.errors import check_keys
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.free_answers import Contrast, Correction
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
        **({} if choices else _free(card, row)),
        n_select=1,
        points=1,
        has_figure=False,
    )


def _free(card: Card, row: Row) -> dict[str, object]:
    """The answer of a set without choices, of the kind that its first protocol asks for."""
    assert card.clinical
    kind, answer = card.clinical.protocols[0], row.values.get("answer")
    if kind == "correct":
        allowed = '{"sentence": a whole number, "text": a string}'
        if not isinstance(answer, dict) or {*answer} != {"sentence", "text"}:
            raise row.fail("answer", allowed)
        inner = Row(row.file, row.line, answer)
        if not isinstance(answer["sentence"], int):
            raise row.fail("answer", allowed)
        return {"correction": Correction(answer["sentence"], inner.text("text"))}
    if kind == "contrast":
        pairs = [Row(row.file, row.line, {"answer": one}).texts("answer") for one in _list(row)]
        if any(len(pair) != 2 for pair in pairs):
            raise row.fail("answer", "a list of pairs of strings")
        return {"contrasts": tuple(Contrast(*pair) for pair in pairs)}
    return {"entities": row.texts("answer")}


def _list(row: Row) -> list[object]:
    value = row.values.get("answer")
    if not isinstance(value, list):
        raise row.fail("answer", "a list of pairs of strings")
    return value
