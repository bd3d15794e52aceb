"""The responses to a clinical set -> how many name no answer, and why."""

from typing import cast

from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.report.section import Paragraph, Section, Table
from lm_eval_tasks.report.task import Task, or_none, side_by_side
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.scoring.unread import unread
from lm_eval_tasks.words import Words


def section(task: Task, words: Words) -> Section | None:
    """A row for each reading and reason, a column for each model; None of exams.

    None also where nothing is generated, so that nothing has to be read.
    """
    first = task.runs[0][1]
    if not first.clinical or first.answers[0].extracted is None:
        return None
    counted = [or_none(_counted, result, words) for _, result in task.runs]
    facts = [found if found is not None else {} for found in counted]
    title = words.report["unread"]
    if not any(facts):
        return Section(title, [Paragraph(words.report["all read"], small=False)])
    head = [words.terms["why"], *(model.sign for model in task.models)]
    rows = side_by_side(facts, "0")
    columns = ["", *["number"] * len(facts)]
    caption = words.report["unread caption"]
    return Section(title, [Table(f"{task.title} · {title}", head, rows, columns, caption)])


def _counted(result: Result, words: Words) -> dict[str, str]:
    answers = [(cast(Doc, answer.doc), str(answer.filtered_resps[0])) for answer in result.answers]
    readings, reasons = words.report["readings"], words.report["unread why"]
    return {
        f"{readings[reading]}: {reasons[reason]}": str(n)
        for reading, counts in unread(answers).items()
        for reason, n in counts.items()
    }
