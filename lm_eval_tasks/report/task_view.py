"""The runs of one task, of all models -> what the page says of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from lm_eval_tasks.comparison.comparison_words import WORDS
from lm_eval_tasks.comparison.phrases import task_label
from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.protocols import LOGLIKELIHOOD
from lm_eval_tasks.report import facts, figures
from lm_eval_tasks.report.calibration import calibration
from lm_eval_tasks.report.change import MINUS
from lm_eval_tasks.report.figures import Figure, Runs, Words
from lm_eval_tasks.report.mistakes import Mistakes, Picks, mistakes
from lm_eval_tasks.report.models import Asked, Model
from lm_eval_tasks.report.positions import Positions, picks, positions
from lm_eval_tasks.report.verdicts import NOTHING, SittingView, sitting_views
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.weights import adapter_of, model_arguments
from lm_eval_tasks.scoring.breakdown import DIVISIONS
from lm_eval_tasks.scoring.floor import floors_on
from lm_eval_tasks.words import read_words

INCOMPLETE = (KeyError, TypeError, ValueError, IndexError, OverflowError)
"""Of samples that lack what only the report needs, as other versions of jmed wrote them."""
Given = ParamSpec("Given")
Made = TypeVar("Made")
PERMUTED = ("consistency", "acc_spread", "position_p")


@dataclass(frozen=True)
class ScoreRow:
    """One metric of one model on one task. decides: by it an answer is right."""

    task: str
    sign: str
    metric: str
    right: str
    score: str
    asked: str
    passed: str
    decides: bool


@dataclass(frozen=True)
class TaskView:
    """name: unique on the page. Whatever is empty or None could not be computed."""

    name: str
    title: str
    exam: str
    sittings: Sequence[SittingView]
    divisions: Sequence[Figure]
    positions: Figure | None
    position_notes: Sequence[str]
    calibrated: Sequence[Figure]
    floors: Mapping[str, float]
    metric: str
    scores: Sequence[tuple[str, str]]
    counts: Mapping[str, Sequence[str]]
    protocol: Mapping[str, Sequence[str]]
    environment: Mapping[str, Sequence[str]]
    models: Sequence[Model]
    mistakes: Sequence[Mistakes]


def score_rows(tasks: Mapping[Asked, Runs], language: str, words: Words) -> list[ScoreRow]:
    """The overview: every metric of every run, that which decides first."""
    return [
        row
        for runs in tasks.values()
        for model, scored in runs
        for row in _score_rows(model, scored, language, words)
    ]


def task_view(name: str, runs: Runs, language: str, *, with_text: bool) -> TaskView:
    """All of one task. name: unique on the page."""
    words = read_words(language)
    first = runs[0][1]
    found = [(model, scored, _or_none(picks, scored)) for model, scored in runs]
    spread = [(m, p) for m, s, given in found if (p := _positions(s, given)) is not None]
    by_kind = [
        figures.division(f"{name}-{kind.split()[0]}", runs, kind, words) for kind in DIVISIONS
    ]
    return TaskView(
        name=name,
        title=task_label(first, WORDS[language]),
        exam=read_card(first.exam).title if first.exam in exam_names() else first.exam,
        sittings=sitting_views(name, runs, language),
        divisions=[figure for figure in by_kind if figure],
        positions=figures.position_bias(f"{name}-positions", spread, words),
        position_notes=list(_position_notes(runs, spread, words)),
        calibrated=list(_calibrated(name, runs, words)),
        floors=_or_none(_floors, first) or {},
        metric=first.metric,
        scores=[(model.sign, str(scored.cell(scored.metric))) for model, scored in runs],
        counts=_side_by_side([_counts(scored, words) for _, scored in runs], "0"),
        protocol=_side_by_side([facts.protocol(scored, words) for _, scored in runs]),
        environment=_side_by_side([facts.environment(scored, words) for _, scored in runs]),
        models=[model for model, _ in runs],
        mistakes=[mistakes(m, s, given, with_text=with_text) for m, s, given in found],
    )


def _or_none(make: Callable[Given, Made], *given: Given.args, **more: Given.kwargs) -> Made | None:
    try:
        return make(*given, **more)
    except INCOMPLETE:
        return None


def _score_rows(model: Model, scored: Result, language: str, words: Words) -> Iterator[ScoreRow]:
    limited = scored.limit
    right = sum(answer.right for answer in scored.answers)
    judged = sitting_views("", [(model, scored)], language)
    states = [box.state for view in judged for box in view.boxes]
    for metric in scored.answers[0].values:
        decides = metric == scored.metric
        yield ScoreRow(
            task=task_label(scored, WORDS[language]),
            sign=model.sign,
            metric=metric,
            right=f"{right}/{len(scored.answers)}" if decides else "",
            score=str(scored.cell(metric)),
            asked=scored.questions_of_published + (f" (--limit {limited})" if limited else ""),
            passed=_passed(states, scored.overlap.sign, words) if decides else "",
            decides=decides,
        )


def _passed(states: Sequence[str], sign: str, words: Words) -> str:
    """ "3 of 5†" of the sittings with a verdict, "–" if none has one, "" without sittings."""
    passed = states.count("passed")
    judged = passed + states.count("failed")
    if not judged:
        return NOTHING if states else ""
    return f"{words['of sittings'].format(passed=passed, judged=judged)}{sign}"


def _positions(scored: Result, given: Picks | None) -> Positions | None:
    return _or_none(positions, scored, given) if given is not None else None


def _position_notes(
    runs: Runs, spread: Sequence[tuple[Model, Positions]], words: Words
) -> Iterator[str]:
    for model, found in spread:
        yield f"{model.sign}: " + words["unread of"].format(n=found.unread, answers=found.answers)
    for model, scored in runs:
        given = (scored.run.results.get("results") or {}).get(scored.run.task) or {}
        values = {metric: given.get(f"{metric},none") for metric in PERMUTED}
        # the exponent's minus too is the typographic one, as everywhere on the page
        numbers = [
            f"{k} = {v:.3g}".replace("-", MINUS)
            for k, v in values.items()
            if isinstance(v, int | float)
        ]
        if numbers:
            yield f"{model.sign}: {', '.join(numbers)}"


def _calibrated(name: str, runs: Runs, words: Words) -> Iterator[Figure]:
    for model, scored in runs:
        if scored.protocol not in LOGLIKELIHOOD:
            continue
        if found := _or_none(calibration, scored):
            yield figures.calibrated(f"{name}-calibration-{model.sign}", model, found, words)


def _floors(scored: Result) -> dict[str, float]:
    """Kind of known answer -> its score on the questions of this run."""
    docs: list[Any] = [answer.doc for answer in scored.answers]
    return {
        kind: values[scored.metric] for kind, values in floors_on(docs, scored.protocol).items()
    }


def _counts(scored: Result, words: Words) -> dict[str, str]:
    """published, kept and asked, and why the others were not."""
    questions = scored.run.config["metadata"]["questions"]
    reasons = words["reasons"]
    left_out = questions.get("left_out") or {}
    marked = questions.get("marked") or {}
    mark = scored.overlap
    adapted = bool(adapter_of(model_arguments(scored.run.results)))
    overlap = mark.kind or ("none" if adapted else "no adapter")
    return {
        words["published"]: str(questions.get("published", "?")),
        words["kept"]: str(questions.get("kept", "?")),
        words["asked"]: str(scored.run.asked),
        words["answered"]: str(len(scored.answers)),
        **{f"{words['left out']}: {reasons.get(why, why)}": str(n) for why, n in left_out.items()},
        **{f"{words['marked']}: {reasons.get(why, why)}": str(n) for why, n in marked.items()},
        words["overlap"]: words["overlaps"][overlap].format(**mark._asdict()),
    }


def _side_by_side(
    facts_of: Sequence[Mapping[str, str]], missing: str = facts.UNKNOWN
) -> dict[str, list[str]]:
    """label -> the value of each model"""
    labels = list(dict.fromkeys(label for found in facts_of for label in found))
    return {label: [found.get(label, missing) for found in facts_of] for label in labels}
