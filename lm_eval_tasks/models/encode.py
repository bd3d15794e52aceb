"""Texts -> token ids, as lm-eval's `tok_encode` does one by one."""

from collections.abc import Sequence
from typing import Any


def encode(lm: Any, texts: Sequence[str]) -> dict[str, list[int]]:  # noqa: ANN401 (an HFLM)
    """Every distinct text once, in two batches: a chat-templated text brings its own BOS token."""
    unique = list(dict.fromkeys(texts))
    bos = lm.tokenizer.decode(lm.prefix_token_id)
    bare = [text for text in unique if bos and text.startswith(bos)]
    other = [text for text in unique if not (bos and text.startswith(bos))]
    special = {} if lm.add_bos_token is None else {"add_special_tokens": lm.add_bos_token}
    encoded: dict[str, list[int]] = {}
    for group, flags in ((bare, {"add_special_tokens": False}), (other, special)):
        if group:
            encoded |= zip(group, lm.tokenizer(group, **flags)["input_ids"], strict=True)
    return encoded


def spaces_to_continuation(context: str, continuation: str) -> tuple[str, str]:
    """lm-eval's rule: blanks at the end of the context belong to the continuation."""
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation
