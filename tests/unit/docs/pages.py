"""Pages of Markdown -> the commands in their blocks of code, their links and their anchors."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs_tables import MARKED

PROGRAMS = ("jmed", "lm_eval", "python", "deepspeed", "torchrun", "accelerate", "make", "pip")
FOREIGN = (
    "llama.cpp/build/bin/llama-quantize", "printf", "ollama", "quantize/bin/pip",
    "quantize/bin/python", ".venv/bin/pre-commit", "cp", "vllm",
)  # fmt: skip
"""Programs of others: only named here so that a block with a new one is noticed."""


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command in the page's blocks of code, without what `…` stands for.

    In a block with lines that begin with `$ ` the others are output. Parts that a program prints
    are not looked at.
    """
    text = MARKED.sub("", page.read_text(encoding="utf-8"))
    blocks = [t for t in MarkdownIt("commonmark").parse(text) if t.type in ("code_block", "fence")]
    for block in blocks:
        for line in _lines(block.content):
            yield from _simple(line)


def _lines(block: str) -> Iterator[str]:
    block = re.sub(r"<<'(\w+)'\n.*?^\s*\1$", "", block, flags=re.DOTALL | re.MULTILINE)
    prompted = re.findall(r"^\$ (.*)", block, re.MULTILINE)
    whole = prompted or re.sub(r"\\\n", " ", block).splitlines()
    first = [line.split()[0] for line in whole if line.strip()]
    if prompted or (first and first[0] in (*PROGRAMS, *FOREIGN)):
        yield from (line for line in whole if line.strip())
    elif wrong := set(first) & set(PROGRAMS):
        raise AssertionError(f"a command in a block that does not begin with one: {wrong}")


def _simple(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word != "&&":
            words.append(word)
        elif words:
            yield [one for one in words[: _redirected(words)] if one != "…"]
            words = []


def _redirected(words: list[str]) -> int:
    return next((place for place, word in enumerate(words) if word in (">", "|")), len(words))


def links(page: Path) -> Iterator[str]:
    """Yield the address of each link and picture of the page."""
    inline = [child for token in tokens(page) for child in token.children or []]
    for token in inline:
        if address := token.attrGet("href") or token.attrGet("src"):
            yield str(address)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the page's headings."""
    found = tokens(page)
    headings = [
        found[n + 1].content for n, token in enumerate(found) if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
