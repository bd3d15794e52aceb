"""The format of EQUES-Inc/pharma-LLM-eval: a section is data/20YY/NNN-S.jsonl.

Source: https://github.com/EQUES-Inc/pharma-LLM-eval/tree/998387e8fe73f775990ca11d0a45d2a6819bf4e3
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from unicodedata import normalize

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.cases.yakugakuqa import attach_cases
from lm_eval_tasks.exams.printed import IN_FIGURE, Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.rows import Row, rows_by_id

SECTION_FILE = re.compile(r"0*(?P<sitting>\d+)-(?P<section>[A-F])\.jsonl")
ID = re.compile(r"0*(?P<sitting>\d+)(?P<section>[A-F])0*(?P<number>\d+)")
POINTS = ("0", "1")
# behind a digit, what the ministry decided, itself split at "、": ["1", "3", "5（いずれか…", "…）"]
NOTE = re.compile(r"（[^）]*）")
ANY_WILL_DO = "いずれか"
STRUCK_OUT = "解なし"
NO_RIGHT_ANSWER = "the ministry found no right answer"
# Of nine questions the text, or its first sentence, stands twice in a row.
TWICE = re.compile(r"\A(.{15,}[。｡])\1", re.DOTALL)


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions in printed order, those that go by another's case with it.

    Raises:
        JmedError: naming file, line, field, what was found and what is allowed.
    """
    for name in sorted(files):
        match = SECTION_FILE.fullmatch(Path(name).name)
        assert match, f"{card.manifest}: {name} is no section"
        rows = rows_by_id(files[name]).values()
        section = [_question(card, match["sitting"], row) for row in rows]
        yield from attach_cases(section, card.exceptions.case_series)


def _question(card: Card, sitting: str, row: Row) -> Question:
    printed_id = ID.fullmatch(row.text("problem_id"))
    if not printed_id or printed_id["sitting"] != sitting or sitting not in card.published:
        raise row.fail("problem_id", f"{sitting}, a section A to F and a number")
    if row.text("points") not in POINTS:
        raise row.fail("points", " or ".join(map(repr, POINTS)))
    printed = _printed(card, printed_id[0], row)
    return checked(
        row,
        id=printed_id[0],
        exam=card.name,
        language=card.language,
        sitting=sitting,
        section=printed_id["section"],
        stem=printed.text,
        choices=printed.choices,
        accepted=printed.accepted,
        n_select=printed.n_select,
        points=0 if printed.unusable == NO_RIGHT_ANSWER else int(row.text("points")),
        has_figure=not row.flag("text_only") or printed_id[0] in card.exceptions.needs_figure,
        unusable=printed.unusable,
    )


def _printed(card: Card, key: str, row: Row) -> Printed:
    """The text once, with each sign as one character: two sittings part か and its two dots."""
    drawn = isinstance(row.values.get("choices"), str)
    choices = () if drawn else row.texts("choices")
    answer = "、".join(row.texts("answer"))
    struck_out = NO_RIGHT_ANSWER if STRUCK_OUT in answer else ""
    printed = Printed(
        TWICE.sub(r"\1", normalize("NFC", row.text("problem_text"))),
        tuple(normalize("NFC", choice).strip() for choice in choices),
        _letters(row),
        any_will_do=ANY_WILL_DO in answer,
        reason=struck_out or (IN_FIGURE if drawn else ""),
    )
    return with_exceptions(card, key, printed)


def _letters(row: Row) -> tuple[str, ...]:
    """["1", "4"] -> a and d, notes left out; none where there is no right answer.

    What is no digit of a choice stays as it is, and is then not among the choices.
    """
    answer = "、".join(row.texts("answer"))
    signs = () if STRUCK_OUT in answer else tuple(NOTE.sub("", answer).split("、"))
    if len(set(signs)) < len(signs):
        raise row.fail("answer", f"different digits, or {STRUCK_OUT!r}")
    return tuple(LETTERS[int(sign) - 1] if sign in [*"12345678"] else sign for sign in signs)
