"""One example: a prompt, as text or as turns of a conversation, and the answer that is learnt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROLES = ("system", "developer", "user", "assistant", "tool")
REASONING = ("reasoning_content", "reasoning", "thinking")
"""Names under which rows keep what was thought before an answer. transformers hands it to a
template under each name that templates read (utils/chat_template_utils.py)."""
THOUGHT_STARTS, THOUGHT_ENDS = "<think>", "</think>"


@dataclass(frozen=True)
class Turn:
    """One message.

    reasoning: what was thought before `content`.
    more: tool_calls, tool_call_id and name, as JSON; "" for none.
    """

    role: str
    content: str
    reasoning: str = ""
    more: str = ""

    @property
    def message(self) -> dict[str, Any]:
        """The turn in the form that a chat template takes."""
        thought = {REASONING[0]: self.reasoning} if self.reasoning else {}
        return {"role": self.role, "content": self.content, **thought, **self.extras}

    @property
    def extras(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.more) if self.more else {}
        return found

    @property
    def said(self) -> str:
        """The content, without a thought that is written into it."""
        return self.content.rpartition(THOUGHT_ENDS)[2].strip()

    @property
    def thought(self) -> str:
        """The reasoning, wherever the row has it; "" for none."""
        inside = self.content.rpartition(THOUGHT_ENDS)[0].strip().removeprefix(THOUGHT_STARTS)
        return (self.reasoning or inside).strip()


@dataclass(frozen=True)
class Chat:
    """What is read before the answer.

    tools: JSON schemas of functions, as JSON; "" for none.
    kwargs: what the row itself tells the template, as JSON; "" for nothing.
    """

    turns: tuple[Turn, ...]
    tools: str = ""
    kwargs: str = ""


@dataclass(frozen=True)
class Example:
    """What is learnt from one row.

    prompt: read, not learnt; text, or the turns before the answer. "" for plain text.
    answer: learnt; text, or a turn. The end token is added when it is tokenised.
    where: the row it came from.
    question: what the row itself asks, where its prompt shows worked examples too.
    joined: lm_eval tokenises prompt and answer in one piece, to score given answers.
    learn_all: the assistant turns of the prompt are learnt too.
    rejected: of a row with two answers the worse one; `answer` is the chosen one.
    """

    prompt: str | Chat
    answer: str | Turn
    where: str
    question: str = ""
    joined: bool = False
    learn_all: bool = False
    rejected: str | Turn | None = None

    @property
    def text(self) -> str:
        """All that the row brings, as the overlap guard reads it."""
        turns = self.prompt.turns if isinstance(self.prompt, Chat) else ()
        read = self.prompt if isinstance(self.prompt, str) else "\n".join(map(_words, turns))
        return "\n".join([self.question or read, *map(_words, self.answers)])

    @property
    def answers(self) -> tuple[str | Turn, ...]:
        """The one that is learnt, and the one that it is preferred to if there is one."""
        return (self.answer,) if self.rejected is None else (self.answer, self.rejected)


def _words(turn: str | Turn) -> str:
    if isinstance(turn, str):
        return turn
    return f"{turn.reasoning}\n{turn.content}" if turn.reasoning else turn.content


def chat_of(messages: Sequence[Mapping[str, str]]) -> Chat:
    """The conversation that lm_eval makes of a question: roles and contents."""
    return Chat(tuple(Turn(message["role"], message["content"]) for message in messages))
