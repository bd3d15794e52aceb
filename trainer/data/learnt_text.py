"""A conversation and its answer -> the prompt that lm_eval asks, and the text learnt after it."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

from lm_eval_tasks.errors import JmedError
from trainer.data.chat_template import ChatTemplate
from trainer.data.example import THOUGHT_ENDS, THOUGHT_STARTS, Chat, Turn

PROBE = "〓"
EARLIER_THOUGHTS = "marked: thoughts of earlier turns that the chat template leaves out"


@dataclass(frozen=True)
class Learnt:
    """A prompt and the text that is learnt after it."""

    prompt: str
    """The same as in an evaluation."""
    text: str
    """What follows it, from the first learnt character to the end of the turn."""
    opening: str
    """What the template writes before the words of an answer without a thought."""


@dataclass(frozen=True)
class Exchange:
    """A conversation and its answer under a template."""

    template: ChatTemplate
    chat: Chat
    answer: Turn
    where: str
    """The row, for messages."""

    def learnt(self, counts: Counter[str]) -> Learnt:
        """Render prompt and answer; the prompt is always the one that is asked.

        Args:
            counts: of oddities; added to.

        Raises:
            JmedError: the template refuses the turns, leaves something of them out, cannot put
                this answer after this prompt, or ends it with no token that ends generation.
        """
        try:
            prompt = self.template.ask(self.chat)
            self._check_read(self._whole, counts)
            text = self._after(prompt, self.answer)
            return Learnt(prompt, text + self._lacking_end(text), self._opening(prompt, text))
        except JmedError:
            raise
        except Exception as error:  # noqa: BLE001  templates raise jinja2's errors and their own
            raise self._fault(f"the model's chat template refuses the messages: {error}") from None

    @cached_property
    def _whole(self) -> str:
        return self.template.write(self.chat, self.answer)

    def _written(self, answer: Turn, *more: Turn) -> str:
        whole = answer is self.answer and not more
        return self._whole if whole else self.template.write(self.chat, answer, *more)

    def _after(self, prompt: str, answer: Turn) -> str:
        """What the model is to write after the prompt."""
        ahead, rest = _parted(prompt, self._written(answer))
        if not ahead.strip():
            return rest
        if ahead.strip() == THOUGHT_STARTS and answer.thought:
            # DeepSeek-R1's: it opens the thought for the model, and writes answers without theirs
            _, said = _parted(prompt, self._written(_without_thought(answer)))
            return f"{answer.thought}\n{THOUGHT_ENDS}\n\n{said}"
        if THOUGHT_ENDS in ahead and answer.thought:
            raise self._fault(
                f"the row has a thought, and the prompt closes it beforehand ({ahead!r}); allowed: "
                "chat_template_kwargs that let the model think, or rows without thoughts"
            )
        raise self._fault(
            f"the model's chat template asks with {ahead!r} at the end and writes this answer "
            "without it, so it cannot be learnt as it is asked; allowed: rows with "
            "reasoning_content, or data.chat_template_kwargs under which it asks otherwise"
        )

    def _opening(self, prompt: str, text: str) -> str:
        begun = self.chat.turns[-1].role == "assistant"
        if self.answer.thought or begun or text.startswith(self.answer.said):
            return ""
        # a letter may stand in the opening too: <|channel|>
        return self._after(prompt, replace(self.answer, content=PROBE)).partition(PROBE)[0]

    def _check_read(self, whole: str, counts: Counter[str]) -> None:
        """See that the template writes everything that the row brings."""
        turns = (*self.chat.turns, self.answer)
        for place, turn in enumerate(turns, 1):
            if turn.said not in whole:
                raise self._unread(f"the content of turn {place} ({turn.role})")
        if lost := sum(turn.thought not in whole for turn in self.chat.turns):
            counts[EARLIER_THOUGHTS] += lost
        if self.answer.thought not in whole and not self._opens_thought():
            allowed = "rows without it, or with <think>…</think> in the content"
            raise self._unread("reasoning_content of the answer", allowed)
        if self.chat.tools and replace(self, chat=replace(self.chat, tools=""))._whole == whole:
            raise self._unread("tools")
        if any("tool_calls" in turn.extras for turn in turns) and self._without_calls() == whole:
            raise self._unread("tool_calls")

    def _without_calls(self) -> str:
        turns = tuple(replace(turn, more="") for turn in self.chat.turns)
        answer = replace(self.answer, more="")
        return replace(self, chat=replace(self.chat, turns=turns), answer=answer)._whole

    def _opens_thought(self) -> bool:
        return self.template.ask(self.chat).rstrip().endswith(THOUGHT_STARTS)

    def _lacking_end(self, text: str) -> str:
        """The token that ends the turn, where the template leaves it to the next one, as GLM's."""
        template = self.template
        ids = template.bare(text.rstrip())
        if ids and ids[-1] in template.ends:
            return ""
        bare = _without_thought(self.answer)
        after = Turn("tool" if "tool_calls" in self.answer.extras else "user", PROBE)
        ahead, following = _parted(self._written(bare), self._written(bare, after))
        following_ids = template.bare(following.lstrip())[:1]
        if not ahead and following_ids and following_ids[0] in template.ends:
            return str(template.tokenizer.decode(following_ids))
        stops = ", ".join(template.tokenizer.convert_ids_to_tokens(sorted(template.ends)))
        raise self._fault(
            f"the chat template writes no end token ({stops}) after the answer: the model would "
            "never learn to stop"
        )

    def _unread(self, what: str, allowed: str = "rows without it") -> JmedError:
        return self._fault(
            f"{what}: the model's chat template does not write it, and it is not dropped in "
            f"silence; allowed: {allowed}"
        )

    def _fault(self, message: str) -> JmedError:
        return JmedError(f"{self.where}: {message}")


def _parted(one: str, other: str) -> tuple[str, str]:
    """Two texts without what they share from their beginnings."""
    if other.startswith(one):
        return "", other[len(one) :]
    pairs = zip(one, other, strict=False)
    shared = next((i for i, (a, b) in enumerate(pairs) if a != b), len(other))
    return one[shared:], other[shared:]


def _without_thought(turn: Turn) -> Turn:
    return replace(turn, content=turn.said, reasoning="")
