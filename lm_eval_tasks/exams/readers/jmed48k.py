"""The format of JMed48k/JMed48k on the Hugging Face Hub: 11 professions, a JSON file for each year.

Source: https://huggingface.co/datasets/JMed48k/JMed48k/tree/817f1879f63e1c91f9d01fd2ff60ac44559e3dfb/JMed48k-eval.
This project never saw the data. Its fields, the order of the professions and what is wrong with
single rows are known from a program that somebody published to read the same revision; hence labels
and answers are read in any form, and what a row cannot mean is a reason, not a guess.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from unicodedata import normalize

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.printed import DAMAGED, IN_FIGURE, Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.exams.wording import checked
from lm_eval_tasks.files.items import items
from lm_eval_tasks.files.json_file import JsonError, read_json
from lm_eval_tasks.files.rows import Row, is_text

PLACE = re.compile(r"JMed48k-eval/(?P<profession>\d\d)[^/]*_(?P<year>20\d\d)/.+\.json")
PROFESSIONS = (
    "doctor", "dentist", "public-health-nurse", "midwife", "nurse", "radiological-technologist",
    "laboratory-technician", "physical-therapist", "occupational-therapist", "orthoptist",
    "pharmacist",
)  # fmt: skip
"""Of the folders 01 to 11."""
YEARS = 5
SECTION = re.compile(r"[A-F]|AM|PM|")
NUMBER = re.compile(r"\d{2,}|\d+\.\d+", re.ASCII)
"""One digit without choices is no number but the label of a choice that the file lacks."""
FIGURE = re.compile(r"別冊|別に示す")
LOST = "\N{REPLACEMENT CHARACTER}"
"""Stands where a character could not be decoded."""
INCOMPLETE = "some of the choices are empty in the source"
TWICE = "choices are the same text in the source"
NO_LETTER = "?"
"""Of an answer that is none of the labels ("1 or 2", a number beside choices); no choice has it."""


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions, profession by profession, year by year.

    An id is profession, year, section and number: "nurse-2024-AM12".

    Raises:
        JmedError: the files are not one for each profession and year; or naming file, item, field,
            what was found and what is allowed.
    """
    for (profession, year), file in _by_place(card, files).items():
        yield from read_year(card, file, profession, year)


