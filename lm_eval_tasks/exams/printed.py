"""A question as printed and its key as published: whether it can be asked, and if not, why."""

import re
from dataclasses import dataclass, replace

from lm_eval_tasks.exams.card import Card
from lm_eval_tasks.exams.question import LETTERS, accepted_sets
from lm_eval_tasks.exams.wording import n_select

ALL_THAT_APPLY = re.compile(r"(?:すべて|全て)\s*選べ")
ORDER = re.compile(r"並べ(?:よ|なさい)")

NO_TEXT = "the publisher gives no text"
DAMAGED = "the text is damaged in the source"
NO_ANSWER = "the publisher gives no answer"
NO_CHOICES = "the publisher gives no choices"
IN_FIGURE = "the choices are in the figure"
NO_NUMBER_TO_CHOOSE = "asks for all that apply, and no prompt here can"
AN_ORDER = "asks for an order, which no set of letters is"
OUTSIDE = "the answer is not among the choices"
TOO_FEW = "the answer names fewer letters than the question asks for"
TOO_MANY = "the answer names more letters than the question asks for"


@dataclass(frozen=True)
class Printed:
    """What a row prints, and what its exam's card adds.

    letters: those of the published key; what names no choice stays as it is.
    any_will_do: more letters are right than asked for, and a source says that any of them earn
        the points; without one, wording and key contradict each other.
    stated: how many choices to name, where the card knows it better than the wording; else 0.
    reason: why the question cannot be asked, where reader or card know it; else "".
    """

    text: str
    choices: tuple[str, ...]
    letters: tuple[str, ...]
    any_will_do: bool = False
    stated: int = 0
    reason: str = ""

    @property
    def unusable(self) -> str:
        """Why no answer to this question can be asked for, "" if one can."""
        known, wanted = set(LETTERS[: len(self.choices)]), self.stated or n_select(self.text)
        reasons = {
            self.reason: self.reason,
            NO_TEXT: not self.text.strip(),
            NO_ANSWER: not self.letters,
            NO_CHOICES: not self.choices,
            AN_ORDER: ORDER.search(self.text),
            NO_NUMBER_TO_CHOOSE: ALL_THAT_APPLY.search(self.text),
            OUTSIDE: set(self.letters) - known or len(self.choices) > len(LETTERS),
            TOO_FEW: len(self.letters) < wanted,
            TOO_MANY: len(self.letters) > wanted and not self.any_will_do,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    @property
    def n_select(self) -> int:
        """How many choices to name; of an unusable question, as many as its key names."""
        if self.unusable and self.accepted and not self.any_will_do:
            return len(self.letters)
        return self.stated or n_select(self.text)

    @property
    def accepted(self) -> tuple[frozenset[str], ...]:
        """Every set of letters that earns the points; of an unusable question its key, if any.

        A key that no choice could be named by (a text instead of a letter) is none, and letters
        whose order is asked for are none either: any order would be right.
        """
        if not self.letters or set(self.letters) - set(LETTERS) or ORDER.search(self.text):
            return ()
        if self.unusable and not self.any_will_do:
            return (frozenset(self.letters),)
        return accepted_sets(self.letters, self.stated or n_select(self.text))


def with_exceptions(card: Card, key: str, printed: Printed) -> Printed:
    """What the card says about the question `key`: lost words, numbers, alternatives, damage."""
    special = card.exceptions
    return replace(
        printed,
        text=printed.text + special.asks.get(key, ""),
        stated=special.n_select.get(key, 0),
        any_will_do=printed.any_will_do or key in special.any_will_do,
        reason=printed.reason or (DAMAGED if key in special.damaged else ""),
    )
