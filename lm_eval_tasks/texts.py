"""One normal form of answer texts, for selection and metrics; and text that a terminal can take."""

import re
from unicodedata import category, normalize

_BETWEEN = re.compile(r"[,、\n]")


def normal_form(text: str) -> str:
    """NFKC; items of a list parted by "," alone, whatever parted them; none ends in a full stop."""
    items = _BETWEEN.split(normalize("NFKC", text))
    clean = (" ".join(item.split()).rstrip("。.").rstrip() for item in items)
    return ",".join(clean).strip(",")


def printable(text: str) -> str:
    """Without what would steer a terminal: control characters become "\ufffd".

    Spaces of all widths stay: the full-width one stands in Japanese names.
    """
    return "".join(
        letter if letter.isprintable() or category(letter) == "Zs" else "\ufffd" for letter in text
    )
