"""Bytes of a text file -> text: UTF-8, or Shift_JIS as Windows writes it; no other is guessed."""

import re
from pathlib import Path

from lm_eval_tasks.errors import JmedError

ALLOWED = "UTF-8, or Shift_JIS (cp932)"
MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
ISO_2022_JP = re.compile(rb"\x1b\$[@B]")
KANA = re.compile("[ぁ-んァ-ヶー、。]")
HALF_WIDTH = re.compile("[｡-ﾟ]")
"""What EUC-JP becomes where it is taken for Shift_JIS."""


def decoded(raw: bytes, file: Path) -> str:
    """Decode, with the line ends of Unix.

    Raises:
        JmedError: another encoding, by its name where it can be told, or no text.
    """
    text = _decoded(raw, file)
    if "\0" in text:
        raise JmedError(f"{file}: holds zero bytes, so is no text; allowed: {ALLOWED}")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(raw: bytes, file: Path) -> str:
    for mark, name in MARKS:
        if raw.startswith(mark):
            raise _other(file, name)
    if ISO_2022_JP.search(raw):
        raise _other(file, "ISO-2022-JP")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    shift_jis, euc_jp = _tried(raw, "cp932"), _tried(raw, "euc_jp")
    # both often decode the same bytes; the wrong one of them to what nobody writes
    if euc_jp is not None and _likeness(euc_jp) > _likeness(shift_jis):
        raise _other(file, "EUC-JP")
    if shift_jis is not None and _likeness(shift_jis) > 0:
        return shift_jis
    raise JmedError(f"{file}: not UTF-8 at byte {place:,}; allowed: {ALLOWED}")


def _tried(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _likeness(text: str | None) -> float:
    """How much a text looks like Japanese: kana less half-width ones, as a share of non-ASCII."""
    if text is None:
        return -1.0
    beyond = sum(letter > "\x7f" for letter in text) or 1
    return (len(KANA.findall(text)) - len(HALF_WIDTH.findall(text))) / beyond


def _other(file: Path, name: str) -> JmedError:
    return JmedError(
        f"{file}: found {name}; allowed: {ALLOWED}: `iconv -f {name} -t UTF-8 OLD > NEW` makes it "
        "so"
    )
