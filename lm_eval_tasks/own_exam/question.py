"""One row of a private exam's sheet -> its question in normal form, and all that is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

from lm_eval_tasks.exams.question import LETTERS, normal_form
from lm_eval_tasks.own_exam.images import ALLOWED, RowImages, named, names_files
from lm_eval_tasks.own_exam.sheet import CHOICES, Fault, SheetRow

NONE = RowImages()
NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", re.ASCII)
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
OR = re.compile(r"\bor\b|または|又は")
BETWEEN = re.compile(r"[\s,、・]")
DIGITS = "123456789一二三四五六七八九"
WORDING = re.compile(
    rf"([{DIGITS}])\s*[つ個]を?(?:選べ|選びなさい|選択せよ|選択しなさい|選んでください)"
)
FLAGS: Mapping[str, bool] = {
    **dict.fromkeys(("yes", "y", "true", "1", "はい", "○", "〇", "◯"), True),
    **dict.fromkeys(("", "no", "n", "false", "0", "いいえ", "×"), False),
}


def question(
    row: SheetRow, number: int, images: RowImages = NONE
) -> tuple[dict[str, Any], list[Fault]]:
    """Return the JSON object that readers/private.py reads, and what is wrong with the row.

    Args:
        number: of the row among the questions, from 1: its id if it has none.
        images: those that the row names; the object of a row without any has no key of them.
    """
    checked = _Row(row, [*row.faults, *images.faults])
    normal = _question(checked, number)
    if images.images:
        normal["images"] = [image.path for image in images.images]
    return normal, checked.faults


@dataclass(frozen=True)
class _Row:
    """A row and what was found wrong in it, once for each column."""

    row: SheetRow
    faults: list[Fault] = field(default_factory=list)

    def text(self, column: str) -> str:
        return self.row.values.get(column, "")

    def half(self, column: str) -> str:
        """The text half-width and lower case, for what is not prose."""
        return normalize("NFKC", self.text(column)).strip().lower()

    def refuse(self, column: str, allowed: str) -> None:
        if all(fault.column != column for fault in self.faults):
            self.faults.append(self.row.fault(column, allowed))


def _question(row: _Row, number: int) -> dict[str, Any]:
    if not row.text("question"):
        row.refuse("question", "the text of the question")
    choices = _choices(row)
    accepted = _accepted(row, choices) if choices else []
    return {
        "id": row.text("id") or str(number),
        "question": row.text("question"),
        "choices": choices,
        "answer": " or ".join(map(",".join, accepted)) if choices else _number(row),
        "n_select": _n_select(row, accepted),
        "points": _whole(row, "points", 1),
        "required": _flag(row, "required"),
        "category": row.text("category"),
        "figure": _figure(row),
        "prohibited": ",".join(_prohibited(row, choices, accepted)),
        "context": row.text("context"),
        "section": _section(row),
        "sitting": row.text("sitting"),
    }


def _choices(row: _Row) -> list[str]:
    texts = [row.text(name) for name in CHOICES]
    filled = [index for index, text in enumerate(texts) if text]
    if len(filled) == 1:
        row.refuse(CHOICES[1 if filled == [0] else 0], "at least two choices, or none")
    seen: dict[str, str] = {}
    for index in range(max(filled, default=-1) + 1):
        name, form = CHOICES[index], normal_form(texts[index])
        if not texts[index]:
            row.refuse(name, f"a text, since {CHOICES[filled[-1]]} has one")
        elif not form:
            row.refuse(name, "more than a full stop or a comma")
        elif form in seen:
            row.refuse(name, f"a text that does not read like {seen[form]}")
        seen.setdefault(form, name)
    return texts[: max(filled, default=-1) + 1]


def _accepted(row: _Row, choices: Sequence[str]) -> list[list[str]]:
    """Each answer that earns the points, as sorted letters; none if they cannot be read."""
    known = LETTERS[: len(choices)]
    answers = [BETWEEN.sub("", part) for part in OR.split(row.half("answer"))]
    if not all(answers) or any(set(part) - set(known) for part in answers):
        row.refuse("answer", f"letters among {known}, as 'a', 'a,c' or 'a or d'")
        return []
    if any(len(set(part)) < len(part) for part in answers):
        row.refuse("answer", "each letter once")
    elif len({len(part) for part in answers}) > 1:
        row.refuse("answer", "as many letters in each alternative")
    elif len({frozenset(part) for part in answers}) < len(answers):
        row.refuse("answer", "alternatives that differ")
    return [sorted(part) for part in answers]


def _number(row: _Row) -> str:
    text = row.half("answer").replace("−", "-")
    if not NUMBER.fullmatch(text):
        row.refuse("answer", "a number without a unit, or else choices for the letters")
    for column in ("prohibited", "n_select"):
        if row.text(column) and (column, row.half(column)) != ("n_select", "1"):
            row.refuse(column, "nothing, since there are no choices")
    return text.replace(",", "")


def _n_select(row: _Row, accepted: Sequence[Sequence[str]]) -> int:
    """Return how many to choose: column, wording and answer must agree where they say it."""
    if not accepted:
        return 1
    letters = len(accepted[0])
    wording = _wording(row.text("question")) or letters
    stated = _whole(row, "n_select", wording)
    if stated != wording:
        row.refuse("n_select", f"{wording}, by the question and its answer")
    elif wording != letters:
        row.refuse("answer", f"{wording} letters, as the question says")
    return letters


def _wording(question: str) -> int:
    """How many to choose, as the question ends: 2つ選べ, 二つ選びなさい; 0 if it does not say."""
    found = WORDING.findall(normalize("NFKC", question))
    return DIGITS.index(found[-1]) % 9 + 1 if found else 0


def _whole(row: _Row, column: str, default: int) -> int:
    text = row.half(column)
    if not text:
        return default
    if not WHOLE.fullmatch(text):
        row.refuse(column, "a whole number, 0 or more")
        return default
    return int(text)


def _flag(row: _Row, column: str) -> bool:
    text = row.half(column)
    if text not in FLAGS:
        row.refuse(column, "yes or no, はい or いいえ, ○ or nothing")
    return FLAGS.get(text, False)


def _figure(row: _Row) -> bool:
    """Whether the question needs an image; one that names some does, whatever it leaves open."""
    column, _ = named(row.row)
    text = row.text("figure")
    if column == "figure":
        return True
    if names_files(text):
        row.refuse("figure", "yes or nothing, since the column images names the files")
    elif row.half("figure") not in FLAGS:
        row.refuse("figure", f"yes or no, はい or いいえ, ○ or nothing, or {ALLOWED}")
    elif column and text and not FLAGS[row.half("figure")]:
        row.refuse("figure", "yes or nothing, since the row has images")
    return bool(column) or FLAGS.get(row.half("figure"), False)


def _prohibited(row: _Row, choices: Sequence[str], accepted: Sequence[Sequence[str]]) -> list[str]:
    letters = sorted(set(BETWEEN.sub("", row.half("prohibited"))))
    known = LETTERS[: len(choices)]
    if choices and set(letters) - set(known):
        row.refuse("prohibited", f"letters among {known}")
    elif any(set(letters) & set(right) for right in accepted):
        row.refuse("prohibited", "letters that are not in the answer")
    return letters


def _section(row: _Row) -> str:
    text = row.half("section").upper()
    if text and not re.fullmatch("[A-Z]", text):
        row.refuse("section", "one letter, A to Z")
    return text
