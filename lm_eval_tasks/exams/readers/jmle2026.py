"""The format of naoto-iwase/JMLE2026-Bench: one JSON array, choices inside the question's text.

Source: https://github.com/naoto-iwase/JMLE2026-Bench/tree/76c4b29475d3008072a77a091a0d27df049dadcd
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.cases.series import HEADER, narrative
from lm_eval_tasks.exams.physician import number_or_letters, question_at
from lm_eval_tasks.exams.printed import Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.files.items import array_items, by_key
from lm_eval_tasks.files.rows import Row

ID = re.compile(r"(?P<sitting>\d+)(?P<section>[A-F])-(?P<number>\d+)")
# "a　rest", indented or not, or a row of a Markdown table, "| a | rest | 2 days |"
CHOICE = re.compile(r"\s*(?:([a-h])\s+(\S.*)|\|\s*([a-h])\s*\|(.*)\|)\s*")
RULE = re.compile(r"[\s|:-]*-[\s|:-]*")
# the boxes of the answer sheet: a line ①　②, below it the digits, "0　0" to "9　9"
SHEET = re.compile(r"\n\s*①[\s①-⑨]*(?:\n\s*(\d)(?:[ 　]+\1)*[ 　]*)+\Z")
FIGURE = re.compile(r"別冊|別に示す")
IMAGES = "images"
"""The publisher's folder of images; rows name its files."""
OF_SERIES = re.compile(r"\d+[A-F]-\d+-\d+_")
"""How the names of images begin that belong to a case: 120B-41-42_1.png."""


@dataclass(frozen=True)
class _Told:
    """What a question tells those after it in its series: its text, and images of that text."""

    text: str
    images: tuple[str, ...]


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions in printed order, those of a series with their case.

    The context of a question is the case and what the questions before it in the series tell;
    where such a text shows a figure, the images of the question that told it come with it.

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    series: dict[str, list[_Told]] = defaultdict(list)
    for file in files.values():
        for row in by_key(array_items(file), "question_id").values():
            question = _question(card, row)
            if group := _group(row):
                question = _in_series(question, group, series[group.text("group_id")])
            yield question


def _in_series(question: Question, group: Row, before: list[_Told]) -> Question:
    """The question with its case, and with what those `before` it told; it is added to them."""
    case = _lines(HEADER["ja"].sub("", group.text("context_text")))
    context = "\n".join(filter(None, (case, *(told.text for told in before))))
    images = [image for told in before for image in told.images if image not in question.images]
    text = narrative(question)
    before.append(_Told(text, question.images if FIGURE.search(text) else ()))
    return replace(
        question,
        context=context,
        context_has_figure=bool(FIGURE.search(context)) and not question.has_figure,
        context_images=tuple(dict.fromkeys(images)),
    )


def _question(card: Card, row: Row) -> Question:
    printed_id = ID.fullmatch(row.text("question_id"))
    if not printed_id or printed_id["sitting"] not in card.published:
        raise row.fail("question_id", f"{' or '.join(card.published)}, a section A to F, -number")
    text = _without_number(row, printed_id["number"])
    number, letters = _answer(card, printed_id[0], row)
    stem, choices = (SHEET.sub("", text), ()) if number else _split(row, text)
    printed = with_exceptions(card, printed_id[0], Printed(stem, choices, tuple(letters)))
    return question_at(
        card,
        row,
        printed_id,
        printed,
        number=number,
        has_figure=row.flag("requires_image"),
        images=_images(row),
    )


def _images(row: Row) -> tuple[str, ...]:
    """Their published paths in printed order: those of the case first, which rows name last."""
    names = row.texts("clinical_images") if "clinical_images" in row.values else ()
    ordered = sorted(names, key=lambda name: not OF_SERIES.match(name))
    return tuple(f"{IMAGES}/{name}" for name in ordered)


def _answer(card: Card, key: str, row: Row) -> tuple[Number | None, str]:
    answer = row.texts("answer")
    number, letters = number_or_letters(card, key, row, "".join(answer))
    calculation = row.text("question_type") == "calculation"
    if bool(number) != calculation or len(answer) != len(letters or "1"):
        raise row.fail("answer", "one number" if calculation else "a list of letters")
    return number, letters


def _group(row: Row) -> Row | None:
    group = row.values.get("serial_group")
    if group is not None and not isinstance(group, dict):
        raise row.fail("serial_group", "an object")
    return replace(row, values=group) if group else None


def _without_number(row: Row, number: str) -> str:
    """The text without the number that it begins with."""
    match = re.fullmatch(r"(\d+)\s+(\S.*)", _lines(row.text("question_text")), re.DOTALL)
    if not match or match[1] != number:
        raise row.fail("question_text", f"text that begins with {number} and a blank")
    return match[2]


def _lines(text: str) -> str:
    """Blank lines are Markdown's, not the exam's."""
    return re.sub(r"\n\s*\n", "\n", text).strip()


def _split(row: Row, text: str) -> tuple[str, tuple[str, ...]]:
    """Stem and choices: the lines from the first "a" on, which must be a, b, c and so on."""
    lines = [line for line in text.split("\n") if not RULE.fullmatch(line)]
    matches = [CHOICE.fullmatch(line) for line in lines]
    letters = [(match[1] or match[3]) if match else " " for match in matches]
    start = letters.index("a") if "a" in letters else len(lines)
    if len(lines) - start < 2 or "".join(letters[start:]) not in LETTERS:
        raise row.fail("question_text", "a stem, then lines of choices from a on")
    texts = (
        match[2] or " | ".join(map(str.strip, match[4].split("|")))
        for match in matches[start:]
        if match
    )
    return "\n".join(lines[:start]).strip(), tuple(text.strip() for text in texts)
