"""Every other model against the first -> what it gained in exams and lost in clinical sets."""

from lm_eval_tasks.comparison.balance import balances
from lm_eval_tasks.comparison.phrases import balance_head, balance_notes, balance_rows
from lm_eval_tasks.report.models import Report
from lm_eval_tasks.report.section import Block, Lines, Section, Table
from lm_eval_tasks.words import Words


def section(report: Report, words: Words) -> Section | None:
    """A table for each other model; None of one model, and of reports without clinical sets."""
    if not any(result.clinical for result in report.runs):
        return None
    blocks: list[Block] = []
    notes: list[str] = []
    for compared in report.compared:
        if not compared.comparisons:
            continue
        found = balances(compared.comparisons)
        base, other = compared.base, compared.other
        title = f"{base.sign} {base.name} → {other.sign} {other.name}"
        rows = balance_rows(found, words)
        blocks.append(Table(title, balance_head(words), rows, ("",) * 5, title))
        notes += balance_notes(found, words)
    if not blocks:
        return None
    blocks.append(Lines(list(dict.fromkeys(notes))))
    return Section(words.terms["balance"], blocks, "balance")
