"""What a model answered -> drafts of rows, or why there are none."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.files.json_file import JsonError, parse_json
from lm_eval_tasks.files.rows import is_text
from trainer.rows.server import Answer

THOUGHT = re.compile(r"^.*?</think>", re.DOTALL)
FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
CHOICES = 5
"""Of a multiple-choice question."""
MOST_RIGHT = 2


@dataclass(frozen=True)
class Draft:
    """A row before its checks. right, wrong, explanation: of a multiple-choice question alone."""

    form: str
    question: str
    answer: str = ""
    right: Sequence[str] = ()
    wrong: Sequence[str] = ()
    explanation: str = ""

    @property
    def stated(self) -> str:
        """What the row says is so: the answer, or the right choices and why they are right."""
        return "\n".join([*self.right, self.explanation]) if self.right else self.answer


@dataclass(frozen=True)
class NoDraft:
    """Why an answer, or one item of it, is none. shown: its beginning."""

    why: str
    shown: str


def drafts(form: str, answer: Answer, count: int) -> Iterator[Draft | NoDraft]:
    """Read an answer; an empty list yields nothing, since a passage may hold nothing to ask.

    Args:
        count: rows that were asked for, at most.
    """
    values = found_json(answer.text)
    if values is None:
        cut = "answer cut off at max_tokens" if answer.finish == "length" else "answer is no JSON"
        yield NoDraft(cut, answer.text[:80])
        return
    items = values.get("rows") if isinstance(values, dict) else values
    if not isinstance(items, list):
        yield NoDraft("answer has no list of rows", answer.text[:80])
        return
    for number, item in enumerate(items):
        if number >= count:
            yield NoDraft("more rows than were asked for", str(item)[:80])
        else:
            yield _draft(form, item)


def found_json(text: str) -> Any:
    """The JSON value of an answer, within a fence or after a thought too; None without one."""
    text = THOUGHT.sub("", text)
    candidates = [text, *FENCE.findall(text)]
    begins = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    ends = max(text.rfind("}"), text.rfind("]"))
    if begins and ends > min(begins):
        candidates.append(text[min(begins) : ends + 1])
    for candidate in candidates:
        try:
            value = parse_json(candidate)
        except JsonError:
            continue
        if isinstance(value, dict | list):
            return value
    return None


def is_faithful(answer: Answer) -> str:
    """ "" if the model found the row answerable and supported, else why it was not kept."""
    values = found_json(answer.text)
    if not isinstance(values, dict) or not all(
        isinstance(values.get(key), bool) for key in ("answerable", "supported")
    ):
        return "check answered with no true or false"
    if not values["answerable"]:
        return "not answerable from its passage"
    return "" if values["supported"] else "answer not supported by its passage"


def _draft(form: str, item: object) -> Draft | NoDraft:
    faulty = NoDraft("row lacks a field or has another form", str(item)[:80])
    if not isinstance(item, dict) or not is_text(item.get("question")):
        return faulty
    question = _line(item["question"])
    if form != "mcq":
        answer = item.get("answer")
        return Draft(form, question, _line(str(answer))) if is_text(answer) else faulty
    right, wrong, explanation = item.get("right"), item.get("wrong"), item.get("explanation")
    if not isinstance(right, list) or not isinstance(wrong, list) or not is_text(explanation):
        return faulty
    return _multiple_choice(question, right, wrong, _line(str(explanation))) or faulty


def _multiple_choice(
    question: str, right: Sequence[object], wrong: Sequence[object], explanation: str
) -> Draft | NoDraft | None:
    """None where a choice is no text."""
    if not all(is_text(choice) and _line(str(choice)) for choice in (*right, *wrong)):
        return None
    lines = [_line(str(choice)) for choice in (*right, *wrong)]
    if len(lines) != CHOICES or not 1 <= len(right) <= MOST_RIGHT:
        return NoDraft(f"not {CHOICES} choices with one or two right", question)
    if len({re.sub(r"\s", "", line).casefold() for line in lines}) < CHOICES:
        return NoDraft("a choice stands twice", question)
    return Draft(
        "mcq",
        question,
        right=lines[: len(right)],
        wrong=lines[len(right) :],
        explanation=explanation,
    )


def _line(text: str) -> str:
    """One line, without control characters: rows are read in sheets and terminals too."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
