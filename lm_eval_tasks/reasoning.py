"""Response -> what is left after the model's reasoning: the part that is meant as an answer."""

import re

_TAGS = "think|thinking|thought|reasoning|reflection|analysis|seed:think"
# What models write before they answer. A block that is never closed is all reasoning: no answer.
REASONING = {
    "closed or open block": re.compile(rf"<({_TAGS})>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE),
    "bracketed block": re.compile(r"\[THINK\].*?(?:\[/THINK\]|\Z)", re.DOTALL),
    "thinking tokens": re.compile(r"<\|START_THINKING\|>.*?(?:<\|END_THINKING\|>|\Z)", re.DOTALL),
    # the opening tag stood in the prompt, put there by the chat template
    "closing tag alone": re.compile(
        rf"\A.*(?:</(?:{_TAGS})>|\[/THINK\]|<\|END_THINKING\|>)", re.DOTALL | re.IGNORECASE
    ),
    "final response marker": re.compile(r"\A.*\[BEGIN FINAL RESPONSE\]", re.DOTALL),
    "harmony channels": re.compile(r"\A.*<\|channel\|>final<\|message\|>", re.DOTALL),
    "harmony, special tokens skipped": re.compile(r"\Aanalysis.*assistantfinal", re.DOTALL),
    "harmony, never final": re.compile(
        r"\A(?:<\|channel\|>analysis|analysis(?=[A-Z\u3040-\u9fff])).*", re.DOTALL
    ),
}
SPECIAL_TOKEN = re.compile(r"<\|\w+\|>|</s>|\[END FINAL RESPONSE\]")


def strip_reasoning(response: str) -> str:
    """Return what is left of `response` after the model's reasoning and special tokens."""
    for pattern in REASONING.values():
        response = pattern.sub("", response)
    return SPECIAL_TOKEN.sub("", response).strip()
