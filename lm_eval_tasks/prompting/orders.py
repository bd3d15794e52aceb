"""The same question with its choices in other orders: in which orders it is asked."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from lm_eval_tasks.exams.question import LETTERS, Question

# A choice that names others, or the order: "a と b", "(a)～(d)", "上記のすべて", a letter alone.
_LETTER = "[a-hａ-ｈ]"
NAMES_OTHERS = re.compile(
    rf"上記|(?:\A|[、。])以上の(?:すべて|全て|いずれ|どれ)|すべて(?:正しい|誤り)"
    rf"|(?<!\w){_LETTER}\s*(?:と|、|,|および|及び|[～〜~-])\s*{_LETTER}(?![a-z])"
    rf"|[（(]{_LETTER}[)）]|\A\s*{_LETTER}\s*\Z|\b(?:all|none|both) of (?:the above|these)\b",
    re.IGNORECASE,
)


class Pick(NamedTuple):
    """One answer to one order of one question; lm-eval hands these to the aggregations
    of scoring/aggregations.py.

    permutation: which order, from 0.
    picked: letters as shown; original: the same choices by their printed letters.
    """

    id: str
    permutation: int
    n_choices: int
    picked: str
    original: str
    correct: bool


def can_be_permuted(question: Question) -> bool:
    """Whether no choice refers to another by letter or place."""
    return not any(NAMES_OTHERS.search(choice) for choice in question.choices)


def orders(question: Question, times: int, seed: int) -> Iterator[str]:
    """Yield `times` orders of the printed letters, "cadbe": the same on every machine.

    A question that cannot be permuted is asked as often, always as printed.
    """
    printed = LETTERS[: len(question.choices)]
    for index in range(times):
        if can_be_permuted(question):
            # a text seed is hashed by sha512, which knows no platform
            generator = random.Random(f"{seed}/{question.exam}/{question.id}/{index}")
            yield "".join(generator.sample(printed, len(printed)))
        else:
            yield printed


def reorder(question: Question, order: str) -> Question:
    """The question with its choices in `order`; its key names the new letters."""
    shown = {printed: LETTERS[place] for place, printed in enumerate(order)}
    return replace(
        question,
        choices=tuple(question.choices[LETTERS.index(printed)] for printed in order),
        accepted=tuple(frozenset(shown[a] for a in letters) for letters in question.accepted),
        prohibited=frozenset(shown[letter] for letter in question.prohibited),
    )
