"""Columns of a row -> turns of a conversation; what cannot be used is refused by name."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.files.rows import is_text
from trainer.data.example import REASONING, ROLES, Chat, Turn
from trainer.data.rows import Row

ALLOWED = '[{"role": "user", "content": "…"}, …, {"role": "assistant", "content": "…"}]'
MORE = ("tool_calls", "tool_call_id", "name")
KEYS = ("role", "content", *REASONING, *MORE)
SHOWN = 80
"""Characters of a faulty value that a message shows."""


def read_turns(value: object, row: Row) -> tuple[Turn, ...]:
    """The turns of a list of messages, in the form of OpenAI's chat API.

    Raises:
        JmedError: no such list, another role, a key that nobody reads, an empty turn, or the last
            turn is not the assistant's.
    """
    messages = _json(value) if isinstance(value, str) else value
    if not isinstance(messages, list | tuple) or len(messages) < 2:
        raise _fault(row, f"found {excerpt(value)}; allowed: {ALLOWED}")
    turns = tuple(_turn(message, row) for message in messages)
    if turns[-1].role != "assistant":
        raise _fault(
            row, f"the last turn is {turns[-1].role!r}; allowed: assistant, whose words are learnt"
        )
    for one, next_one in pairwise(turns):
        if one.role == next_one.role == "assistant":
            raise _fault(row, "two assistant turns in a row; allowed: one, or a turn between them")
    return turns


def read_history(value: object, row: Row) -> Iterator[Turn]:
    """Yield the turns of Alpaca's `history`: pairs of a question and its answer."""
    pairs = _json(value) if isinstance(value, str) else value
    for pair in pairs if isinstance(pairs, list | tuple) else [pairs]:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(map(_is_words, pair)):
            raise JmedError(
                f'{row.where}: history: found {excerpt(pair)}; allowed: [["question", "answer"], …]'
            )
        yield Turn("user", pair[0])
        yield Turn("assistant", pair[1])


def reasoning_of(values: Mapping[str, Any], where: str) -> str:
    """The thought that one of the columns REASONING holds, "" if none does.

    Raises:
        JmedError: it is not text, or two columns hold one.
    """
    given = [name for name in REASONING if values.get(name)]
    if len(given) > 1:
        raise JmedError(f"{where}: {' and '.join(given)}: allowed: one of them")
    if not given:
        return ""
    if not _is_words(values[given[0]]):
        raise JmedError(f"{where}: {given[0]}: found {excerpt(values[given[0]])}; allowed: text")
    return str(values[given[0]])


def with_columns(chat: Chat, row: Row) -> Chat:
    """The conversation with what the columns `tools` and `chat_template_kwargs` add to it."""
    tools = _of_kind(row, "tools", list)
    kwargs = _of_kind(row, "chat_template_kwargs", dict)
    return Chat(chat.turns, _dump(tools), _dump(kwargs))


def excerpt(value: object) -> str:
    return repr(str(value)[:SHOWN])


def _turn(message: object, row: Row) -> Turn:
    if not isinstance(message, Mapping):
        raise _fault(row, f"found {excerpt(message)}; allowed: {ALLOWED}")
    # parquet gives each message the keys of all, as None
    given = {key: value for key, value in message.items() if value not in (None, [], {})}
    for key in given:
        if key not in KEYS:
            raise _fault(row, f"a turn has {key!r}, which is not read; allowed: {', '.join(KEYS)}")
    role = given.get("role")
    if not isinstance(role, str):
        raise _fault(row, f"found {excerpt(message)}; allowed: {ALLOWED}")
    check_choice(role, ROLES, f"{row.where}: messages: role")
    more = {key: _without_none(given[key]) for key in MORE if key in given}
    content = given.get("content", "" if "tool_calls" in more else None)
    if (content != "" or "tool_calls" not in more) and not _is_words(content):
        raise _fault(row, f"found {excerpt(message)}; allowed: {ALLOWED}")
    thought = reasoning_of(given, f"{row.where}: messages")
    if role != "assistant" and (thought or "tool_calls" in more):
        raise _fault(row, f"{role} has a thought or tool_calls; allowed: in assistant turns")
    return Turn(role, str(content), thought, _dump(more))


def _of_kind(row: Row, column: str, kind: type) -> Any:
    value = row.values.get(column)
    value = _json(value) if isinstance(value, str) and value else value
    if value and not isinstance(value, kind):
        form = "a list of functions" if kind is list else "an object"
        raise JmedError(
            f"{row.where}: {column}: found {excerpt(value)}; allowed: {form}, or as JSON"
        )
    return _without_none(value)


def _without_none(value: Any) -> Any:
    """Without the keys that Arrow fills in where only other rows have them."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_words(value: object) -> bool:
    return is_text(value) and bool(str(value).strip())


def _fault(row: Row, message: str) -> JmedError:
    return JmedError(f"{row.where}: messages: {message}")
