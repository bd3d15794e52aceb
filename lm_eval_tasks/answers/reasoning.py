"""Response -> what is left after the model's reasoning: the part that is meant as an answer.

The marks that models write around their reasoning stand in reasoning_marks.yaml.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml


@dataclass(frozen=True)
class Marks:
    """How one family of models marks its reasoning; a block that never ends is all reasoning.

    open: none where only the end is marked.
    close: the block ends at the first of these.
    models, source: who writes it, and where that is written down.
    """

    open: tuple[str, ...]
    close: tuple[str, ...]
    models: str
    source: str


class Found(NamedTuple):
    """A mark in a response, from `start` to `end`."""

    start: int
    end: int
    marks: Marks
    opens: bool


def read_marks() -> tuple[Marks, ...]:
    """The table of marks, one record for each of its lines."""
    file = Path(__file__).with_name("reasoning_marks.yaml")
    rows = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(
        Marks(_several(row["open"]), _several(row["close"]), row["models"], row["source"])
        for row in rows
    )


def strip_reasoning(response: str) -> str:
    """Return what is left of `response` after the model's reasoning and special tokens."""
    text = _final_channel(response)
    if any(sign in text for sign in _SIGNS):
        text = _SPECIAL_TOKEN.sub("", _outside_blocks(text))
    return _EMPTY_CHANNEL.sub("", text).strip()


_NEXT_QUESTION = re.compile(r"\n\s*(?:問題[:：]|question:)", re.IGNORECASE)


def before_next_question(text: str) -> str:
    """Return what stands before the next question.

    A model that goes on with a question of its own has answered ours before.
    """
    return _NEXT_QUESTION.split(text, maxsplit=1)[0]


# gpt-oss and LLM-jp-4 write in channels, of which only `final` is meant for the reader. LLM-jp-4
# puts a blank after each special token; where a tokenizer skips those, the bare words are left.
# Source: openai/harmony@20cd04c17fa327f01f9f28240fb70183d4feb406 docs/format.md
_CHANNEL, _BARE_FINAL = "<|channel|>", "assistantfinal"
_FINAL = re.compile(
    r"<\|channel\|>\s{0,3}final\b[^<]{0,80}(?:<\|constrain\|>[^<]{0,80})?<\|message\|>"
)
_END_OF_MESSAGE = re.compile(r"<\|(?:end|return|call|start)\|>")
_BARE_CHANNEL = re.compile(r"\s*(?:analysis|commentary)(?=\s{0,3}[A-Z\u3040-\u9fff]|\s*\Z)")
_FINAL_AFTER_BARE_CHANNEL = re.compile(r"assistant\s{0,3}final")
_FINAL_FIRST = re.compile(r"\s*final(?=[A-Z*#\d\u3040-\u9fff\uff00-\uffef]|[a-h](?:\W|\Z))")
# Gemma 4 writes the name of its empty channel even where it does not think; a tokenizer that skips
# special tokens leaves the name of the speaker.
# Source: vllm-project/vllm@045d7575500e01e0f4a7ff84e039a9f7f7dc3bd0 vllm/reasoning/gemma4_utils.py
_EMPTY_CHANNEL = re.compile(r"\A\s*(?:thought|assistant|model)\s*\n")
_SPECIAL_TOKEN = re.compile(
    r"(?:<\|(?:im_)?start\|>|<\|start_header_id\|>|<start_of_turn>|<\|turn>)\s?(?:assistant|model)?"
    r"|<\|[\w:/ ]{1,40}\|>|<｜[^<>｜]{1,40}｜>|\[\|\w{1,30}\|\]"
    r"|</?s>|<(?:bos|eos|pad|end_of_turn|turn\|)>|\[END FINAL RESPONSE\]",
    re.IGNORECASE,
)


def _final_channel(text: str) -> str:
    """The message in the channel `final` if `text` is written in channels; "" if it has none."""
    if _CHANNEL in text:
        *before, last = _FINAL.split(text)
        return _END_OF_MESSAGE.split(last)[0] if before else ""
    if _BARE_CHANNEL.match(text):
        *before, last = _FINAL_AFTER_BARE_CHANNEL.split(text)
        return last if before else ""
    last = text.rpartition(_BARE_FINAL)[2]
    first = _FINAL_FIRST.match(last)
    return last[first.end() :] if first else last


def _outside_blocks(text: str) -> str:
    """What stands outside all blocks of reasoning; a block may hold others of its own kind.

    Where an end stands alone, its opening stood in the prompt: all before it is reasoning.
    """
    kept: list[str] = []
    position = depth = 0
    inside: Marks | None = None
    for mark in _found(text):
        if inside is None:
            kept = [*kept, text[position : mark.start]] if mark.opens else []
            inside, depth, position = mark.marks if mark.opens else None, 1, mark.end
        elif mark.marks is inside:
            depth += 1 if mark.opens else -1
            if depth == 0:
                inside, position = None, mark.end
    return "".join(kept) + (text[position:] if inside is None else "")


def _found(text: str) -> Iterator[Found]:
    """Every mark in `text`; one in quotes is spoken of, not used."""
    end = 0
    for place in _FIRST.finditer(text):
        match = _MARKS_BY_FIRST[place[0]].match(text, place.start())
        if match and place.start() >= end:
            marks, opens = _MEANING[match.lastgroup or ""]
            end = match.end()
            yield Found(match.start(), end, marks, opens)


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _pattern(mark: str, *, opens: bool) -> str:
    if tag := re.fullmatch(r"<(/?)([\w:]+)>", mark):
        rest = r"\s{0,3}" if tag[1] else r"(?:\s[^<>]{0,200})?"
        return rf"<\s{{0,3}}{tag[1]}\s{{0,3}}{tag[2]}{rest}>"
    plain = re.escape(mark).replace(r"\ ", " ").replace("\\\n", r"[ \t]*\n")
    return rf"(?<!.)(?<!\n){plain}" if opens and _is_words(mark) else plain


def _is_words(mark: str) -> bool:
    return mark[0] not in "<[◁"


MARKS = read_marks()
_ALL = [
    (mark, marks, opens)
    for marks in MARKS
    for opens, some in ((True, marks.open), (False, marks.close))
    for mark in some
]
_MEANING = {f"m{number}": (marks, opens) for number, (_, marks, opens) in enumerate(_ALL)}
_FIRST = re.compile("[" + re.escape("".join({mark[0] for mark, *_ in _ALL})) + "]")
_MARKS_BY_FIRST = {
    first: re.compile(
        "(?<![`'\"「『])(?:"
        + "|".join(
            f"(?P<m{number}>{_pattern(mark, opens=opens)})"
            for number, (mark, _, opens) in enumerate(_ALL)
            if mark[0] == first
        )
        + ")",
        re.IGNORECASE,
    )
    for first in {mark[0] for mark, *_ in _ALL}
}
_SIGNS = ("<", "[", "◁", *(mark.strip() for mark, *_ in _ALL if _is_words(mark)))
"""A response without any of these holds no mark."""