def read_year(card: Card, file: Path, profession: str, year: str) -> Iterator[Question]:
    """Yield the questions of one profession's exams of one year, in printed order.

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    seen: set[str] = set()
    for row in _rows(file):
        question = _question(card, row, profession, year)
        if question.id in seen:
            raise row.fail("question_number", f"each but once in a section ({question.id})")
        seen.add(question.id)
        yield question


def _by_place(card: Card, files: Mapping[str, Path]) -> dict[tuple[str, str], Path]:
    places: dict[tuple[str, str], Path] = {}
    for name, file in files.items():
        found = PLACE.fullmatch(name)
        if not found or not 1 <= int(found["profession"]) <= len(PROFESSIONS):
            raise JmedError(f"{card.name}: {name}; allowed: JMed48k-eval/01…_2025/….json to 11…")
        place = PROFESSIONS[int(found["profession"]) - 1], found["year"]
        if place in places:
            raise JmedError(
                f"{card.name}: {name}: a second file of {' '.join(place)}; allowed: one"
            )
        places[place] = file
    years = Counter(profession for profession, _ in places)
    if lacking := [f"{name} {years[name]}" for name in PROFESSIONS if years[name] != YEARS]:
        raise JmedError(
            f"{card.name}: years of {', '.join(lacking)}; allowed: {YEARS} of each profession. "
            f"Run `jmed fetch {card.name}`."
        )
    return places


def _rows(file: Path) -> Iterator[Row]:
    try:
        values = read_json(file)
    except JsonError as error:
        raise JmedError(f"{error}; allowed: an object with a list of questions") from None
    questions = values.get("questions") if isinstance(values, dict) else None
    if not isinstance(questions, list) or not questions:
        raise JmedError(f"{file}: field 'questions': allowed: a list of objects")
    return items(file, questions)


def _question(card: Card, row: Row, profession: str, year: str) -> Question:
    section = str(row.values.get("section") or "")
    if not SECTION.fullmatch(section):
        raise row.fail("section", "A to F, AM, PM, or nothing")
    key = f"{profession}-{year}-{section}{_number(row)}"
    labels, choices = _choices(row)
    gold = _gold(row)
    number = Number(Decimal(gold[0]), gold[0]) if _is_number(gold, choices) else None
    context = row.text("text_reference").strip() if row.values.get("text_reference") else ""
    has_figure = _needs_figure(row) or (bool(choices) and not any(choices))
    printed = Printed(
        row.text("question_text").strip(),
        choices,
        () if number else _letters(gold, labels),
        reason=_damage(row, context, choices),
    )
    printed = with_exceptions(card, key, printed)
    return checked(
        row,
        id=key,
        exam=card.name,
        language=card.language,
        sitting="",
        section=section,
        stem=printed.text,
        context="" if context in printed.text else context,
        context_has_figure=bool(FIGURE.search(context)) and not has_figure,
        choices=choices,
        accepted=printed.accepted,
        number=number,
        n_select=printed.n_select,
        points=1,
        has_figure=has_figure,
        category=profession,
        unusable=printed.reason if number else printed.unusable,
    )


def _number(row: Row) -> int:
    value = row.values.get("question_number")
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 1000:
        raise row.fail("question_number", "a whole number from 1 to 999")
    return int(text)


def _choices(row: Row) -> tuple[dict[str, str], tuple[str, ...]]:
    """Label -> the letter asked for here ("1" -> "a"), in the order of the file; and the texts.

    A choice that is no text is empty, options that are no mapping are none: reasons say so.
    """
    options = row.values.get("options")
    if not isinstance(options, dict):
        return {}, ()
    labels = [_plain(label) for label in options]
    if len(set(labels)) < len(labels):
        raise row.fail("options", "labels that differ")
    letters = dict(zip(labels, LETTERS, strict=False))  # a ninth choice has no letter: OUTSIDE
    return letters, tuple(text.strip() if is_text(text) else "" for text in options.values())


def _gold(row: Row) -> tuple[str, ...]:
    """The labels of the key; none where the question was struck out."""
    gold = row.values.get("correct_answer")
    values = gold if isinstance(gold, list) else [] if gold is None else [gold]
    return tuple(label for value in values if (label := _plain(str(value))))


def _letters(gold: tuple[str, ...], labels: dict[str, str]) -> tuple[str, ...]:
    """Of a key that names a label twice none is known."""
    if len(set(gold)) < len(gold):
        return (NO_LETTER,)
    return tuple(labels.get(label, NO_LETTER) for label in gold)


def _plain(label: str) -> str:
    """ "Ａ" -> "a" """
    return normalize("NFKC", label).strip().lower()


def _is_number(gold: tuple[str, ...], choices: tuple[str, ...]) -> bool:
    return not choices and len(gold) == 1 and bool(NUMBER.fullmatch(gold[0]))


def _needs_figure(row: Row) -> bool:
    """By its flag, and wherever it names an image, of its text or of its choices."""
    if row.values.get("text_only") is not None and not row.flag("text_only"):
        return True
    images = row.values.get("img") or {}
    if not isinstance(images, dict):
        raise row.fail("img", "an object")
    named = [images.get("content_img") or [], images.get("answer_img") or []]
    return any(any(one) if isinstance(one, list) else bool(one) for one in named)


def _damage(row: Row, context: str, choices: tuple[str, ...]) -> str:
    """Why nobody can be asked this, of what the program that read the data met; "" if one can."""
    if LOST in "".join((row.text("question_text"), context, *choices)):
        return DAMAGED
    if choices and not any(choices):
        return IN_FIGURE
    if not all(choices):
        return INCOMPLETE
    return TWICE if len(set(choices)) < len(choices) else ""
