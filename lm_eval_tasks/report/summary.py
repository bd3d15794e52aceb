"""The tasks with verdicts -> one line for each, for the top of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval_tasks.comparison_table import task_label
from lm_eval_tasks.comparison_words import WORDS
from lm_eval_tasks.overlap_mark import overlap_mark
from lm_eval_tasks.report.figures import Runs
from lm_eval_tasks.report.models import Asked, Model
from lm_eval_tasks.report.sitting_view import sitting_views
from lm_eval_tasks.report.words import read_words
from lm_eval_tasks.scored import Scored


@dataclass(frozen=True)
class Judged:
    """One model: its verdict, or of several sittings how many it passed, and its points."""

    model: Model
    text: str


@dataclass(frozen=True)
class Line:
    """One task; footnotes: what the signs in its texts mean."""

    task: str
    judged: Sequence[Judged]
    footnotes: Sequence[str]


def summary(tasks: Mapping[Asked, Runs], language: str) -> list[Line]:
    """Nothing for tasks without points."""
    return [
        Line(
            task=task_label(runs[0][1], WORDS[language]),
            judged=[
                Judged(model, _text(model, scored, language))
                for model, scored in runs
                if scored.items
            ],
            footnotes=_footnotes(runs, language),
        )
        for runs in tasks.values()
        if any(scored.items for _, scored in runs)
    ]


def _text(model: Model, scored: Scored, language: str) -> str:
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
    mark = words["verdict marks"].get(overlap_mark(scored).kind, "")
    told = words["passed of sittings"].format(passed=passed, judged=judged, all=len(boxes))
    return f"{told}{mark}"


def _footnotes(runs: Runs, language: str) -> list[str]:
    notes = (overlap_mark(scored).note(language) for _, scored in runs if scored.items)
    return list(dict.fromkeys(note for note in notes if note))
