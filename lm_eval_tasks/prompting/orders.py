"""The same question with its choices in other orders: does the model know it, or the position?"""

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import stdev
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
    """One answer to one order of one question; lm-eval hands these to the aggregations below.

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


def acc_spread(picks: Sequence[Pick]) -> float:
    """Aggregation: standard deviation of the accuracy over the orders.

    NaN for a single order, or if --limit left the orders with different questions.
    """
    by_order: dict[int, list[bool]] = defaultdict(list)
    for pick in map(_pick, picks):
        by_order[pick.permutation].append(pick.correct)
    if len(by_order) < 2 or len({len(right) for right in by_order.values()}) > 1:
        return math.nan
    return stdev(sum(right) / len(right) for right in by_order.values())


def consistency(picks: Sequence[Pick]) -> float:
    """Aggregation: share of the questions that got the same choices in every order.

    Of the questions that were asked at least twice; NaN if none was.
    """
    answers: dict[str, list[str]] = defaultdict(list)
    for pick in map(_pick, picks):
        answers[pick.id].append(pick.original)
    repeated = [given for given in answers.values() if len(given) > 1]
    same = sum(len(set(given)) == 1 and "" not in given for given in repeated)
    return same / len(repeated) if repeated else math.nan


def position_chi2(picks: Sequence[Pick]) -> float:
    """Aggregation: chi-square of the picks per position against choosing without regard to it."""
    return _chi_square(picks)[0]


def position_p(picks: Sequence[Pick]) -> float:
    """Aggregation: p-value of `position_chi2`; small = the position matters to the model."""
    from scipy.stats import chi2  # noqa: PLC0415 (slow to import, seldom needed)

    statistic, freedom = _chi_square(picks)
    return float(chi2.sf(statistic, freedom)) if freedom else math.nan


def position_a(picks: Sequence[Pick]) -> float:
    """Aggregation: share of all picked letters that are the first; uniform is about 0.2."""
    return _share(picks, "a")


def position_b(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the second."""
    return _share(picks, "b")


def position_c(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the third."""
    return _share(picks, "c")


def position_d(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the fourth."""
    return _share(picks, "d")


def position_e(picks: Sequence[Pick]) -> float:
    """Aggregation: as `position_a`, the fifth."""
    return _share(picks, "e")


def _share(picks: Sequence[Pick], letter: str) -> float:
    counts = Counter("".join(pick[3] for pick in picks))
    return counts[letter] / counts.total() if counts else math.nan


def _chi_square(picks: Sequence[Pick]) -> tuple[float, int]:
    """Statistic and degrees of freedom; each answer expects its picks spread over its choices."""
    counts: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    for pick in map(_pick, picks):
        counts.update(pick.picked)
        for letter in LETTERS[: pick.n_choices]:
            expected[letter] += len(pick.picked) / pick.n_choices  # type: ignore[assignment]
    likely = [letter for letter in LETTERS if expected[letter] >= 5]  # the usual rule of thumb
    if len(likely) < 2:
        return math.nan, 0
    statistic = sum((counts[x] - expected[x]) ** 2 / expected[x] for x in likely)
    return statistic, len(likely) - 1


def _pick(values: Sequence[object]) -> Pick:
    return Pick(*values)  # type: ignore[arg-type]
