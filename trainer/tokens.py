"""Examples -> token ids and labels, as TRL's SFTTrainer makes them from the same rows.

Made here, before TRL sees them, because TRL cuts answers and drops rows without a word, and so
that rows of all formats can stand in one dataset.
Source: trl 1.16, trainer/sft_trainer.py, `_prepare_dataset`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from lm_eval_tasks.errors import JmedError
from trainer.examples import Example

IGNORED = -100
"""The label of a token that is read and not learnt (torch's ignore_index)."""
MOST_CUT = 0.05
"""Share of examples that `overlength: truncate` may cut; more is a recipe that does not fit."""


@dataclass(frozen=True)
class Tokens:
    """One example. ids: all tokens; learnt_from: index of the first learnt one."""

    ids: list[int]
    learnt_from: int
    where: str

    @property
    def labels(self) -> list[int]:
        return [IGNORED] * self.learnt_from + self.ids[self.learnt_from :]


@dataclass
class Audit:
    """What tokenising found. lengths: tokens of each example, before anything is cut.

    kept + dropped = examples + added by splitting.
    """

    lengths: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def tokenize(
    examples: Sequence[Example], tokenizer: Any, max_length: int, overlength: str, what: str
) -> tuple[list[Tokens], Audit]:
    """Tokenise, add the end token, and deal with examples longer than `max_length`.

    Raises:
        JmedError: the tokenizer cannot serve (no end token, no chat template), the template ends
            no answer, or examples are too long for what the recipe allows.
    """
    _check_tokenizer(tokenizer, examples)
    audit = Audit()
    kept: list[Tokens] = []
    for example in tqdm(examples, desc=f"tokenize {what}", unit="row", disable=None, leave=False):
        made = encode(example, tokenizer, audit.counts)
        audit.lengths.append(len(made.ids))
        kept += _fitted(made, example, max_length, overlength, audit)
    _check_lengths(audit, len(examples), max_length, overlength)
    return kept, audit


def encode(example: Example, tokenizer: Any, counts: Counter[str]) -> Tokens:
    """Token ids of one example and where the learnt part begins; oddities are counted.

    Raises:
        JmedError: the chat template refuses the messages, or ends the answer with no end token.
    """
    if isinstance(example.prompt, tuple):
        return _encode_chat(example, tokenizer, counts)
    end = tokenizer.eos_token
    completion = example.completion
    text = example.prompt + completion + ("" if completion.endswith(end) else end)
    ids = tokenizer(text)["input_ids"]
    if not example.prompt:
        return Tokens(ids, 0, example.where)
    prompt_ids = tokenizer(example.prompt)["input_ids"]
    return Tokens(ids, _shared(prompt_ids, ids, counts), example.where)


def _encode_chat(example: Example, tokenizer: Any, counts: Counter[str]) -> Tokens:
    assert isinstance(example.prompt, tuple)
    turns = [{"role": role, "content": text} for role, text in example.prompt]
    answer = [{"role": "assistant", "content": example.completion}]
    try:
        prompt_ids = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        ids = tokenizer.apply_chat_template(turns + answer, tokenize=True, return_dict=True)[
            "input_ids"
        ]
    except Exception as error:  # noqa: BLE001  templates raise jinja2's errors and their own
        raise JmedError(
            f"{example.where}: the model's chat template refuses the messages: {error}"
        ) from None
    start = _shared(prompt_ids, ids, counts)
    if tokenizer.eos_token_id not in ids[start:]:
        raise JmedError(
            f"{example.where}: the chat template writes no end token ({tokenizer.eos_token}) after "
            "the answer: the model would never learn to stop"
        )
    return Tokens(ids, start, example.where)


def _shared(prompt_ids: list[int], ids: list[int], counts: Counter[str]) -> int:
    """How many tokens prompt and whole have in common from the start, as TRL counts them."""
    for place, (one, other) in enumerate(zip(prompt_ids, ids, strict=False)):
        if one != other:
            counts["marked: tokens merge across the end of the prompt"] += 1
            return place
    return min(len(prompt_ids), len(ids))


def _fitted(
    made: Tokens, example: Example, max_length: int, overlength: str, audit: Audit
) -> Iterator[Tokens]:
    if len(made.ids) <= max_length:
        yield made
    elif not example.prompt:
        pieces = range(0, len(made.ids), max_length)
        audit.counts["added: pieces of texts longer than max_length"] += len(pieces) - 1
        for start in pieces:
            yield Tokens(made.ids[start : start + max_length], 0, made.where)
    elif overlength == "truncate" and made.learnt_from < max_length:
        audit.counts["cut: the answer loses its end"] += 1
        yield Tokens(made.ids[:max_length], made.learnt_from, made.where)
    else:
        prompt_alone = made.learnt_from >= max_length
        reason = "the prompt alone fills max_length" if prompt_alone else "longer than max_length"
        audit.counts[f"dropped: {reason}"] += 1


def _check_lengths(audit: Audit, examples: int, max_length: int, overlength: str) -> None:
    dropped = sum(n for what, n in audit.counts.items() if what.startswith("dropped"))
    cut = audit.counts["cut: the answer loses its end"]
    longest = max(audit.lengths, default=0)
    if overlength == "error" and dropped:
        raise JmedError(
            f"data: {dropped} of {examples} examples are longer than train.max_length "
            f"{max_length} (the longest: {longest} tokens); raise max_length, or allow "
            "data.overlength: drop or truncate"
        )
    if cut > MOST_CUT * examples:
        raise JmedError(
            f"data.overlength: truncate would cut {cut} of {examples} answers "
            f"({cut / examples:.0%}; allowed: {MOST_CUT:.0%}): raise train.max_length {max_length}"
        )
    if examples and dropped == examples:
        raise JmedError(f"data: every example is longer than train.max_length {max_length}")


def _check_tokenizer(tokenizer: Any, examples: Sequence[Example]) -> None:
    if tokenizer.eos_token is None:
        raise JmedError("the tokenizer has no end token: answers would never end")
    chats = [e for e in examples if isinstance(e.prompt, tuple)]
    if chats and not tokenizer.chat_template:
        raise JmedError(
            f"{chats[0].where}: messages need a chat template, and the tokenizer has none; "
            "allowed: prompt/completion rows and data.apply_chat_template: false"
        )
