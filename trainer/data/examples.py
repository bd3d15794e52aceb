"""Rows -> examples: what the model reads, and what it is to say.

Exam and instruction rows are asked in training what lm_eval asks, to the byte.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.files.rows import is_text
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import Doc, to_doc
from lm_eval_tasks.protocols import PROTOCOLS
from trainer.data.chat_rows import excerpt, read_history, read_turns, reasoning_of, with_columns
from trainer.data.exam_prompts import exam_examples
from trainer.data.example import REASONING, Chat, Example, Turn
from trainer.data.rows import Row, read_source
from trainer.recipe.protocols import scoring_task
from trainer.recipe.recipe import Data, Protocol, Source

FORMATS = {
    "instruction": ("instruction", "output"),
    "prompt/completion": ("prompt", "completion"),
    "preference": ("prompt", "chosen", "rejected"),
    "messages": ("messages",),
    "text": ("text",),
}
"""Format -> the columns by which it is known; Alpaca's and TRL's names."""
FURTHER = {
    "instruction": ("input", "system", "history", *REASONING),
    "prompt/completion": ("system", "tools", "chat_template_kwargs", *REASONING),
    "preference": ("system", "tools", "chat_template_kwargs"),
    "messages": ("system", "tools", "chat_template_kwargs"),
    "text": (),
}
"""Format -> the columns that are used beside those."""
MEANINGFUL = frozenset(
    ("system", "history", "tools", "chat_template_kwargs", *REASONING, "conversations", "chosen",
     "rejected", "documents", "images", "image", "audios", "audio", "videos", "video")
)  # fmt: skip
"""Columns that are meant for the model: where a format does not use one, its rows are refused."""


def read_examples(source: Source, data: Data, counts: Counter[str]) -> Iterator[Example]:
    """Yield the examples of one source in its order.

    Args:
        counts: of what is left out or not used, by reason; added to.

    Raises:
        JmedError: the source cannot be read, has no rows, or a row is malformed.
    """
    found = False
    read = exam_examples if source.exam else _row_examples
    for example in read(source, data, counts):
        found = True
        yield example
    if not found:
        raise JmedError(f"{source.path or source.exam}: no rows; allowed: at least one")


def row_format(columns: Mapping[str, Any]) -> str | None:
    """The name of the format in FORMATS that has all its columns here, None if there is none."""
    for name, needed in FORMATS.items():
        if all(column in columns for column in needed):
            return name
    return None


def render(doc: Doc, protocol: Protocol) -> tuple[str, str]:
    """Prompt and target of an evaluation doc under a protocol, without worked examples."""
    ask, answer = {
        "paper": (prompts.paper, prompts.paper_target),
        "letters": (prompts.letters, prompts.letters_target),
        "cot": (prompts.cot, prompts.cot_target),
    }[PROTOCOLS[protocol].prompt]
    return ask(doc), answer(doc)


def _row_examples(source: Source, data: Data, counts: Counter[str]) -> Iterator[Example]:
    readers = {
        "instruction": _from_instruction,
        "prompt/completion": _from_prompt,
        "preference": _from_preference,
        "messages": _from_messages,
        "text": _from_text,
    }
    label = source.label
    for row in read_source(source):
        kind = row_format(row.values)
        if kind is None and "chosen" in row.values:
            raise JmedError(
                f"{row.where}: found columns {', '.join(row.values)}; allowed with chosen and "
                "rejected: prompt too. TRL would take what both begin with for it; put that there"
            )
        if kind is None:
            formats = "; ".join(", ".join(columns) for columns in FORMATS.values())
            raise JmedError(
                f"{row.where}: found columns {', '.join(row.values)}; allowed: those of one of "
                f"these formats: {formats}"
            )
        _check_columns(row, kind, label, counts)
        if data.system_instruction and _is_conversation(row, kind):
            counts["asked as they stand, without data.system_instruction: messages"] += 1
        yield readers[kind](row, data)


def _is_conversation(row: Row, kind: str) -> bool:
    return kind == "messages" or isinstance(row.values.get("prompt"), list)


def _check_columns(row: Row, kind: str, label: str, counts: Counter[str]) -> None:
    used = {*FORMATS[kind], *FURTHER[kind]}
    for column, value in row.values.items():
        if column in used or value in (None, "", [], {}):
            continue
        if column in MEANINGFUL:
            raise JmedError(
                f"{row.where}: {column}: not used by rows of {', '.join(FORMATS[kind])}, and not "
                f"dropped in silence; allowed beside them: {', '.join(FURTHER[kind]) or 'none'}"
            )
        counts[f"not used: column {column} of {label}"] += 1


def _from_instruction(row: Row, data: Data) -> Example:
    """Alpaca's three columns: the instruction is the question, the input what it is about."""
    if PROTOCOLS[data.protocol].answer != "text" or scoring_task(data).shots:
        raise JmedError(
            f"{row.where}: instruction rows have no lettered choices and no worked examples; "
            "allowed with them: data.protocol: paper, data.num_fewshot: 0"
        )
    given = str(row.values.get("input") or "")
    question = Question(
        id="", exam="", language="ja", sitting="", section="",
        stem=_text(row, "instruction"), choices=(), accepted=(), n_select=1, points=0,
        has_figure=False, unusable="a training row",
    )  # fmt: skip
    doc = to_doc(question)
    doc["choices"] = [given] if given else []
    return _prompted(row, data, prompts.paper(doc), _text(row, "output"))


