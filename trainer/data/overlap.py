"""Training rows against exam questions: which rows hold a question that a test would ask.

Two detectors, both exact. Neither sees a translation or a paraphrase.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from lm_eval_tasks.exams.question import Question

GRAM = 10
"""Characters of an n-gram, after normalisation."""
SHARED = 20
"""An n-gram that stands in more questions than this is wording, not content (…のはどれか)."""
DISTINCT = 8
"""A stem with fewer n-grams of its own says too little to be recognised by."""
CONTAINED = 0.6
"""Share of a stem's own n-grams in a row from which on the row holds the question."""
CHOICES, CHOICE_CHARACTERS, KEY = 3, 24, 4
"""Least number of choices, characters of all together, and of the longest, for the second way."""


@dataclass(frozen=True)
class Overlap:
    """A row that holds a question. kind: "text" (its stem) or "choices" (all of them).

    share: of the stem's n-grams that stand in the row; 1 for choices.
    """

    where: str
    exam: str
    question: str
    kind: str
    share: float


class Index:
    """The questions, arranged for look-up.

    unseen: how many can be recognised neither by stem nor by choices.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        stems = [set(grams(normalized(q.stem))) for q in questions]
        counts = Counter(gram for stem in stems for gram in stem)
        own = [{gram for gram in stem if counts[gram] <= SHARED} for stem in stems]
        self._sizes = [len(grams) if len(grams) >= DISTINCT else 0 for grams in own]
        self._by_gram: dict[str, list[int]] = defaultdict(list)
        for place, kept in enumerate(own):
            if self._sizes[place]:
                for gram in kept:
                    self._by_gram[gram].append(place)
        self._choices = _telling_choices(questions)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        for place, choices in self._choices.items():
            self._by_key[max(choices, key=len)[:KEY]].append(place)
        self.unseen = sum(
            not size and place not in self._choices for place, size in enumerate(self._sizes)
        )

    def find(self, where: str, text: str) -> Iterator[Overlap]:
        """Yield the questions that a row holds, each once."""
        row = normalized(text)
        hits = Counter(place for gram in set(grams(row)) for place in self._by_gram.get(gram, ()))
        found = set()
        for place, hit in hits.items():
            share = hit / self._sizes[place]
            if share >= CONTAINED:
                found.add(place)
                yield self._overlap(where, place, "text", share)
        keys = {row[start : start + KEY] for start in range(len(row) - KEY + 1)}
        for key in keys & self._by_key.keys():
            for place in self._by_key[key]:
                if place not in found and all(choice in row for choice in self._choices[place]):
                    yield self._overlap(where, place, "choices", 1.0)

    def _overlap(self, where: str, number: int, kind: str, share: float) -> Overlap:
        question = self._questions[number]
        return Overlap(where, question.exam, question.id, kind, share)


def find_overlaps(rows: Iterable[tuple[str, str]], questions: Sequence[Question]) -> list[Overlap]:
    """Compare every row with every question.

    Args:
        rows: (where, text); where is "data/x.jsonl:17".
    """
    index = Index(questions)
    return [
        overlap
        for where, text in tqdm(rows, desc="overlap", unit="row", disable=None, leave=False)
        for overlap in index.find(where, text)
    ]


def normalized(text: str) -> str:
    """Letters, digits and marks of a sound alone, half width, lower case."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())


def grams(text: str) -> list[str]:
    """All runs of GRAM characters."""
    return [text[start : start + GRAM] for start in range(len(text) - GRAM + 1)]


def _telling_choices(questions: Sequence[Question]) -> dict[int, frozenset[str]]:
    """Place -> normalised choices, where they tell one question from all others."""
    sets = [frozenset(filter(None, map(normalized, q.choices))) for q in questions]
    often = Counter(sets)
    return {
        place: choices
        for place, choices in enumerate(sets)
        if often[choices] == 1
        and len(choices) >= CHOICES
        and sum(map(len, choices)) >= CHOICE_CHARACTERS
        and max(map(len, choices)) >= KEY
    }
