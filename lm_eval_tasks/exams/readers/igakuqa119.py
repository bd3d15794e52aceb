"""The format of docto-rin/IgakuQA119: a JSON array for each section, all answers in one CSV.

Source: https://github.com/docto-rin/IgakuQA119/tree/2d942397cbaa1031ca139184bc4af16e1ffa202d
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.images import image_pins
from lm_eval_tasks.exams.physician import number_or_letters, question_at
from lm_eval_tasks.exams.printed import Printed, with_exceptions
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.files.items import array_items, by_key, table_items
from lm_eval_tasks.files.rows import Row

ANSWERS = "results/correct_answers.csv"
HEADER = "問題番号"
ID = re.compile(r"(?P<sitting>\d+)(?P<section>[A-F])(?P<number>\d+)")
CHOICE = re.compile(r"([a-h])\.\s*(.*)", re.DOTALL)
PRINTED = 5
"""No question of this exam has fewer choices."""
IMAGE = re.compile(r"images/(\d+[A-F]\d+)(?:-(\d+))?\.png")
"""Published path of an image: the question's number, and the image's where there are several."""
DAMAGED = "choices are damaged in the source"


def read(card: Card, files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield all questions in printed order; a follow-up's case stands in its own text.

    Raises:
        JmedError: naming file, item, field, what was found and what is allowed.
    """
    answers = by_key(table_items(files[ANSWERS], ["number", "answer"]), "number")
    answers.pop(HEADER, None)
    images = _images(image_pins(card))
    for name in sorted(set(files) - {ANSWERS}):
        for key, row in by_key(array_items(files[name]), "number").items():
            if key not in answers:
                raise JmedError(f"{row.where}: number {key!r} is missing in {files[ANSWERS]}")
            yield _question(card, row, answers.pop(key), images.get(key, ()))
    for key, answer in answers.items():
        raise JmedError(f"{answer.where}: number {key!r} is missing among the questions")


def _images(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Map the number of a question to its images in printed order: -1, -2, … -10."""
    numbered: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for path in paths:
        if match := IMAGE.fullmatch(path):
            numbered[match[1]].append((int(match[2] or 0), path))
    return {key: tuple(path for _, path in sorted(found)) for key, found in numbered.items()}


def _question(card: Card, row: Row, answer: Row, images: tuple[str, ...]) -> Question:
    printed_id = ID.fullmatch(row.text("number"))
    if not printed_id or printed_id["sitting"] not in card.published:
        raise row.fail("number", f"{' or '.join(card.published)}, a section A to F and a number")
    text = row.text("question").strip()
    number, letters = number_or_letters(card, printed_id[0], answer, answer.text("answer"))
    labels, choices = _choices(row)
    whole = len(labels) >= PRINTED and labels == LETTERS[: len(labels)]
    printed = Printed(text, choices, tuple(letters), reason="" if whole else DAMAGED)
    printed = with_exceptions(card, printed_id[0], printed)
    has_figure = row.flag("has_image")
    excepted = printed_id[0] in card.exceptions.figure_not_published
    if card.images and has_figure and not images and not excepted:
        raise row.fail("has_image", f"an image images/{printed_id[0]}.png in {card.images}")
    return question_at(
        card, row, printed_id, printed, number=number, has_figure=has_figure, images=images
    )


def _choices(row: Row) -> tuple[str, tuple[str, ...]]:
    """["a. rest", "b. move"] -> "ab" and the two texts."""
    matches = [CHOICE.fullmatch(choice) for choice in row.texts("choices")]
    if not all(matches):
        raise row.fail("choices", "each 'a. ' and its text")
    return (
        "".join(match[1] for match in matches if match),
        tuple(match[2].strip() for match in matches if match),
    )
