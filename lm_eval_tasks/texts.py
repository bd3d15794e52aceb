"""How two answer texts are made comparable: one normal form for selection and metrics."""

import re
from unicodedata import normalize

_BETWEEN = re.compile(r"[,、\n]")


def normal_form(text: str) -> str:
    """NFKC; items of a list parted by "," alone, whatever parted them; none ends in a full stop."""
    items = _BETWEEN.split(normalize("NFKC", text))
    clean = (" ".join(item.split()).rstrip("。.").rstrip() for item in items)
    return ",".join(clean).strip(",")
