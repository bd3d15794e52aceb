"""Question: the one record that readers make and everything else speaks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from unicodedata import normalize

from lm_eval_tasks.exams.free_answers import Contrast, Correction, written

LETTERS = "abcdefgh"
_BETWEEN = re.compile(r"[,、\n]")


@dataclass(frozen=True)
class Number:
    """The answer to a question without choices.

    value: what the question asks for, e.g. 10.0
    sheet: what the boxes of the answer sheet hold, e.g. "100" for the boxes (1)(2).(3);
        the published gold. Either is accepted.
    """

    value: Decimal
    sheet: str


@dataclass(frozen=True)
class Question:
    """One question of one sitting of one exam.

    id: as printed, "116A71"; unique within its exam only.
    language: "ja" or "en".
    sitting, section: "116", "A".
    context: the case text that a follow-up question refers to, "" if none.
    context_has_figure: that case text shows an image which a text-only model cannot see.
    images: published paths of the images that the source gives for it, in printed order, those of
        its case first.
    context_images: those of its case that the source does not give for it, a follow-up, again.
    choices: in printed order; empty when the answer is a number.
    accepted: every set of letters that earns the points, the printed gold first; empty for numbers.
    number: the answer of a question without choices.
    credited_to_all: everybody gets the points, whatever they answered.
    n_select: how many choices to name, from the question's own wording.
    points: 1 or 3; 0 = struck out by the ministry.
    required: the question counts for the required part of the exam.
    prohibited: letters of the prohibited choices; unofficial labels.
    human_accuracy: per cent of examinees who were right, None if not known.
    entities: of a clinical set that asks for all expressions of a kind in a text: those that are
        right, in published order; it has no choices then, and no number.
    correction: of a clinical set that asks for the one wrong sentence of a text, if there is one.
    contrasts: of one that asks where two documents contradict each other: all such places, which
        may be none.
    boilerplate: a translator's remark stands where exam text should.
    unusable: why nobody can be asked this question as it is published, "" if one can; such a
        question need not have choices or an answer. Where it has a key, `accepted` holds it, so
        that an answer given elsewhere, to the printed exam, can be scored.
    """

    id: str
    exam: str
    language: str
    sitting: str
    section: str
    stem: str
    choices: tuple[str, ...]
    accepted: tuple[frozenset[str], ...]
    n_select: int
    points: int
    has_figure: bool
    context: str = ""
    context_has_figure: bool = False
    images: tuple[str, ...] = ()
    context_images: tuple[str, ...] = ()
    number: Number | None = None
    credited_to_all: bool = False
    required: bool = False
    prohibited: frozenset[str] = frozenset()
    category: str = ""
    human_accuracy: float | None = None
    boilerplate: bool = False
    unusable: str = ""
    entities: tuple[str, ...] = ()
    correction: Correction | None = None
    contrasts: tuple[Contrast, ...] | None = None

    def __post_init__(self) -> None:
        known = frozenset(LETTERS[: len(self.choices)])
        if self.unusable:
            return
        kinds = (bool(self.choices), bool(self.number), self.is_free)
        if sum(kinds) != 1 or bool(self.choices) != bool(self.accepted):
            raise ValueError(
                "a question has choices and accepted letters, or a number, or entities, a "
                "correction or contrasts"
            )
        if self.is_free:
            return
        if any(not letters or letters - known for letters in self.accepted):
            raise ValueError(f"the answer is outside the choices {LETTERS[: len(self.choices)]!r}")
        if any(len(letters) != self.n_select for letters in self.accepted):
            raise ValueError(f"the answer names other than {self.n_select} letters, as asked for")
        if self.prohibited - known:
            raise ValueError(f"a prohibited choice is outside {LETTERS[: len(self.choices)]!r}")

    @property
    def is_free(self) -> bool:
        """Whether its answer is neither letters nor a number, as in some clinical sets."""
        return bool(self.entities or self.correction) or self.contrasts is not None

    @property
    def shown_images(self) -> tuple[str, ...]:
        """All images that belong in front of it, each once."""
        return tuple(dict.fromkeys((*self.context_images, *self.images)))

    @property
    def scorable(self) -> bool:
        """Whether an answer can be right or wrong: a key is known, or everybody was credited."""
        return bool(self.accepted or self.number or self.is_free or self.credited_to_all)

    @property
    def gold(self) -> str:
        """The printed gold as one writes it on the sheet: "e", "a,c", "130"; "" if not known.

        Of entities a list in the form of Python, as their publisher has it: "['fever', 'cough']";
        of corrections and contrasts see free_answers.py.
        """
        if self.is_free:
            return self._free_gold
        if not self.number and not self.accepted:
            return ""
        return self.number.sheet if self.number else ",".join(sorted(self.accepted[0]))

    @property
    def _free_gold(self) -> str:
        if self.correction:
            return self.correction.line
        return str([*self.entities]) if self.contrasts is None else written(self.contrasts)


def accepted_sets(letters: Iterable[str], n_select: int) -> tuple[frozenset[str], ...]:
    """All answers of `n_select` right letters; one, unless more are right than asked for."""
    return tuple(frozenset(chosen) for chosen in combinations(sorted(letters), n_select))


def normal_form(text: str) -> str:
    """NFKC; items of a list parted by "," alone, whatever parted them; none ends in a full stop."""
    items = _BETWEEN.split(normalize("NFKC", text))
    clean = (" ".join(item.split()).rstrip("。.").rstrip() for item in items)
    return ",".join(clean).strip(",")
