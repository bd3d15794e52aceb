"""Turns -> text -> token ids, as lm_eval's `hf` makes them of the same turns.

HFLM renders the template to text and tokenises that: BOS and other special tokens come from the
tokenizer, unless the text starts with BOS (lm_eval 0.4.13, models/huggingface.py,
apply_chat_template and tok_batch_encode).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lm_eval_tasks.errors import JmedError
from trainer.data.document_end import DocumentEnd, document_end
from trainer.data.example import Chat, Turn

CLOCK = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")
"""How templates write the date of the day (Llama 3.2, gpt-oss)."""


@dataclass(frozen=True)
class ChatTemplate:
    """A tokenizer, and what its chat template is told.

    kwargs: data.chat_template_kwargs.
    ends: ids of the tokens that end an answer.
    day: what the template takes for today; a run that is resumed stays at its first.
    eos_token: data.eos_token, what ends documents of plain text; None where it is to be found.
    """

    tokenizer: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    ends: frozenset[int] = frozenset()
    day: date = field(default_factory=date.today)
    eos_token: str | None = None

    @cached_property
    def document_end(self) -> DocumentEnd:
        """What ends a document of plain text."""
        return document_end(self.tokenizer, self.ends, self.eos_token)

    def ask(self, chat: Chat) -> str:
        """The prompt, up to where the model's answer begins."""
        begun = chat.turns[-1].role == "assistant"  # a generation prefix: the answer goes on
        return self._render(
            chat, chat.turns, add_generation_prompt=not begun, continue_final_message=begun
        )

    def write(self, chat: Chat, *more: Turn) -> str:
        """The conversation with further turns; an answer that was begun is replaced by the next."""
        before = chat.turns[:-1] if chat.turns[-1].role == "assistant" and more else chat.turns
        return self._render(chat, (*before, *more), add_generation_prompt=False)

    def source(self, chat: Chat | None = None) -> str:
        """The template's own text, the clock replaced by `day`; "" where there is none."""
        tools = json.loads(chat.tools) if chat and chat.tools else None
        if not self.tokenizer.chat_template:
            return ""
        text: str = self.tokenizer.get_chat_template(None, tools)
        return CLOCK.sub(lambda found: json.dumps(self.day.strftime(found[2])), text)

    @property
    def sha256(self) -> str:
        """One hash over all that decides ids.

        These are tokenizer, templates, their settings, and the day if a template can ask for it.
        """
        found = hashlib.sha256()
        with TemporaryDirectory() as folder:
            self.tokenizer.save_pretrained(folder)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    found.update(f"{file.name} {file.stat().st_size}\n".encode())
                    found.update(file.read_bytes())
        dated = "strftime_now" in json.dumps(self.tokenizer.chat_template)
        told = [dict(self.kwargs), sorted(self.ends), str(self.day) if dated else None]
        found.update(json.dumps([*told, self.eos_token], sort_keys=True).encode())
        return found.hexdigest()

    def tells_the_date(self, chat: Chat) -> bool:
        """Whether the prompt depends on the day on which it is rendered."""
        return self.ask(chat) != replace(self, day=date.min).ask(chat)

    def with_kwargs(self, **more: Any) -> "ChatTemplate":
        return replace(self, kwargs={**self.kwargs, **more})

    def feed(self, text: str) -> list[int]:
        """The ids that HFLM feeds of a prompt."""
        bos = self.tokenizer.bos_token
        bare = bos is not None and text.startswith(bos)
        ids: list[int] = self.tokenizer(text, add_special_tokens=not bare)["input_ids"]
        return ids

    def bare(self, text: str) -> list[int]:
        """The ids of a text that goes on from another: no special tokens are added."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _render(self, chat: Chat, turns: Sequence[Turn], **how: bool) -> str:
        own = json.loads(chat.kwargs) if chat.kwargs else {}
        text: str = self.tokenizer.apply_chat_template(
            [turn.message for turn in turns],
            tools=json.loads(chat.tools) if chat.tools else None,
            chat_template=self.source(chat),
            tokenize=False,
            **how,
            **{**self.kwargs, **own},
        )
        return text


def check_kwargs(template: ChatTemplate) -> None:
    """See that the template reads what it is told: Jinja ignores what it does not know.

    Raises:
        JmedError: naming the variable and those that the template asks for.
    """
    source = template.source()
    words = set(re.findall(r"[A-Za-z_]\w*", source))
    if unread := [name for name in template.kwargs if source and name not in words]:
        asked_for = sorted(set(re.findall(r"\b(\w+) is (?:not )?defined", source)) - {"tools"})
        raise JmedError(
            f"chat_template_kwargs: {', '.join(unread)}: not read by the model's chat "
            f"template; it asks for: {', '.join(asked_for) or 'none'}"
        )
