"""Log-likelihoods of choices -> does a model that is 80 % sure give the right answer 80 times?"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lm_eval_tasks.report.positions import loglikelihoods
from lm_eval_tasks.results.result import Key, Result

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Answers whose confidence lies in [low, high): their mean confidence, and share right."""

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """bins: those with answers. ece: expected calibration error over them, weighted by answers.

    left_out: answers to questions for several choices, or credited to everybody: no single
        probability belongs to them.
    """

    bins: Sequence[Bin]
    ece: float
    answers: int
    left_out: int


def calibration(scored: Result) -> Calibration | None:
    """Confidence is the highest probability of a softmax over the choices' log-likelihoods.

    None where no question asks for one choice.
    """
    right = {answer.key: answer.right for answer in scored.answers}
    pairs = [
        (
            confidence(loglikelihoods(sample)),
            right[Key(sample["doc"]["id"], int(sample["doc"]["permutation"]))],
        )
        for sample in scored.run.samples
        if sample["doc"]["n_select"] == 1 and not sample["doc"]["credited_to_all"]
    ]
    if not pairs:
        return None
    bins = binned(pairs)
    return Calibration(
        bins=bins,
        ece=sum(abs(one.accuracy - one.confidence) * one.answers for one in bins) / len(pairs),
        answers=len(pairs),
        left_out=len(right) - len(pairs),
    )


def confidence(values: Sequence[float]) -> float:
    """The highest probability of the softmax."""
    highest = max(values)
    return 1 / math.fsum(math.exp(value - highest) for value in values)


def binned(pairs: Iterable[tuple[float, bool]]) -> list[Bin]:
    """Confidence and right or wrong -> bins of equal width, the last with 1; empty ones left out.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 2.
    """
    groups: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in pairs:
        groups.setdefault(min(int(sure * BINS), BINS - 1), []).append((sure, right))
    return [
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            answers=len(group),
            confidence=math.fsum(sure for sure, _ in group) / len(group),
            accuracy=sum(right for _, right in group) / len(group),
        )
        for place, group in sorted(groups.items())
    ]
