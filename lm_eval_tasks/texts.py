"""One normal form of answer texts, for selection and metrics; and text that a terminal can take."""

import re
from unicodedata import normalize

_BETWEEN = re.compile(r"[,、\n]")


def normal_form(text: str) -> str:
    """NFKC; items of a list parted by "," alone, whatever parted them; none ends in a full stop."""
    items = _BETWEEN.split(normalize("NFKC", text))
    clean = (" ".join(item.split()).rstrip("。.").rstrip() for item in items)
    return ",".join(clean).strip(",")


def printable(text: str) -> str:
    """Without what would steer a terminal: control characters become "\ufffd"."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
