"""Comparisons -> JSON with everything, or CSV with one line for each task and metric."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lm_eval_tasks.comparison.compare import Change, Comparison
from lm_eval_tasks.protocols import PROTOCOLS
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.verdict import State, Verdict

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell begins with that Excel or LibreOffice takes for a formula (OWASP, CSV injection)."""


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """One task of two models. Differences are shares, not percentage points."""
    base, other = comparison.base, comparison.other
    return {
        "task": comparison.task,
        "exam": base.exam,
        "protocol": base.protocol,
        "task_version": base.run.version,
        "shots": base.shots,
        "questions": comparison.questions,
        "answers": len(base.answers),
        "docs_of_the_task": base.run.asked,
        "selection": base.run.metadata["questions"],
        "decided_by": base.metric,
        "published_rule": base.rule,
        "metrics": [asdict(change) for change in comparison.changes],
        "clinical": base.clinical,
        "test": "permutation" if PROTOCOLS[base.protocol].graded else "McNemar",
        # the name is older than the other test
        "mcnemar": {**asdict(comparison.test), "p_holm": comparison.p_holm},
        "format": asdict(comparison.format) if comparison.format else None,
        "flips": {
            name: [asdict(part) for part in parts] for name, parts in comparison.flips.items()
        },
        "images": {"before": base.sight.value, "after": other.sight.value},
        "figures": [
            {
                "part": one.part,
                "questions": one.questions,
                **asdict(one.change),
                "mcnemar": asdict(one.test),
            }
            for one in comparison.figures
        ],
        "gained": list(comparison.gained),
        "lost": list(comparison.lost),
        "sittings": [
            {"before": before.as_json(), "after": after.as_json()}
            for before, after in comparison.sittings
        ],
        "overlap_with_training": {"before": _overlap(base), "after": _overlap(other)},
        "remarks": list(comparison.remarks),
    }


def comparison_csv(pairs: Mapping[tuple[str, str], Sequence[Comparison]]) -> str:
    """(base, other) -> their comparisons, as CSV."""
    rows = [
        {"base": base, "other": other, **_row(comparison, change)}
        for (base, other), comparisons in pairs.items()
        for comparison in comparisons
        for change in comparison.changes
    ]
    out = io.StringIO()
    table = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _inert(value: object) -> object:
    """A text that a spreadsheet would run as a formula, with the mark that makes it text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _overlap(result: Result) -> dict[str, Any] | None:
    mark = result.overlap
    return mark._asdict() if mark.kind else None


def _points(sittings: Sequence[Verdict]) -> int | str:
    """ "" without sittings: an exam without pass marks, or permuted choices."""
    return sum(verdict.total.earned for verdict in sittings) if sittings else ""


def _passed(sittings: Sequence[Verdict]) -> int | str:
    """ "" where none could be judged."""
    judged = [verdict for verdict in sittings if verdict.judged]
    return sum(verdict.state is State.PASSED for verdict in judged) if judged else ""


def _row(comparison: Comparison, change: Change) -> dict[str, Any]:
    base, other = comparison.base, comparison.other
    decides = change is comparison.changes[0]
    return {
        "task": comparison.task,
        "task_version": base.run.version,
        "shots": base.shots,
        "questions": comparison.questions,
        "answers": len(base.answers),
        "published": "" if base.run.questions.published is None else base.run.questions.published,
        "metric": change.metric,
        "before": change.before,
        "before_error": base.cell(change.metric).error,
        "after": change.after,
        "after_error": other.cell(change.metric).error,
        "difference": change.difference,
        "low": change.low,
        "high": change.high,
        **{name: value if decides else "" for name, value in _decided(comparison).items()},
        "overlap_before": base.overlap.kind,
        "overlap_after": other.overlap.kind,
        "images_before": base.sight.value,
        "images_after": other.sight.value,
    }


def _decided(comparison: Comparison) -> dict[str, Any]:
    """Columns that hold for the deciding metric alone."""
    found = comparison.format
    before = [old for old, _ in comparison.sittings]
    after = [new for _, new in comparison.sittings]
    return {
        "gained": comparison.test.gained,
        "lost": comparison.test.lost,
        "p": comparison.test.p,
        "p_holm": comparison.p_holm,
        "unread_before": found.unread_before if found else "",
        "unread_after": found.unread_after if found else "",
        "lost_unread": found.lost_unread if found else "",
        "points_before": _points(before),
        "points_after": _points(after),
        "passed_before": _passed(before),
        "passed_after": _passed(after),
        "sittings_judged": sum(old.judged for old in before),
    }
