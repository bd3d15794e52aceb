"""The runs of one task -> for each sitting, the verdict of every model beside the others'."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lm_eval_tasks.comparison.comparison_words import VERDICT_WORDS as WORDS
from lm_eval_tasks.comparison.phrases import prohibited, rate, remarks
from lm_eval_tasks.report import figures
from lm_eval_tasks.report.figures import Figure, Runs, Words
from lm_eval_tasks.report.models import Model
from lm_eval_tasks.results.overlap import OverlapMark
from lm_eval_tasks.scoring.verdict import Verdict, verdicts
from lm_eval_tasks.words import read_words

SYMBOLS = {"passed": "○", "failed": "×", "none": "−", "incomplete": ""}
NOTHING = "–"


@dataclass(frozen=True)
class Box:
    """state: "passed", "failed", "none" or "incomplete"; symbol and text say the same without
    colour, and text carries the sign of the training data's overlap; footnote: what it means.

    points: of the whole sitting; rate: of the questions asked; "–" while answers are missing.
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
    footnote: str


@dataclass(frozen=True)
class SittingView:
    """figure: None while answers are missing of all models. source: of the mark, "" without."""

    sitting: str
    boxes: Sequence[Box]
    figure: Figure | None
    source: str


def sitting_views(name: str, runs: Runs, language: str) -> list[SittingView]:
    """One for each sitting, none for an exam without pass marks."""
    found: dict[str, list[tuple[Model, Verdict]]] = {}
    marks = {model: scored.overlap for model, scored in runs}
    for model, scored in runs:
        for verdict in verdicts(scored.items):
            found.setdefault(verdict.sitting, []).append((model, verdict))
    return [
        SittingView(
            sitting=sitting,
            boxes=[_box(model, verdict, marks[model], language) for model, verdict in judged],
            figure=_figure(f"{name}-sitting{place}", judged, read_words(language)),
            source=next((verdict.mark.source for _, verdict in judged if verdict.mark), ""),
        )
        for place, (sitting, judged) in enumerate(sorted(found.items()))
    ]


def _figure(name: str, judged: Sequence[tuple[Model, Verdict]], words: Words) -> Figure | None:
    complete = [(model, verdict) for model, verdict in judged if not verdict.incomplete]
    return figures.sitting(name, complete, words) if complete else None


def _box(model: Model, verdict: Verdict, mark: OverlapMark, language: str) -> Box:
    words, terms = read_words(language), WORDS[language]
    state = verdict.state.value
    box = Box(
        model=model,
        state=state,
        symbol=SYMBOLS[state],
        text=terms[state] + words["verdict marks"].get(mark.kind, ""),
        points=_points(verdict, mark.sign),
        rate=rate(verdict.total, mark.sign) or NOTHING,
        prohibited=prohibited(verdict, words),
        answered=f"{verdict.answered}/{verdict.asked}",
        remarks=_remarks(verdict, language),
        footnote=mark.note(language),
    )
    if not verdict.incomplete:
        return box
    return replace(
        box,
        state="incomplete",
        symbol=SYMBOLS["incomplete"],
        text=NOTHING,
        points=NOTHING,
        rate=NOTHING,
        prohibited=NOTHING,
        footnote="",
    )


def _points(verdict: Verdict, sign: str) -> str:
    return f"{verdict.total.earned}/{verdict.total.possible}{sign}"


def _remarks(verdict: Verdict, language: str) -> list[str]:
    """As the verdict's tables have them, but why there is no verdict in the page's words."""
    words = read_words(language)
    return remarks(
        verdict,
        {**WORDS[language], "unreachable": words["unreachable"], **words["no verdict"]},
    )
