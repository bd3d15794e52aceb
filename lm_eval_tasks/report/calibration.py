"""Log-likelihoods of choices -> does a model that is 80 % sure give the right answer 80 times?"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lm_eval_tasks.protocols import LOGLIKELIHOOD
from lm_eval_tasks.report import charts
from lm_eval_tasks.report.charts import Spot
from lm_eval_tasks.report.models import Model
from lm_eval_tasks.report.positions import loglikelihoods
from lm_eval_tasks.report.section import Figure, Paragraph, Section, Side
from lm_eval_tasks.report.task import Task, or_none
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.words import Words

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


def section(task: Task, words: Words) -> Section:
    """A reliability diagram for each model with log-likelihoods."""
    figures = [
        _figure(f"{task.name}-calibration-{model.sign}", model, found, words)
        for model, result in task.runs
        if result.protocol in LOGLIKELIHOOD and (found := or_none(calibration, result))
    ]
    nothing = Paragraph(words.report["no calibration"], small=False)
    return Section(words.report["calibration"], [Side(figures) if figures else nothing])


def calibration(result: Result) -> Calibration | None:
    """Confidence is the highest probability of a softmax over the choices' log-likelihoods.

    None where no question asks for one choice.
    """
    pairs = [
        (confidence(loglikelihoods(answer)), answer.right)
        for answer in result.answers
        if answer.doc["n_select"] == 1 and not answer.doc["credited_to_all"]
    ]
    if not pairs:
        return None
    bins = binned(pairs)
    return Calibration(
        bins=bins,
        ece=sum(abs(one.accuracy - one.confidence) * one.answers for one in bins) / len(pairs),
        answers=len(pairs),
        left_out=len(result.answers) - len(pairs),
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


def _figure(name: str, model: Model, found: Calibration, words: Words) -> Figure:
    """The reliability diagram of one model."""
    title = f"{model.sign}: {words.report['ece']} {found.ece:.3f}"
    spots = [Spot(one.confidence, one.accuracy, one.answers) for one in found.bins]
    note = words.report["calibration caption"].format(
        n=found.answers, bins=BINS, left_out=found.left_out
    )
    return Figure(
        title=title,
        svg=charts.reliability(
            name, (title, note), (words.report["confidence"], words.report["accuracy"]), spots
        ),
        head=[
            words.report["confidence"],
            words.report["mean"],
            words.report["accuracy"],
            words.report["answers"],
        ],
        rows=[
            [
                f"{b.low:.1f}–{b.high:.1f}",
                f"{b.confidence:.3f}",
                f"{b.accuracy:.3f}",
                str(b.answers),
            ]
            for b in found.bins
        ],
        note=note,
    )
