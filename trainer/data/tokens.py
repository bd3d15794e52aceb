"""Examples -> token ids and labels: the prompt's ids are those that lm_eval feeds.

Made here, before TRL sees them, because TRL cuts answers and drops rows without a word, and so
that rows of all formats can stand in one dataset. Where no token spans the end of a prompt, the
ids are those of TRL's SFTTrainer too (trl 1.16, trainer/sft_trainer.py, `_prepare_dataset`), but
for the end of a document, which TRL takes for the end of a turn (document_end.py).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from lm_eval_tasks.errors import JmedError
from trainer.data.chat_template import ChatTemplate
from trainer.data.example import Chat, Example, Turn
from trainer.data.learnt_text import Exchange

IGNORED = -100
"""The label of a token that is read and not learnt (torch's ignore_index)."""
KEPT_APART = "marked: tokens across the end of the prompt, kept apart as lm_eval feeds them"
MERGED = "marked: tokens merge across the end of the prompt"
TURN_BY_TURN = "added: assistant turns that stand alone, since the template writes them otherwise"


@dataclass(frozen=True)
class Tokens:
    """One example."""

    ids: list[int]
    """All tokens."""
    spans: tuple[tuple[int, int], ...]
    """(from, to) of what is learnt, in order."""
    where: str
    """The row, for messages."""

    @property
    def labels(self) -> list[int]:
        labels = [IGNORED] * len(self.ids)
        for start, end in self.spans:
            labels[start:end] = self.ids[start:end]
        return labels

    @property
    def learnt_from(self) -> int:
        """Index of the first learnt token."""
        return self.spans[0][0]

    @property
    def learnt(self) -> int:
        """How many tokens are learnt."""
        return sum(end - start for start, end in self.spans)

    def first(self, length: int) -> "Tokens":
        """Cut at the right."""
        spans = tuple((a, min(b, length)) for a, b in self.spans if a < length)
        return Tokens(self.ids[:length], spans, self.where)


@dataclass
class Audit:
    """What tokenising found; kept + dropped = examples + added."""

    lengths: Counter[int] = field(default_factory=Counter)
    """Tokens of an example, before anything is cut -> how many have it."""
    counts: Counter[str] = field(default_factory=Counter)
    """What was dropped, cut, added or marked -> how often."""
    documents: int = 0
    """Rows of plain text."""
    own: int = 0
    """Rows of one's own with a prompt, thus without worked examples."""
    chat: Chat | None = None
    """The first conversation."""
    openings: Counter[str] = field(default_factory=Counter)
    """What the template writes before answers without a thought -> how many."""
    opened: dict[str, Example] = field(default_factory=dict)
    """The first example of each opening."""
    thoughts: int = 0
    """Answers of conversations with what was thought before them."""
    bare: int = 0
    """Answers of conversations without."""

    def see(self, example: Example) -> None:
        """Count what kind of row it is."""
        self.documents += not example.prompt
        self.own += bool(example.prompt and not example.question)
        if self.chat is None and isinstance(example.prompt, Chat):
            self.chat = example.prompt


def encode_texts(examples: Sequence[Example], template: ChatTemplate) -> Iterator[Tokens]:
    """Yield the tokens of rows of plain text, in one call: the tokenizer's threads share them.

    Raises:
        JmedError: it cannot be told which token ends a document.
    """
    end = template.document_end
    if not end.token:
        raise JmedError(f"{examples[0].where}: {end.why}")
    texts = [str(example.answer) for example in examples]
    ended = [text if text.endswith(end.token) else text + end.token for text in texts]
    encoded = template.tokenizer(
        ended, return_attention_mask=False, return_token_type_ids=False, verbose=False
    )
    for example, ids in zip(examples, encoded["input_ids"], strict=True):
        yield Tokens(ids, ((0, len(ids)),), example.where)


def encode(
    example: Example, template: ChatTemplate, audit: Audit, *, apart: bool = False
) -> Iterator[Tokens]:
    """Yield the example as tokens; oddities are counted in `audit`.

    One, unless all turns are learnt and the template writes an earlier turn otherwise than it was
    asked: then each turn stands alone, as it is asked.

    Args:
        apart: prompt and answer are tokenised each by itself, as artidoro/qlora does.

    Raises:
        JmedError: as `Exchange.learnt`, or lm_eval would score an answer where the template puts
            something else.
    """
    if isinstance(example.prompt, str):
        yield _text(example, template, audit, apart)
        return
    found = [_turn(one, template, audit, apart) for one in _turns(example)]
    if len(found) == 1:
        yield found[0][0]
    elif whole := _in_one_piece(found, example.where):
        yield whole
    else:
        audit.counts[TURN_BY_TURN] += len(found) - 1
        yield from (tokens for tokens, _ in found)


def _text(example: Example, template: ChatTemplate, audit: Audit, apart: bool) -> Tokens:
    assert isinstance(example.prompt, str)
    assert isinstance(example.answer, str)
    if not example.prompt:
        (tokens,) = encode_texts([example], template)
        return tokens
    end = template.tokenizer.eos_token
    text = example.answer + ("" if example.answer.endswith(end) else end)
    if apart:
        return _apart(template.feed(example.prompt), template.bare(text), example.where)
    return _continued(example, example.prompt, text, template, audit.counts)


def _turns(example: Example) -> Iterator[Example]:
    """The example, after those that end at an earlier assistant turn where these are learnt."""
    chat = example.prompt
    assert isinstance(chat, Chat)
    for place, turn in enumerate(chat.turns):
        if example.learn_all and turn.role == "assistant" and place:
            before = replace(chat, turns=chat.turns[:place])
            yield replace(example, prompt=before, answer=turn, learn_all=False)
    yield replace(example, learn_all=False)


def _turn(
    example: Example, template: ChatTemplate, audit: Audit, apart: bool
) -> tuple[Tokens, str]:
    """Tokens and text of a conversation up to one answer."""
    assert isinstance(example.prompt, Chat)
    assert isinstance(example.answer, Turn)
    exchange = Exchange(template, example.prompt, example.answer, example.where)
    learnt = exchange.learnt(audit.counts)
    if learnt.opening.strip():
        if example.joined:
            raise JmedError(
                f"{example.where}: lm_eval scores answers straight after the prompt, and the chat "
                f"template puts {learnt.opening!r} between; allowed: data.chat_template_kwargs "
                "that keep it from thinking, or a protocol that generates: letters, paper"
            )
        audit.openings[learnt.opening] += 1
        audit.opened.setdefault(learnt.opening, example)
    audit.thoughts += bool(example.answer.thought)
    audit.bare += not example.answer.thought
    if apart:
        tokens = _apart(template.feed(learnt.prompt), template.bare(learnt.text), example.where)
    else:
        tokens = _continued(example, learnt.prompt, learnt.text, template, audit.counts)
    return tokens, learnt.prompt + learnt.text


def _in_one_piece(turns: list[tuple[Tokens, str]], where: str) -> Tokens | None:
    """All turns in one sequence, None unless each is preceded by exactly what it is asked after."""
    spans: list[tuple[int, int]] = []
    before = Tokens([], (), where)
    text_before = ""
    for tokens, text in turns:
        start = tokens.learnt_from
        if not text.startswith(text_before) or tokens.ids[: len(before.ids)] != before.ids:
            return None
        if start < len(before.ids):
            return None
        spans += tokens.spans
        before, text_before = tokens, text
    return Tokens(before.ids, tuple(spans), where)


def _continued(
    example: Example, prompt: str, text: str, template: ChatTemplate, counts: Counter[str]
) -> Tokens:
    """The ids of the prompt as they are fed, and those of what follows."""
    fed, whole = template.feed(prompt), template.feed(prompt + text)
    if whole[: len(fed)] == fed:
        return Tokens(whole, ((len(fed), len(whole)),), example.where)
    if not example.joined:
        decode, end = template.tokenizer.decode, template.tokenizer.eos_token
        for alone in (template.bare(text), template.bare(end + text)[1:]):
            if decode(fed + alone) == decode(whole):
                counts[KEPT_APART] += 1
                return _apart(fed, alone, example.where)
    counts[MERGED] += 1
    pairs = zip(fed, whole, strict=False)
    start = next((i for i, (one, other) in enumerate(pairs) if one != other), len(whole))
    return Tokens(whole, ((start, len(whole)),), example.where)


def _apart(prompt: list[int], answer: list[int], where: str) -> Tokens:
    return Tokens(prompt + answer, ((len(prompt), len(prompt) + len(answer)),), where)
