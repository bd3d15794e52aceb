"""The format of jungokasai/IgakuQA: a section is NNN-S.jsonl, NNN-S_metadata.jsonl and,
in English, NNN-S_translate.jsonl.

Source: https://github.com/jungokasai/IgakuQA/tree/2bc4c3d159cf5505f6253d24a909fbd53237e239/data
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from unicodedata import normalize

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.cases.series import LEAD, SERIES_LENGTH, attach_cases
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.exams.wording import checked, n_select
from lm_eval_tasks.files.rows import Row, rows_by_id

SECTION_FILE = re.compile(r"(?P<sitting>\d+)-(?P<section>[A-Z])\.jsonl")
POINTS = ("0", "1", "3")
SHEET = re.compile(r"\d+(\.\d+)?")
# The translator (a chat model, says the publisher) spoke for itself or gave an answer away.
BOILERPLATE = re.compile(
    r"I'm sorry|I apologi[sz]e|as an AI|more context|not provided|[Tt]ranslation [Nn]ote|"
    r"\(Note:|^Note:|[Aa]nswer:|正解|[ぁ-ん]|cannot be (?:provided|answered|translated)",
    re.MULTILINE,
)


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions of an exam in printed order, follow-ups with their case text.

    Args:
        card: the exam; its language chooses the original or the translation (whose points and
            figures come from the original), its exceptions change single questions.
        files: published path -> local file.

    Raises:
        JmedError: naming file, line, field, what was found and what is allowed.
    """
    for name in sorted(files):
        if match := SECTION_FILE.fullmatch(Path(name).name):
            stem = name.removesuffix(".jsonl")
            rows = rows_by_id(files[name])
            facts = _beside(rows, files[f"{stem}_metadata.jsonl"])
            translated = card.language == "en"
            words = _beside(rows, files[f"{stem}_translate.jsonl"]) if translated else rows
            section = [
                _question(card, match.group(), row, facts[key], words[key])
                for key, row in rows.items()
            ]
            originals = [row.text("problem_text") for row in rows.values()]
            for question in attach_cases(section, originals):
                yield replace(question, boilerplate=translated and _has_boilerplate(question))


def read_demonstrations(card: Card, file: Path) -> list[tuple[Question, str]]:
    """Return the publisher's worked examples, each with its explanation, in published order."""
    suffix = "_en" if card.language == "en" else ""
    return [
        (
            checked(
                row,
                id=row.text("problem_id"),
                exam=card.name,
                language=card.language,
                sitting="",
                section="",
                stem=row.text(f"problem_text{suffix}"),
                choices=row.texts(f"choices{suffix}"),
                accepted=_accepted(row),
                n_select=n_select(row.text("problem_text")),
                points=1,
                has_figure=not row.flag("text_only"),
            ),
            row.text(f"explanation{suffix}"),
        )
        for row in rows_by_id(file).values()
    ]


def _beside(rows: Mapping[str, Row], file: Path) -> dict[str, Row]:
    """The rows of the same questions in a file beside theirs."""
    others = rows_by_id(file)
    for key, row in (*rows.items(), *others.items()):
        if key not in rows or key not in others:
            lacking = file if key not in others else next(iter(rows.values())).file
            raise JmedError(f"{row.file}:{row.line}: problem_id {key!r} is missing in {lacking}")
    return others


def _question(card: Card, file_name: str, row: Row, facts: Row, words: Row) -> Question:
    sitting, section = file_name.removesuffix(".jsonl").split("-")
    key = row.text("problem_id")
    if not re.fullmatch(rf"{sitting}{section}\d+", key):
        raise row.fail("problem_id", f"{sitting}{section} and a number")
    if row.text("points") not in POINTS:
        raise row.fail("points", " or ".join(map(repr, POINTS)))
    if LEAD in row.text("problem_text") and section not in SERIES_LENGTH:
        raise row.fail("problem_text", f"a case series only in sections {', '.join(SERIES_LENGTH)}")
    suffix = "_en" if card.language == "en" else ""
    stem, choices = words.text(f"problem_text{suffix}"), words.texts(f"choices{suffix}")
    if not len(row.texts("choices")) == len(choices) <= len(LETTERS):
        raise words.fail(f"choices{suffix}", f"as many as the original, {len(LETTERS)} at most")
    return checked(
        row,
        id=key,
        exam=card.name,
        language=card.language,
        sitting=sitting,
        section=section,
        stem=stem,
        choices=choices,
        accepted=_accepted(row) if choices else (),
        number=None if choices else _number(row, card.exceptions.numeric_values.get(key)),
        n_select=n_select(row.text("problem_text")),
        points=int(row.text("points")),
        has_figure=not row.flag("text_only"),
        required=section in card.required_sections,
        credited_to_all=key in card.exceptions.credited_to_all,
        prohibited=_prohibited(facts, len(choices)),
        category=facts.text("category"),
        human_accuracy=_percent(facts.text("human_accuracy")),
    )


def _accepted(row: Row) -> tuple[frozenset[str], ...]:
    """["a", "c"] -> one set of two; the literal "a or d" (112B30) -> two sets of one."""
    answer = row.texts("answer")
    if len(answer) == 1 and " or " in answer[0]:
        return tuple(frozenset(letter) for letter in answer[0].split(" or "))
    if not answer or len(set(answer)) < len(answer) or not all(a in LETTERS for a in answer):
        raise row.fail("answer", f"different letters among {LETTERS}, or 'a or d'")
    return (frozenset(answer),)


def _number(row: Row, value: str | None) -> Number:
    """The gold is what stands in the boxes; `value` is the number meant, where it differs."""
    match row.texts("answer"):
        case (sheet,) if SHEET.fullmatch(sheet):
            return Number(Decimal(value or sheet), sheet)
    raise row.fail("answer", "one number, since there are no choices")


def _prohibited(facts: Row, choices: int) -> frozenset[str]:
    """Published tokens are dirty: "de", full-width letters, a leading blank."""
    letters = frozenset(normalize("NFKC", "".join(facts.texts("kinki"))).replace(" ", ""))
    if letters - set(LETTERS[:choices]):
        raise facts.fail("kinki", f"letters among {LETTERS[:choices]}")
    return letters


def _has_boilerplate(question: Question) -> bool:
    texts = (question.context, question.stem, *question.choices)
    return any(BOILERPLATE.search(text) for text in texts)


def _percent(text: str) -> float | None:
    """Empty for 13 questions; typing errors beyond 100 count as unknown."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 100 else None
