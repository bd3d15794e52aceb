"""The page in ten seconds: verdict, points against the marks, and what the adapter changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval_tasks.comparison.compare import Comparison
from lm_eval_tasks.comparison.phrases import difference, sight, task_label
from lm_eval_tasks.report.models import Compared, Model, RunKey, Runs, run_key
from lm_eval_tasks.report.verdicts import overlap_sign, verdict_box
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.verdict import State, Verdict
from lm_eval_tasks.words import Words


@dataclass(frozen=True)
class Judged:
    """One model on one task."""

    model: Model
    text: str
    """Its verdict, or of several sittings how many it passed, and its points."""
    state: str
    """As of a box; "several" of several sittings."""
    parts: Sequence[str]
    """Points of each part against its mark."""


@dataclass(frozen=True)
class Line:
    """One task."""

    task: str
    judged: Sequence[Judged]
    changes: Sequence[str]
    """Base → other: score, difference and interval, a line for each other model."""


@dataclass(frozen=True)
class Top:
    """The top of the page; lines: none if no task has points."""

    lines: Sequence[Line]
    footnotes: Sequence[str]
    """What the signs mean."""


def top(tasks: Mapping[RunKey, Runs], compared: Sequence[Compared], words: Words) -> Top:
    """The tasks with points, in the order of the page."""
    found = {key: [(m, s) for m, s in runs if s.items] for key, runs in tasks.items()}
    judged = {key: runs for key, runs in found.items() if runs}
    lines = [
        Line(
            task=task_label(runs[0][1], words),
            judged=[_judged(model, result, words) for model, result in runs],
            changes=[
                _change(pair, comparison, words)
                for pair in compared
                for comparison in pair.comparisons
                if run_key(comparison.base) == key
            ],
        )
        for key, runs in judged.items()
    ]
    notes = [
        f"{mark.note(words.marks)} ({result.exam})"
        for runs in judged.values()
        for _, result in runs
        if (mark := result.overlap).kind
    ]
    return Top(lines, list(dict.fromkeys(notes)))


def _judged(model: Model, result: Result, words: Words) -> Judged:
    """ "○ 合格 · 得点 100/159", "5 回のうち判定 5 回、合格 3 回 ‡" """
    sittings = result.verdicts
    if len(sittings) > 1:
        passed = sum(verdict.state is State.PASSED for verdict in sittings)
        judged = sum(verdict.judged for verdict in sittings)
        counts = {"passed": passed, "judged": judged, "all": len(sittings)}
        text = words.report["passed of sittings"].format(**counts)
        return Judged(model, text + overlap_sign(result.overlap, words), "several", [])
    (verdict,) = sittings
    box = verdict_box(model, verdict, result, words)
    if verdict.incomplete:
        return Judged(model, f"{box.text} ({box.remarks[0]})", box.state, [])
    text = f"{box.symbol} {box.text} · {words.terms['points']} {box.points}"
    return Judged(model, text, box.state, _parts(verdict, result.overlap.sign, words))


def _parts(verdict: Verdict, sign: str, words: Words) -> list[str]:
    """ "必修 62/80 (≥ 64)" of the parts that the exam has."""
    return [
        f"{words.terms[name]} {part.earned}/{part.possible}{sign}"
        + (f" (≥ {part.mark})" if part.mark is not None else "")
        for name, part in verdict.shown.items()
        if part.possible
    ]


def _change(pair: Compared, comparison: Comparison, words: Words) -> str:
    change = comparison.changes[0]
    base, other = comparison.base.overlap.sign, comparison.other.overlap.sign
    clear = change.low > 0 or change.high < 0
    text: str = words.report["top change"]
    return text.format(
        base=f"{pair.base.sign}{_seen(comparison.base, comparison, words)}",
        other=f"{pair.other.sign}{_seen(comparison.other, comparison, words)}",
        metric=change.metric,
        before=f"{change.before:.1%}{base}",
        after=f"{change.after:.1%}{other}",
        # not broken between the ends of its interval
        difference=difference(change).replace(" ", "\N{NO-BREAK SPACE}"),
        certain=words.report["clear of 0" if clear else "not clear of 0"],
    )


def _seen(result: Result, comparison: Comparison, words: Words) -> str:
    """Whether images were shown, of a run that is compared with one of the other kind."""
    differ = comparison.base.sight is not comparison.other.sight
    return f" ({sight(result, words)})" if differ else ""
