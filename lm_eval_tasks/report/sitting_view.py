"""The runs of one task -> for each sitting, the verdict of every model beside the others'."""

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_tasks.overlap_mark import overlap_mark
from lm_eval_tasks.report import figures
from lm_eval_tasks.report.figures import Figure, Runs
from lm_eval_tasks.report.models import Model
from lm_eval_tasks.report.words import read_words
from lm_eval_tasks.verdict import Verdict, verdicts
from lm_eval_tasks.verdict_tables import WORDS, remarks

SYMBOLS = {"passed": "○", "failed": "×", "none": "－"}


@dataclass(frozen=True)
class Box:
    """state: "passed", "failed" or "none"; symbol and text say the same without colour.

    points: of the whole sitting; rate: of the questions asked.
    """

    model: Model
    state: str
    symbol: str
    text: str
    points: str
    rate: str
    prohibited: str
    answered: str
    remarks: Sequence[str]


@dataclass(frozen=True)
class SittingView:
    """source: of the mark, "" without one."""

    sitting: str
    boxes: Sequence[Box]
    figure: Figure
    source: str


def sitting_views(name: str, runs: Runs, language: str) -> list[SittingView]:
    """One for each sitting, none for an exam without pass marks."""
    found: dict[str, list[tuple[Model, Verdict]]] = {}
    signs = {model: overlap_mark(scored).sign for model, scored in runs}
    for model, scored in runs:
        for verdict in verdicts(scored.items):
            found.setdefault(verdict.sitting, []).append((model, verdict))
    words = read_words(language)
    return [
        SittingView(
            sitting=sitting,
            boxes=[_box(model, verdict, signs[model], language) for model, verdict in judged],
            figure=figures.sitting(f"{name}-sitting{place}", judged, words),
            source=next((verdict.mark.source for _, verdict in judged if verdict.mark), ""),
        )
        for place, (sitting, judged) in enumerate(sorted(found.items()))
    ]


def _box(model: Model, verdict: Verdict, sign: str, language: str) -> Box:
    words, terms = read_words(language), WORDS[language]
    state = {True: "passed", False: "failed", None: "none"}[verdict.passed]
    most = f" (≤ {verdict.mark.prohibited})" if verdict.mark else ""
    earned = verdict.required + verdict.general
    worth = verdict.required_asked + verdict.general_asked
    return Box(
        model=model,
        state=state,
        symbol=SYMBOLS[state],
        text=terms[state],
        points=f"{earned}/{verdict.required_possible + verdict.general_possible}{sign}",
        rate=f"{earned}/{worth} = {earned / worth:.1%}" if worth else "-",
        prohibited=f"{verdict.prohibited}{most}" if verdict.labelled else words["no labels"],
        answered=f"{verdict.answered}/{verdict.asked}",
        remarks=remarks(verdict, terms),
    )
