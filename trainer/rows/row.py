"""A row as it is written, with its source; a row of .dropped.jsonl, with its reason."""

import hashlib
import random
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from lm_eval_tasks.exams.question import LETTERS
from trainer.rows.checks import nearest_sentence
from trainer.rows.chunks import Chunk
from trainer.rows.drafts import Draft
from trainer.rows.reading.document import page_at


class Source(Struct, frozen=True, kw_only=True):
    """Where a row comes from.

    start, end: the characters of the passage in the document's text; sentence: the sentence in it
    that shares most with the answer; page: where that begins, None where the format has no pages.
    """

    document: str
    sha256: str
    page: int | None
    start: int
    end: int
    sentence: str
    form: str
    """qa, mcq or summary."""
    row: str
    """The row's own number, which the review sheet and the exam carry too."""


class ExamQuestion(Struct, frozen=True, kw_only=True):
    """A multiple-choice row as a question of a private exam."""

    question: str
    choices: list[str]
    answer: list[str]
    """Letters."""


class TrainingRow(Struct, frozen=True, kw_only=True):
    """One line of the rows file."""

    instruction: str
    input: str
    output: str
    source: Source


class Candidate(Struct, frozen=True, kw_only=True):
    """A row with what else is known of it: a line of .candidates.jsonl.

    exam: as a question, of multiple-choice rows of held-out passages alone.
    """

    row: TrainingRow
    passage: str
    exam: ExamQuestion | None = None


class Dropped(Struct, frozen=True, kw_only=True):
    """A line of .dropped.jsonl. shown: the row, or the beginning of the answer that was none."""

    why: str
    where: str
    form: str
    shown: str


def candidate(chunk: Chunk, draft: Draft, *, held_out: bool) -> Candidate:
    """Give a draft its order of choices, drawn by its own words, and its source."""
    question: ExamQuestion | None = None
    if draft.form == "mcq":
        question = _ordered(draft)
        instruction, output = _asked(question), _answered(question, draft.explanation)
    else:
        instruction, output = draft.question, draft.answer
    start, end = nearest_sentence(draft.stated, chunk.text)
    number = hashlib.sha256(f"{chunk.sha256}\0{instruction}\0{output}".encode()).hexdigest()[:16]
    source = Source(
        document=chunk.document,
        sha256=chunk.document_sha256,
        page=page_at(chunk.pages, start),
        start=chunk.start,
        end=chunk.end,
        sentence=chunk.text[start:end],
        form=draft.form,
        row=number,
    )
    row = TrainingRow(instruction=instruction, input="", output=output, source=source)
    return Candidate(row=row, passage=chunk.text, exam=question if held_out else None)


def _ordered(draft: Draft) -> ExamQuestion:
    """Models put the right choice first; the order is drawn, by the question's own words."""
    choices = [*draft.right, *draft.wrong]
    random.Random("\0".join([draft.question, *choices])).shuffle(choices)
    letters = [LETTERS[place] for place, choice in enumerate(choices) if choice in draft.right]
    return ExamQuestion(question=draft.question, choices=choices, answer=letters)


def _asked(question: ExamQuestion) -> str:
    """In the words of the protocol `letters`, with the explanation asked for besides."""
    labels = LETTERS[: len(question.choices)]
    lines = [f"{label}: {text}" for label, text in zip(labels, question.choices, strict=True)]
    count = len(question.answer)
    asked = f"{','.join(labels)}の中から、ちょうど{count}個を選び、記号と解説を答えてください。"
    return "\n".join([question.question, *lines, asked])


def _answered(question: ExamQuestion, explanation: str) -> str:
    return f"{','.join(question.answer)}\n解説：{explanation}"


def to_lines(values: Sequence[Struct]) -> str:
    """JSON Lines, the same bytes for the same values."""
    return "".join(msgspec.json.encode(value).decode() + "\n" for value in values)
