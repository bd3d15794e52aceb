"""Text that is to leave the house -> what in it looks like a path, an address or a token."""

import re
from collections.abc import Mapping

FORMS: Mapping[str, re.Pattern[str]] = {
    "a token": re.compile(
        r"\b(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}"
        r"|github_pat_\w{20,}|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}\.[\w-]{10,})"
    ),
    "a local path": re.compile(
        r"(?<![\w.:/~-])(?:~|/(?:home|Users|root|mnt|srv|var|tmp|opt|data|work|workspace|scratch"
        r"|media|Volumes|export|nfs|private|etc|usr))/[^\s\"'`,)|]+"
        r"|(?<!\w)[A-Za-z]:\\[^\s\"'`,)|]+|file://[^\s\"'`)|]+"
    ),
    "an e-mail address": re.compile(
        # bounded: without an end, each letter of a long word would be looked at from each
        r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,63}\b"
    ),
}


def leaks(text: str) -> list[str]:
    """A line for each finding; a token is not repeated whole."""
    found = [(what, match) for what, form in FORMS.items() for match in form.finditer(text)]
    return [f"line {_line(text, match)}: {what}: {match[0][:12]}…" for what, match in found]


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
