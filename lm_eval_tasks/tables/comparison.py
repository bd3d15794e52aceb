"""Comparisons as people read them in a terminal, in Japanese or English."""

from collections.abc import Iterator, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from lm_eval_tasks.comparison.compare import Change, Comparison, shots
from lm_eval_tasks.comparison.comparison_words import WORDS
from lm_eval_tasks.comparison.rule_words import rule_notes
from lm_eval_tasks.results.overlap import TEXTS, overlap_mark
from lm_eval_tasks.results.result import Scored
from lm_eval_tasks.scoring.verdict import Verdict
from lm_eval_tasks.tables.verdict import part_name
from lm_eval_tasks.texts import printable

SUMMARY = ("task", "metric", "n", "before", "after", "difference", "flips", "p", "holm")
SITTINGS = ("task", "sitting", "before", "after", "of", "verdict before", "verdict after")


def comparison_tables(
    comparisons: Sequence[Comparison], names: tuple[str, str], language: str
) -> Iterator[Table | str]:
    """What two models differ in. names: of the base and of the other one."""
    words = WORDS[language]
    title = f"{names[0]} → {names[1]}"
    yield _summary(comparisons, title, language)
    for comparison in comparisons:
        yield from comparison_remarks(comparison, words)
    if any(comparison.sittings for comparison in comparisons):
        yield _sittings(comparisons, words)
    for comparison in comparisons:
        for division, parts in comparison.flips.items():
            if len(parts) > 1:
                yield _flips(comparison, division, words)


def task_label(scored: Scored, words: Mapping[str, str]) -> str:
    """ "jmed_igakuqa_letters, 3 shots" """
    given = shots(scored)
    return f"{scored.run.task}, {words['shots'].format(n=given)}" if given else scored.run.task


def footnotes(runs: Sequence[Scored], language: str) -> list[str]:
    """What the signs of contamination beside the scores mean."""
    notes = {
        f"{mark.note(language)} ({scored.exam})"
        for scored in runs
        if (mark := overlap_mark(scored)).kind
    }
    return [*sorted(notes), TEXTS[language]["base"]]


def _summary(comparisons: Sequence[Comparison], title: str, language: str) -> Table:
    words = WORDS[language]
    runs = [run for comparison in comparisons for run in (comparison.base, comparison.other)]
    notes = [*footnotes(runs, language), *rule_notes(runs, language)]
    caption = "\n".join([words["how"], *notes])
    table = Table(title=escape(printable(title)), title_justify="left", caption=caption)
    for column in SUMMARY:
        table.add_column(words[column], justify="left" if column in {"task", "metric"} else "right")
    for comparison in comparisons:
        for change in comparison.changes:
            table.add_row(
                *_row(comparison, change, words), end_section=change is comparison.changes[-1]
            )
    return table


def _row(comparison: Comparison, change: Change, words: Mapping[str, str]) -> list[str]:
    decides = change is comparison.changes[0]
    test = comparison.test
    return [
        task_label(comparison.base, words) if decides else "",
        change.metric,
        asked(comparison.base) if decides else "",
        f"{change.before:.1%}{overlap_mark(comparison.base).sign}",
        f"{change.after:.1%}{overlap_mark(comparison.other).sign}",
        difference(change),
        f"+{test.gained} −{test.lost}" if decides else "",
        p_value(test.p) if decides else "",
        p_value(comparison.p_holm) if decides else "",
    ]


def difference(change: Change) -> str:
    """In percentage points, with a true minus as in the counts of flips."""
    points, low, high = (100 * x for x in (change.difference, change.low, change.high))
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def asked(scored: Scored) -> str:
    """ "116/120": questions answered of those published; × how often each, if not once."""
    questions = {answer.key.id for answer in scored.answers}
    published = scored.run.config["metadata"]["questions"].get("published", "?")
    times = len(scored.answers) / len(questions)
    return f"{len(questions)}/{published}" + (f" × {times:g}" if times != 1 else "")


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


def limit(scored: Scored) -> str:
    """ "5/116" of a run that --limit cut short, "" of others."""
    return (
        f"{len(scored.answers)}/{scored.run.asked}"
        if len(scored.answers) < scored.run.asked
        else ""
    )


def limit_told(scored: Scored, words: Mapping[str, str]) -> str:
    """The same in words."""
    told = words["limit"].format(answered=len(scored.answers), asked=scored.run.asked)
    return told if limit(scored) else ""


def _sittings(comparisons: Sequence[Comparison], words: Mapping[str, str]) -> Table:
    table = Table(title=words["points"], title_justify="left", caption=words["unofficial"])
    for column in SITTINGS:
        table.add_column(words[column], justify="left" if column == "task" else "right")
    for comparison in comparisons:
        for before, after in comparison.sittings:
            table.add_row(
                task_label(comparison.base, words),
                escape(printable(before.sitting)),
                f"{before.required + before.general}{overlap_mark(comparison.base).sign}",
                f"{after.required + after.general}{overlap_mark(comparison.other).sign}",
                str(before.required_possible + before.general_possible),
                state(before, words) + overlap_mark(comparison.base).sign,
                state(after, words) + overlap_mark(comparison.other).sign,
            )
    return table


def state(verdict: Verdict, words: Mapping[str, str]) -> str:
    """合格, 不合格 or 判定なし."""
    return words[{True: "passed", False: "failed", None: "none"}[verdict.passed]]


def _flips(comparison: Comparison, division: str, words: Mapping[str, str]) -> Table:
    title = f"{task_label(comparison.base, words)}: {words[division]}"
    table = Table(words[division], title=title, title_justify="left")
    signs = {
        "before": overlap_mark(comparison.base).sign,
        "after": overlap_mark(comparison.other).sign,
    }
    for column in ("answers", "before", "after", "gained", "lost"):
        table.add_column(words[column] + signs.get(column, ""), justify="right")
    for part in comparison.flips[division]:
        table.add_row(
            escape(part_name(part.name, division, words)),
            str(part.answers),
            f"{part.before / part.answers:.1%}",
            f"{part.after / part.answers:.1%}",
            f"+{part.gained}" if part.gained else "",
            f"−{part.lost}" if part.lost else "",
        )
    return table
