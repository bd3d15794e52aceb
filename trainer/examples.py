"""Rows -> examples: what the model reads, and what it is to say.

Instruction and exam rows are put into the prompt of the evaluation by the same functions, so the
model is asked in training what it is asked by lm_eval, to the byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lm_eval_tasks import prompts
from lm_eval_tasks.doc import Doc, to_doc
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exam import Question
from lm_eval_tasks.load import load_exam
from lm_eval_tasks.options import Options
from lm_eval_tasks.rows import is_text
from lm_eval_tasks.selection import select_from
from trainer.recipe import Data, Protocol, Source
from trainer.rows import Row, read_source

FORMATS = {
    "exam": ("question",),
    "instruction": ("instruction", "output"),
    "prompt/completion": ("prompt", "completion"),
    "messages": ("messages",),
    "text": ("text",),
}
"""Format -> the columns by which it is known; Alpaca's and TRL's names."""

Message = dict[str, str]


@dataclass(frozen=True)
class Example:
    """What is learnt from one row.

    prompt: read, not learnt; text, or the messages before the answer. "" for plain text.
    completion: learnt. The end token is added when it is tokenised.
    where: the row it came from.
    """

    prompt: str | tuple[tuple[str, str], ...]
    completion: str
    where: str

    @property
    def text(self) -> str:
        """All of it, as the overlap guard reads it."""
        prompt = self.prompt
        read = prompt if isinstance(prompt, str) else "\n".join(text for _, text in prompt)
        return f"{read}\n{self.completion}"


def read_examples(source: Source, data: Data) -> Iterator[Example]:
    """Yield the examples of one source in its order.

    Raises:
        JmedError: the source cannot be read, has no rows, or a row is malformed.
    """
    found = False
    for example in _exam_examples(source, data) if source.exam else _row_examples(source, data):
        found = True
        yield replace(example, prompt=_as_chat(example.prompt, data))
    if not found:
        raise JmedError(f"{source.path or source.exam}: no rows; allowed: at least one")


def row_format(columns: Mapping[str, Any]) -> str | None:
    """The name of the format in FORMATS that has all its columns here, None if there is none."""
    for name, needed in FORMATS.items():
        if name != "exam" and all(column in columns for column in needed):
            return name
    return None


def render(doc: Doc, protocol: Protocol) -> tuple[str, str]:
    """Prompt and target of an evaluation doc under a protocol."""
    ask, answer = {
        "paper": (prompts.paper, prompts.paper_target),
        "letters": (prompts.letters, prompts.letters_target),
        "cot": (prompts.cot, prompts.cot_target),
    }[protocol]
    return ask(doc), answer(doc)


def _as_chat(prompt: str | tuple[tuple[str, str], ...], data: Data) -> Any:
    """As lm_eval does with --apply_chat_template: all of the prompt is the user's message."""
    if isinstance(prompt, str) and prompt and data.apply_chat_template:
        return (("user", prompt),)
    return prompt


def _exam_examples(source: Source, data: Data) -> Iterator[Example]:
    exam = load_exam(source.exam, tuple(source.sittings))
    options = Options(sittings=tuple(source.sittings))
    kept = select_from(exam, options, choices_only=data.protocol == "paper").kept
    for question in kept:
        prompt, target = render(to_doc(question), data.protocol)
        yield Example(prompt, target, f"{source.exam}:{question.id}")


def _row_examples(source: Source, data: Data) -> Iterator[Example]:
    for row in read_source(source):
        kind = row_format(row.values)
        if kind == "instruction":
            yield _from_instruction(row, data.protocol)
        elif kind == "prompt/completion":
            yield _from_prompt(row)
        elif kind == "messages":
            yield _from_messages(row)
        elif kind == "text":
            yield Example("", _text(row, "text"), row.where)
        else:
            formats = "; ".join(", ".join(c) for k, c in FORMATS.items() if k != "exam")
            raise JmedError(
                f"{row.where}: found columns {', '.join(row.values)}; allowed: those of one of "
                f"these formats: {formats}"
            )


def _from_instruction(row: Row, protocol: Protocol) -> Example:
    """Alpaca's three columns: the instruction is the question, the input what it is about."""
    if protocol != "paper":
        raise JmedError(
            f"{row.where}: instruction rows have no lettered choices; allowed with them: "
            "data.protocol: paper"
        )
    given = str(row.values.get("input") or "")
    question = Question(
        id="", exam="", language="ja", sitting="", section="",
        stem=_text(row, "instruction"), choices=(), accepted=(), n_select=1, points=0,
        has_figure=False, unusable="a training row",
    )  # fmt: skip
    doc = to_doc(question)
    doc["choices"] = [given] if given else []
    return Example(prompts.paper(doc), _text(row, "output"), row.where)


def _from_prompt(row: Row) -> Example:
    prompt, completion = row.values["prompt"], row.values["completion"]
    if isinstance(prompt, list) and isinstance(completion, list):
        return _from_turns([*prompt, *completion], row)
    return Example(_text(row, "prompt"), _text(row, "completion"), row.where)


def _from_messages(row: Row) -> Example:
    return _from_turns(row.values["messages"], row)


def _from_turns(turns: object, row: Row) -> Example:
    allowed = '[{"role": "user", "content": "…"}, …, {"role": "assistant", "content": "…"}]'
    if not isinstance(turns, list) or len(turns) < 2:
        raise JmedError(f"{row.where}: messages: found {str(turns)[:80]!r}; allowed: {allowed}")
    for turn in turns:
        if not isinstance(turn, dict) or not all(
            is_text(turn.get(key)) and turn[key] for key in ("role", "content")
        ):
            raise JmedError(f"{row.where}: messages: found {str(turn)[:80]!r}; allowed: {allowed}")
    if turns[-1]["role"] != "assistant":
        raise JmedError(
            f"{row.where}: messages: the last turn is {turns[-1]['role']!r}; allowed: assistant, "
            "whose words are learnt"
        )
    before = tuple((turn["role"], turn["content"]) for turn in turns[:-1])
    return Example(before, turns[-1]["content"], row.where)


def _text(row: Row, column: str) -> str:
    value = row.values[column]
    if not isinstance(value, str) or not value.strip() or not is_text(value):
        raise JmedError(
            f"{row.where}: {column}: found {str(value)[:80]!r}; allowed: text that is not empty"
        )
    return value
