"""The token that ends a document of continued pretraining.

The eos_token of a chat model's tokenizer often ends a turn (Qwen's <|im_end|>, Llama 3's
<|eot_id|>, gpt-oss's <|return|>). The base read another one after each document, and a model that
is taught turn ends there learns to stop a chat after a text.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from lm_eval_tasks.errors import JmedError

NAMES = frozenset(
    {"endoftext", "endofdocument", "endofsentence", "endofsequence", "eos", "eostoken", "eod",
     "eodllmjp"}
)  # fmt: skip
"""What bases call it, by its letters: <|endoftext|>, <|end_of_text|>, <eos>, <EOS_TOKEN>."""


@dataclass(frozen=True)
class DocumentEnd:
    """The token after each document, and where it was found."""

    token: str
    """Empty where it is not known."""
    why: str
    """How it was found, or what is allowed instead."""


def document_end(tokenizer: Any, ends: Collection[int], eos_token: str | None) -> DocumentEnd:
    """Find the token that ends a document.

    In this order: what the recipe gives; the eos_token of a tokenizer without a chat template, or
    one that is named as ends of documents are; the only token so named among those that end
    generation, else among BOS and padding (base and chat model of Qwen2 share these), else among
    all special tokens.

    Args:
        ends: ids that end generation, of generation_config.json and config.json.
        eos_token: data.eos_token.

    Raises:
        JmedError: the given one is no token of the vocabulary.
    """
    if eos_token:
        return DocumentEnd(_one_token(tokenizer, eos_token), "data.eos_token")
    eos = tokenizer.eos_token
    if eos is not None and (not tokenizer.chat_template or _is_named(eos)):
        return DocumentEnd(eos, "the tokenizer's eos_token")
    for where, tokens in _candidates(tokenizer, ends):
        named = sorted({token for token in tokens if token and _is_named(token)})
        if len(named) == 1:
            return DocumentEnd(named[0], f"of {where}; {eos} ends turns")
        if named:
            return DocumentEnd("", _fault(eos, named))
    return DocumentEnd("", _fault(eos, []))


def _candidates(tokenizer: Any, ends: Collection[int]) -> Iterator[tuple[str, list[str | None]]]:
    yield "generation_config.json or config.json", tokenizer.convert_ids_to_tokens(sorted(ends))
    yield "the tokenizer's BOS and padding", [tokenizer.bos_token, tokenizer.pad_token]
    added = tokenizer.added_tokens_decoder.values()
    yield "the tokenizer's special tokens", [token.content for token in added if token.special]


def _is_named(token: str) -> bool:
    return token == "</s>" or re.sub(r"[^a-z]", "", token.lower()) in NAMES


def _one_token(tokenizer: Any, token: str) -> str:
    ids = tokenizer(token, add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or tokenizer.convert_ids_to_tokens(ids) != [token]:
        raise JmedError(
            f"data.eos_token: {token!r} is no token of the model's vocabulary; allowed: "
            f"{', '.join(tokenizer.all_special_tokens)}, or another of its tokens"
        )
    return token


def _fault(eos: str | None, named: Collection[str]) -> str:
    found = f"several are named so: {', '.join(named)}" if named else "none is named as such"
    return (
        f"with which token the base ends a document cannot be told: the tokenizer's eos_token, "
        f"{eos}, may end turns, and of the others {found}; allowed: data.eos_token: the token, as "
        "its model card says"
    )
