"""The format of EQUES-Inc/pharma-LLM-eval: a section is data/20YY/NNN-S.jsonl.

Source: https://github.com/EQUES-Inc/pharma-LLM-eval/tree/998387e8fe73f775990ca11d0a45d2a6819bf4e3
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lm_eval_tasks.card import Card
from lm_eval_tasks.exam import LETTERS, Question
from lm_eval_tasks.readers.wording import accepted_by, checked, n_select, why_unusable
from lm_eval_tasks.rows import Row, rows_by_id

SECTION_FILE = re.compile(r"0*(?P<sitting>\d+)-(?P<section>[A-F])\.jsonl")
ID = re.compile(r"0*(?P<sitting>\d+)(?P<section>[A-F])0*(?P<number>\d+)")
POINTS = ("0", "1")
# behind a digit, what the ministry decided, itself split at "、": ["1", "3", "5（いずれか…", "…）"]
NOTE = re.compile(r"（[^）]*）")
STRUCK_OUT = "解なし"
IN_FIGURE = "the choices are in the figure"
NO_RIGHT_ANSWER = "the ministry found no right answer"
# Practice and theory on one case: questions 196-325 of the exam come in pairs, and only the first
# of each prints the case. Looked through for exams 108 and 109: all 130 pairs.
PAIRED = {"D": 50, "E": 40, "F": 40}
# Values of a case run into the question without a full stop, but behind a blank, or "…）この".
ASKED = re.compile(
    r"(?:(?<![^。\s])(?:(?!）この)[^。\s])*|(?<=）)この[^。\s]*)(?:どれか|選べ|答えよ|求めよ)(?:。|\Z)\s*"
)


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions in printed order, the second of each pair with its case.

    Raises:
        JmedError: naming file, line, field, what was found and what is allowed.
    """
    for name in sorted(files):
        match = SECTION_FILE.fullmatch(Path(name).name)
        assert match, f"{card.manifest}: {name} is no section"
        rows = rows_by_id(files[name]).values()
        yield from _with_cases([_question(card, match["sitting"], row) for row in rows])


def _with_cases(section: Sequence[Question]) -> Iterator[Question]:
    paired = PAIRED.get(section[0].section, 0)
    for index, question in enumerate(section):
        lead = section[index - 1]
        if index % 2 and index < paired:
            case = ASKED.sub("", lead.stem).strip()
            yield replace(question, context=case, context_has_figure=lead.has_figure)
        else:
            yield question


def _question(card: Card, sitting: str, row: Row) -> Question:
    place = ID.fullmatch(row.text("problem_id"))
    if not place or place["sitting"] != sitting or sitting not in card.published:
        raise row.fail("problem_id", f"{sitting}, a section A to F and a number")
    if row.text("points") not in POINTS:
        raise row.fail("points", " or ".join(map(repr, POINTS)))
    text, letters = row.text("problem_text"), _letters(row)
    choices = () if isinstance(row.values.get("choices"), str) else row.texts("choices")
    unusable = _unusable(row, choices, letters)
    return checked(
        row,
        id=place[0],
        exam=card.name,
        language=card.language,
        sitting=sitting,
        section=place["section"],
        stem=text,
        choices=choices,
        accepted=accepted_by(text, letters, unusable=unusable),
        n_select=n_select(text),
        points=0 if unusable == NO_RIGHT_ANSWER else int(row.text("points")),
        has_figure=not row.flag("text_only"),
        unusable=unusable,
    )


def _unusable(row: Row, choices: Sequence[str], letters: Sequence[str]) -> str:
    if STRUCK_OUT in "".join(row.texts("answer")):
        return NO_RIGHT_ANSWER
    if isinstance(row.values["choices"], str):
        return IN_FIGURE
    return why_unusable(row.text("problem_text"), choices, letters)


def _letters(row: Row) -> tuple[str, ...]:
    """["1", "4"] -> a and d, notes left out; none where there is no right answer.

    What is no digit of a choice stays as it is, and is then not among the choices.
    """
    answer = "、".join(row.texts("answer"))
    signs = () if STRUCK_OUT in answer else tuple(NOTE.sub("", answer).split("、"))
    if len(set(signs)) < len(signs):
        raise row.fail("answer", f"different digits, or {STRUCK_OUT!r}")
    return tuple(LETTERS[int(sign) - 1] if sign in [*"12345678"] else sign for sign in signs)
