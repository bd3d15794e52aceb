"""Results that were not read -> the section that lists them, without their paths."""

from lm_eval_tasks.report.models import Report, public_file
from lm_eval_tasks.report.section import Paragraph, Section, Table
from lm_eval_tasks.words import Words


def section(report: Report, words: Words) -> Section | None:
    """A row for each file; None if all were read."""
    if not report.left_out:
        return None
    title, why = words.report["left out runs"], words.report["left out why"]
    rows = [[public_file(one), why[one.reason.value]] for one in report.left_out]
    head = [words.report["file"], words.report["reason"]]
    return Section(
        title,
        [
            Paragraph(words.report["left out caption"].format(n=len(rows)), small=False),
            Table(title, head, rows, ["text"], title),
        ],
        "left-out",
    )
