"""Verdicts, differences and marks in the words of either language."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from lm_eval_tasks.comparison.compare import Change, Comparison
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.breakdown import UNKNOWN
from lm_eval_tasks.scoring.published_rules import RULES
from lm_eval_tasks.scoring.verdict import Part, Shortfall, Verdict
from lm_eval_tasks.streams import printable
from lm_eval_tasks.words import Words


def task_label(result: Result, words: Words) -> str:
    """ "jmed_igakuqa_letters, 3 shots" """
    shots = words.terms["with shots"].format(n=result.shots) if result.shots else ""
    return f"{result.run.task}, {shots}" if shots else result.run.task


def footnotes(runs: Sequence[Result], words: Words) -> list[str]:
    """What the signs of contamination beside the scores mean."""
    notes = {
        f"{mark.note(words.marks)} ({result.exam})"
        for result in runs
        if (mark := result.overlap).kind
    }
    return [*sorted(notes), words.marks["base"]]


def difference(change: Change) -> str:
    """In percentage points, with a true minus as in the counts of flips."""
    points, low, high = (100 * x for x in (change.difference, change.low, change.high))
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def p_value(value: float) -> str:
    """ "0.042", or "3.3e-24" below 0.001."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def comparison_remarks(comparison: Comparison, words: Words) -> Iterator[str]:
    """What else is to be known: --limit, versions, and how much of the change is format."""
    label = task_label(comparison.base, words)
    if limited := limit_phrase(comparison.base, words):
        yield f"{label}: {limited}"
    for remark in comparison.remarks:
        yield f"{label}: {printable(remark)}"
    if (found := comparison.format) is None:
        return
    if found.lost:
        share = found.lost_unread / found.lost
        yield f"{label}: " + words.comparison["format lost"].format(share=share, **vars(found))
    if found.gained_read:
        yield f"{label}: " + words.comparison["format gained"].format(**vars(found))
    if found.both and (found.unread_before or found.unread_after):
        before, after = found.both_before / found.both, found.both_after / found.both
        yield f"{label}: " + words.comparison["both read"].format(
            n=found.both, before=before, after=after
        )


def limit_phrase(result: Result, words: Words) -> str:
    """How many docs --limit left of the task, "" of a whole run."""
    text = words.terms["limit"].format(answered=len(result.answers), docs=result.run.asked)
    return text if result.limit else ""


def state(verdict: Verdict, words: Words) -> str:
    """合格, 不合格 or 判定なし."""
    return words.terms[verdict.state.value]


def rate(part: Part, sign: str) -> str:
    """ "100/155 = 64.5%" of the points asked, with the sign of contamination; "" if none were."""
    if not part.asked:
        return ""
    return f"{part.earned}/{part.asked} = {part.earned / part.asked:.1%}{sign}"


def prohibited(verdict: Verdict, words: Words) -> str:
    """ "1 (≤ 3)": questions with a prohibited choice, and how many still pass."""
    if not verdict.labelled:
        return words.terms["no labels"]
    return str(verdict.prohibited) + (f" (≤ {verdict.mark.prohibited})" if verdict.mark else "")


def part_name(name: str, division: str, words: Words) -> str:
    """The name of a part of the exam; only how many examinees were right can be unknown."""
    return words.terms["unknown"] if division == "human accuracy" and name == UNKNOWN else name


def remarks(verdict: Verdict, words: Words) -> list[str]:
    """Why a sitting was failed or has no verdict, and what its verdict leaves open."""
    untested = [words.verdict["untested"]] if verdict.mark and not verdict.labelled else []
    short = [_shortfall(one, words) for one in verdict.shortfalls]
    return [*_no_verdict(verdict, words), *short, *_unreachable(verdict, words), *untested]


def _no_verdict(verdict: Verdict, words: Words) -> list[str]:
    """Why there can be no verdict, nothing if there is one."""
    why, mark = verdict.no_verdict, verdict.mark
    if why is None:
        return []
    values: dict[str, object] = {"answered": verdict.answered, "asked": verdict.asked}
    if mark:
        values |= {"sitting": mark.like, "of": "/".join(map(str, mark.of))}
        values["state"] = words.terms[verdict.by_borrowed_mark.value]
    return [words.verdict[why.value].format(**values)]


def _shortfall(shortfall: Shortfall, words: Words) -> str:
    return f"{words.terms[shortfall.part]} {shortfall.earned} {shortfall.sign} {shortfall.mark}"


def _unreachable(verdict: Verdict, words: Words) -> list[str]:
    short = not all(part.reachable for part in verdict.parts.values())
    return [words.verdict["unreachable"]] if short and not verdict.incomplete else []


class Ruled(Protocol):
    """A run of an exam."""

    @property
    def exam(self) -> str:
        """The exam's name."""

    @property
    def rule(self) -> str | None:
        """The publisher's rule; see `Result`."""


def rule_source(rule: str) -> str:
    """ "jmle119 (docto-rin/IgakuQA119@… src/grading_logic.py)"; "?" for one that is not known."""
    # a name from a file that another version wrote, or somebody else
    return f"{rule} ({RULES[rule].source})" if rule in RULES else "?"


def rule_line(rule: str, words: Words) -> str:
    """The publisher's rule and its source, or that there is none."""
    return words.rules["published" if rule else "no rule"].format(rule=rule_source(rule))


def rule_notes(runs: Iterable[Ruled], words: Words) -> list[str]:
    """A line for each exam among the runs that reads letters and has no published rule."""
    exams = sorted({run.exam for run in runs if run.rule == ""})
    return [words.rules["alone"].format(exam=exam) for exam in exams]