def _from_prompt(row: Row, data: Data) -> Example:
    prompt, completion = row.values["prompt"], row.values["completion"]
    if isinstance(prompt, list) and isinstance(completion, list):
        if thought := next((name for name in REASONING if row.values.get(name)), None):
            raise JmedError(f"{row.where}: {thought}: allowed: as a key of the assistant's message")
        return _conversation(row, data, [*prompt, *completion])
    return _prompted(row, data, _text(row, "prompt"), _text(row, "completion"))


def _from_preference(row: Row, data: Data) -> Example:
    """TRL's preference rows with an explicit prompt, all three of text or of messages."""
    values = {name: row.values[name] for name in FORMATS["preference"]}
    if any(isinstance(value, list) for value in values.values()):
        for name, value in values.items():
            if not isinstance(value, list) or (name != "prompt" and len(value) != 1):
                raise JmedError(
                    f"{row.where}: {name}: found {excerpt(value)}; allowed: prompt, chosen and "
                    "rejected all as text; or all as messages, chosen and rejected one assistant "
                    "turn each, and in prompt all that comes before"
                )
        chosen, rejected = (
            _conversation(row, data, [*values["prompt"], *values[name]])
            for name in ("chosen", "rejected")
        )
    else:
        chosen, rejected = (
            _prompted(row, data, _text(row, "prompt"), _text(row, name))
            for name in ("chosen", "rejected")
        )
    return replace(chosen, rejected=rejected.answer)


def _from_messages(row: Row, data: Data) -> Example:
    return _conversation(row, data, row.values["messages"])


def _from_text(row: Row, data: Data) -> Example:
    return Example("", _text(row, "text"), row.where)


def _prompted(row: Row, data: Data, prompt: str, completion: str) -> Example:
    """The example as lm_eval asks: the prompt is text, or the user's turn of a chat."""
    if not data.apply_chat_template:
        return _as_text(row, data, prompt, completion)
    system = _system(row, data.system_instruction)
    history = row.values.get("history")
    before = tuple(read_history(history, row)) if history else ()
    turns = (*system, *before, Turn("user", prompt))
    thought = reasoning_of(row.values, row.where)
    return Example(
        with_columns(Chat(turns), row),
        Turn("assistant", completion, thought),
        row.where,
        learn_all=data.learn == "all",
    )


def _as_text(row: Row, data: Data, prompt: str, completion: str) -> Example:
    for column in ("system", "history", "tools", "chat_template_kwargs", *REASONING):
        if row.values.get(column):
            raise JmedError(
                f"{row.where}: {column}: plain text has no place for it; allowed with "
                "data.apply_chat_template: true"
            )
    return Example((data.system_instruction or "") + prompt, completion, row.where)


def _conversation(row: Row, data: Data, messages: object) -> Example:
    """The conversation as it stands: it brings its own system turn, or none."""
    turns = read_turns(messages, row)
    system = _system(row, None)
    if system and turns[0].role == "system":
        raise JmedError(f"{row.where}: system: the messages have a system turn; allowed: one")
    chat = with_columns(Chat((*system, *turns[:-1])), row)
    return Example(chat, turns[-1], row.where, learn_all=data.learn == "all")


def _system(row: Row, instruction: str | None) -> tuple[Turn, ...]:
    own = row.values.get("system")
    if own and instruction:
        raise JmedError(f"{row.where}: system: allowed: this column or data.system_instruction")
    words = _text(row, "system") if own else instruction
    return (Turn("system", words),) if words else ()


def _text(row: Row, column: str) -> str:
    value = row.values[column]
    if not isinstance(value, str) or not value.strip() or not is_text(value):
        raise JmedError(
            f"{row.where}: {column}: found {excerpt(value)}; allowed: text that is not empty"
        )
    return value
