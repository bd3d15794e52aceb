"""A scored run -> its wrong answers, by question id."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.report.positions import Picks
from lm_eval_tasks.report.section import Cell, Folded, Paragraph, Picture, Section, Table
from lm_eval_tasks.report.task import Task
from lm_eval_tasks.report.thumbnails import thumbnails
from lm_eval_tasks.results.result import Answer, Result
from lm_eval_tasks.words import Words

NOTHING = "–"
HEAD = ("question", "part", "category", "key", "picked", "remark")


@dataclass(frozen=True)
class Mistake:
    """One wrong answer."""

    id: str
    """Of the question, with its order where choices are permuted."""
    section: str
    category: str
    key: str
    """Letters as shown, or a number's digits; of expressions and pairs how many, "(3)"; of a
    correction the number of the sentence."""
    picked: str | None
    """As `key`; None where it is not known."""
    unread: bool
    """No answer could be read."""
    prohibited: bool
    """A prohibited choice was taken; an unofficial label."""
    text: tuple[str, ...]
    """Paragraphs of the question, only when asked for."""
    images: tuple[str, ...]
    """sha256 of the images that it was asked with, only when asked for."""


def section(task: Task, words: Words) -> Section:
    """A folded table for each model."""
    title = words.report["mistakes"]
    head = [words.report[name] for name in HEAD]
    head += [words.report["question text"]] * task.with_text
    columns = [""] * (len(HEAD) - 1) + ["text"] * task.with_text
    blocks = []
    for model, result in task.runs:
        wrong = mistakes(result, task.picks[model], with_text=task.with_text)
        small = thumbnails(result.exam, _docs(result)) if task.with_text else {}
        counts = {"sign": model.sign, "n": len(wrong), "answers": len(result.answers)}
        rows = [_row(mistake, small, words, with_text=task.with_text) for mistake in wrong]
        table = Table(f"{task.title} · {title} {model.sign}", head, rows, columns)
        notes = _not_here(result, wrong, small, words)
        blocks.append(Folded(words.report["mistakes of"].format(**counts), [*notes, table]))
    return Section(title, blocks)


def mistakes(result: Result, picks: Picks | None, *, with_text: bool) -> list[Mistake]:
    """Wrong answers in order of the questions, as people count: 2 before 10, A2 before A11."""
    wrong = [answer for answer in result.answers if not answer.right]
    wrong.sort(key=lambda answer: (*counted(answer.key.id), answer.key.permutation))
    permuted = any(answer.key.permutation for answer in result.answers)
    return [_mistake(answer, picks, permuted, with_text) for answer in wrong]


def _docs(result: Result) -> list[Mapping[str, Any]]:
    return [answer.doc for answer in result.answers if not answer.right]


def _not_here(
    result: Result, wrong: Sequence[Mistake], small: Mapping[str, str], words: Words
) -> list[Paragraph]:
    """How many images the page lacks; nothing if it has all."""
    lacking = {sha256 for mistake in wrong for sha256 in mistake.images} - small.keys()
    text = words.report["images not here"].format(n=len(lacking), exam=result.exam)
    return [Paragraph(text)] if lacking else []


def _row(
    mistake: Mistake, small: Mapping[str, str], words: Words, *, with_text: bool
) -> list[Cell]:
    unread = words.report["not read"] + " " if mistake.unread else ""
    prohibited = words.report["took prohibited"] if mistake.prohibited else ""
    picked = NOTHING if mistake.picked is None else mistake.picked
    named = [mistake.id, mistake.section, mistake.category, mistake.key, picked]
    pictures = tuple(
        Picture(small[sha256], words.report["image of"].format(id=mistake.id, n=place))
        for place, sha256 in enumerate(mistake.images, 1)
        if sha256 in small
    )
    text: list[Cell] = [(*pictures, *mistake.text)] if with_text else []
    return [*named, unread + prohibited, *text]


def counted(id_: str) -> tuple[tuple[str, int], ...]:
    """Order of an id: its words and numbers in turn."""
    parts = [*re.split(r"([0-9]{1,18})", id_), ""]
    return tuple((parts[i], int(parts[i + 1] or -1)) for i in range(0, len(parts) - 1, 2))


def _key(doc: Mapping[str, Any]) -> str:
    """Expressions, pairs and corrections are text of the exam, which only --with-text shows."""
    if "sentence" in doc:
        return str(doc["sentence"])
    words = doc.get("contrasts", doc.get("entities") or None)
    return str(doc.get("gold", "")) if words is None else f"({len(words)})"


def _mistake(answer: Answer, picks: Picks | None, permuted: bool, with_text: bool) -> Mistake:
    doc = answer.doc
    return Mistake(
        id=f"{answer.key.id} ({answer.key.permutation})" if permuted else answer.key.id,
        section=doc["section"],
        category=doc["category"],
        key=_key(doc),
        # a number that was read is not kept apart from the response
        picked=None if picks is None or doc.get("number") else ",".join(sorted(picks[answer.key])),
        unread=answer.extracted is False,
        prohibited=answer.item is not None and answer.item.prohibited,
        text=_text(answer) if with_text else (),
        images=tuple(image["sha256"] for image in doc.get("images", ()) if with_text),
    )


def _text(answer: Answer) -> tuple[str, ...]:
    doc = answer.doc
    choices = zip(LETTERS, doc.get("choices", []), strict=False)
    parts = (
        doc.get("context"),
        doc.get("stem"),
        *(f"{letter}: {text}" for letter, text in choices),
    )
    return tuple(str(part) for part in parts if part)
