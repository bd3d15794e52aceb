"""Verdicts, differences and marks in the words of either language."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from lm_eval_tasks.comparison.balance import Balance
from lm_eval_tasks.comparison.compare import Change, Comparison, FigureChange
from lm_eval_tasks.protocols import VISION_PROTOCOLS, is_agreement, task_name, task_names
from lm_eval_tasks.results.images import Sight
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.breakdown import UNKNOWN
from lm_eval_tasks.scoring.published_rules import RULES
from lm_eval_tasks.scoring.verdict import Part, Shortfall, State, Verdict
from lm_eval_tasks.streams import printable
from lm_eval_tasks.words import Words

MISSING = {"exams": "no exams", "clinical sets": "no clinical sets"}
"""Half of the answer that nobody asked for -> the words that say so."""
NEEDS_A_FIGURE = "needs a figure"
"""Why prompting/selection.py leaves a question out of a task on text."""


def task_label(result: Result, words: Words) -> str:
    """ "jmed_igakuqa_letters, 3 shots", "jmedvision_jmle120_cot, images withheld" """
    return ", ".join(filter(None, (_asked(result, words), sight(result, words))))


def compared_label(comparison: Comparison, words: Words) -> str:
    """The same of two runs: "jmedvision_jmle120_cot, images shown → images withheld"."""
    base, other = comparison.base, comparison.other
    if base.sight is other.sight:
        return task_label(base, words)
    return f"{task_label(base, words)} → {sight(other, words)}"


def sight(result: Result, words: Words) -> str:
    """Whether images were shown or withheld; "" of a task without images, as its name says."""
    return "" if result.sight is Sight.NONE else words.terms[result.sight.value]


def _asked(result: Result, words: Words) -> str:
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
    """In percentage points, with a true minus as in the counts of flips; of kappa as it stands."""
    unit, digits = (1, 3) if is_agreement(change.metric) else (100, 1)
    points, low, high = (unit * x for x in (change.difference, change.low, change.high))
    text = f"{points:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
    return text.replace("-", "−")


def shown(metric: str, value: float) -> str:
    """ "61.2%", and kappa, which is no share, "0.612"."""
    return f"{value:.3f}".replace("-", "−") if is_agreement(metric) else f"{value:.1%}"


def balance_head(words: Words) -> list[str]:
    """Of the table that `balance_rows` fills."""
    return [
        words.terms[key] for key in ("kind of task", "tasks", "gained by", "lost by", "unclear")
    ]


def balance_rows(found: Sequence[Balance], words: Words) -> list[list[str]]:
    """Exams and clinical sets: their tasks, and which of them gained, lost, and neither."""
    return [
        [
            words.terms[one.kind],
            str(one.tasks),
            *(_changed(part, words) for part in (one.gained, one.lost, one.unclear)),
        ]
        for one in found
    ]


def balance_notes(found: Sequence[Balance], words: Words) -> list[str]:
    """How it was decided, and which half of the answer is missing."""
    missing = [words.terms[MISSING[one.kind]] for one in found if not one.tasks]
    return [words.terms["balance how"].format(tasks=sum(one.tasks for one in found)), *missing]


def _changed(comparisons: Sequence[Comparison], words: Words) -> str:
    """ "2: jmed_a +3.0 [+1.0, +5.0]; jmed_b …", "0"."""
    each = (f"{compared_label(one, words)} {difference(one.changes[0])}" for one in comparisons)
    return f"{len(comparisons)}: {'; '.join(each)}" if comparisons else "0"


def figure_rows(comparison: Comparison, words: Words) -> list[list[str]]:
    """The change among the questions that need a figure, among the others, and among all.

    Part, questions, before, after, difference, flips and p, as tables show them.
    """
    base, other = comparison.base.overlap.sign, comparison.other.overlap.sign
    whole = FigureChange("all", comparison.questions, comparison.changes[0], comparison.test)
    return [
        [
            words.terms[one.part],
            str(one.questions),
            f"{one.change.before:.1%}{base}",
            f"{one.change.after:.1%}{other}",
            difference(one.change),
            f"+{one.test.gained} / −{one.test.lost}",
            p_value(one.test.p).replace("-", "−"),
        ]
        for one in (*comparison.figures, whole)
    ]


def p_value(value: float) -> str:
    """ "0.042", or "3.3e-24" below 0.001."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def comparison_remarks(comparison: Comparison, words: Words) -> Iterator[str]:
    """What else is to be known: --limit, versions, and how much of the change is format."""
    label = compared_label(comparison, words)
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
    """合格, 不合格 or 判定なし; in brackets what the mark of another sitting would say."""
    borrowed = verdict.by_borrowed_mark
    if borrowed is not State.NONE:
        return f"({words.terms[borrowed.value]})"
    return words.terms[verdict.state.value]


def unasked(result: Result, sentence: str, words: Words) -> list[str]:
    """What becomes of the questions that a run did not ask, and how they can be asked.

    Args:
        sentence: that they count as unanswered; left out where all were asked.
    """
    if result.sight is not Sight.NONE:
        rest = [sentence] if result.run.questions.left_out else []
        return [_coverage(result, words), *rest]
    shows = task_name(result.exam, VISION_PROTOCOLS[0])
    if result.run.questions.left_out.get(NEEDS_A_FIGURE) and shows in task_names():
        return [sentence, words.verdict["shown by"].format(task=shows)]
    return [sentence]


def _coverage(result: Result, words: Words) -> str:
    """ "398 of 400 published questions asked, images shown; not asked: …", of a task with images"""
    questions, reasons = result.run.questions, words.report["reasons"]
    kept, published = questions.kept, questions.published
    asked = words.verdict["asked of"].format(
        kept="?" if kept is None else kept,
        published="?" if published is None else published,
        images=sight(result, words),
    )
    why = ", ".join(f"{reasons.get(why, why)} {n}" for why, n in questions.left_out.items())
    return asked + (words.verdict["not asked"].format(reasons=printable(why)) if why else "")


def withheld(result: Result, words: Words) -> list[str]:
    """What a verdict on a run without the images of its task does not say."""
    return [words.verdict["withheld"]] if result.sight is Sight.WITHHELD else []


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
    if division == "figures":
        return words.terms[name]
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
