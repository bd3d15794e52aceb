"""Verdicts, differences and marks in the words of either language."""

from collections.abc import Iterator, Mapping, Sequence

from lm_eval_tasks.comparison.compare import Change, Comparison
from lm_eval_tasks.results.overlap import TEXTS
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.breakdown import UNKNOWN
from lm_eval_tasks.scoring.verdict import Part, Shortfall, Verdict
from lm_eval_tasks.streams import printable


def task_label(scored: Result, words: Mapping[str, str]) -> str:
    """ "jmed_igakuqa_letters, 3 shots" """
    given = scored.shots
    return f"{scored.run.task}, {words['shots'].format(n=given)}" if given else scored.run.task


def footnotes(runs: Sequence[Result], language: str) -> list[str]:
    """What the signs of contamination beside the scores mean."""
    notes = {
        f"{mark.note(language)} ({scored.exam})" for scored in runs if (mark := scored.overlap).kind
    }
    return [*sorted(notes), TEXTS[language]["base"]]


def difference(change: Change) -> str:
    """In percentage points, with a true minus as in the counts of flips."""
    points, low, high = (100 * x for x in (change.difference, change.low, change.high))
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def p_value(value: float) -> str:
    """ "0.042", or "3.3e-24" below 0.001."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def comparison_remarks(comparison: Comparison, words: Mapping[str, str]) -> Iterator[str]:
    """What else is to be known: --limit, versions, and how much of the change is format."""
    label = task_label(comparison.base, words)
    if limited := limit_told(comparison.base, words):
        yield f"{label}: {limited}"
    for remark in comparison.remarks:
        yield f"{label}: {printable(remark)}"
    if (found := comparison.format) is None:
        return
    if found.lost:
        share = found.lost_unread / found.lost
        yield f"{label}: " + words["format lost"].format(share=share, **vars(found))
    if found.gained_read:
        yield f"{label}: " + words["format gained"].format(**vars(found))
    if found.both and (found.unread_before or found.unread_after):
        before, after = found.both_before / found.both, found.both_after / found.both
        yield f"{label}: " + words["both read"].format(n=found.both, before=before, after=after)


def limit_told(scored: Result, words: Mapping[str, str]) -> str:
    """The same in words."""
    told = words["limit"].format(answered=len(scored.answers), asked=scored.run.asked)
    return told if scored.limit else ""


def state(verdict: Verdict, words: Mapping[str, str]) -> str:
    """合格, 不合格 or 判定なし."""
    return words[verdict.state.value]


def rate(part: Part, sign: str) -> str:
    """ "100/155 = 64.5%" of the points asked, with the sign of contamination; "" if none were."""
    if not part.asked:
        return ""
    return f"{part.earned}/{part.asked} = {part.earned / part.asked:.1%}{sign}"


def prohibited(verdict: Verdict, words: Mapping[str, str]) -> str:
    """ "1 (≤ 3)": questions with a prohibited choice, and how many still pass."""
    if not verdict.labelled:
        return words["no labels"]
    return str(verdict.prohibited) + (f" (≤ {verdict.mark.prohibited})" if verdict.mark else "")


def part_name(name: str, division: str, words: Mapping[str, str]) -> str:
    """The name of a part of the exam; only how many examinees were right can be unknown."""
    return words["unknown"] if division == "human accuracy" and name == UNKNOWN else name


def remarks(verdict: Verdict, words: Mapping[str, str]) -> list[str]:
    """Why a sitting was failed or has no verdict, and what its verdict leaves open."""
    untested = [words["untested"]] if verdict.mark and not verdict.labelled else []
    short = [_shortfall(one, words) for one in verdict.shortfalls]
    return [*_no_verdict(verdict, words), *short, *_unreachable(verdict, words), *untested]


def _no_verdict(verdict: Verdict, words: Mapping[str, str]) -> list[str]:
    """Why there can be no verdict, nothing if there is one."""
    why, mark = verdict.no_verdict, verdict.mark
    if why is None:
        return []
    values: dict[str, object] = {"answered": verdict.answered, "asked": verdict.asked}
    if mark:
        values |= {"sitting": mark.like, "of": "/".join(map(str, mark.of))}
    return [words[why.value].format(**values)]


def _shortfall(shortfall: Shortfall, words: Mapping[str, str]) -> str:
    return f"{words[shortfall.part]} {shortfall.earned} {shortfall.sign} {shortfall.mark}"


def _unreachable(verdict: Verdict, words: Mapping[str, str]) -> list[str]:
    short = not all(part.reachable for part in verdict.parts.values())
    return [words["unreachable"]] if short and not verdict.incomplete else []
