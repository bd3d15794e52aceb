"""Text -> sentences, which together are the text again."""

from collections.abc import Iterator

ENDS = "。．！？!?"
OPEN, CLOSE = "「『（(［【〔", "」』）)］】〕"


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence; without a gap, so that joined they are the text.

    A line end ends a sentence. A full stop within brackets does not, and closing brackets after
    one belong to its sentence. The full stop of English ends one before a space and a capital.
    """
    start = depth = place = 0
    while place < len(text):
        letter = text[place]
        place += 1
        if letter == "\n":
            depth = 0
        elif letter in OPEN:
            depth += 1
            continue
        elif letter in CLOSE:
            depth = max(0, depth - 1)
            continue
        elif depth or not _ends(text, place):
            continue
        else:
            while place < len(text) and (text[place] in ENDS or text[place] in CLOSE):
                place += 1
        while place < len(text) and text[place] in " \n\u3000":
            place += 1
        yield start, place
        start = place
    if start < len(text):
        yield start, len(text)


def _ends(text: str, place: int) -> bool:
    """Whether the letter before `place` ends a sentence, brackets left aside."""
    letter, after = text[place - 1], text[place : place + 2]
    if letter == ".":
        return len(after) == 2 and after[0] == " " and after[1].isupper()
    if letter == "．":  # a decimal point in full width, ３７．５
        return not after[:1].isdigit()
    if letter in "!?":
        return after[:1] in ("", " ", "\n") or after[0] > "\x7f"
    return letter in ENDS
