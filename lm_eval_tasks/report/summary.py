"""The tasks with verdicts -> one line for each, for the top of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval_tasks.comparison.comparison_words import WORDS
from lm_eval_tasks.comparison.phrases import task_label
from lm_eval_tasks.report.figures import Runs
from lm_eval_tasks.report.models import Asked, Model
from lm_eval_tasks.report.verdicts import sitting_views
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.words import read_words


@dataclass(frozen=True)
class Judged:
    """One model: its verdict, or of several sittings how many it passed, and its points."""

    model: Model
    text: str


@dataclass(frozen=True)
class Line:
    """One task."""

    task: str
    judged: Sequence[Judged]


@dataclass(frozen=True)
class Summary:
    """lines: none if no task has points. footnotes: what the signs in them mean."""

    lines: Sequence[Line]
    footnotes: Sequence[str]


def summary(tasks: Mapping[Asked, Runs], language: str) -> Summary:
    """Of the tasks with points."""
    found = [[(model, scored) for model, scored in runs if scored.items] for runs in tasks.values()]
    judged = [runs for runs in found if runs]
    lines = [
        Line(
            task=task_label(runs[0][1], WORDS[language]),
            judged=[Judged(model, _text(model, scored, language)) for model, scored in runs],
        )
        for runs in judged
    ]
    return Summary(lines, _footnotes([scored for runs in judged for _, scored in runs], language))


def _text(model: Model, scored: Result, language: str) -> str:
    """ "○ 合格 · 得点 100/159", "5 回のうち判定 5 回、合格 3 回 ‡" """
    words = read_words(language)
    boxes = [box for view in sitting_views("", [(model, scored)], language) for box in view.boxes]
    if len(boxes) == 1:
        (box,) = boxes
        if box.state == "incomplete":
            return f"{box.text} ({box.remarks[0]})"
        return f"{box.symbol} {box.text} · {words['points']} {box.points}"
    states = [box.state for box in boxes]
    passed = states.count("passed")
    judged = passed + states.count("failed")
    mark = words["verdict marks"].get(scored.overlap.kind, "")
    told = words["passed of sittings"].format(passed=passed, judged=judged, all=len(boxes))
    return f"{told}{mark}"


def _footnotes(runs: Sequence[Result], language: str) -> list[str]:
    notes = [
        f"{mark.note(language)} ({scored.exam})" for scored in runs if (mark := scored.overlap).kind
    ]
    return list(dict.fromkeys(notes))
