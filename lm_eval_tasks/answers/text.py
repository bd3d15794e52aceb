"""Response -> the text that answers are read from: no reasoning, one width, one case, no markup.

What markup means is kept, as characters that no response holds otherwise.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from unicodedata import normalize

from lm_eval_tasks.answers.reasoning import strip_reasoning

BOX, END_OF_BOX = "\ue000", "\ue001"
"""Around what stood in \\boxed{…}."""
NAMED = "\ue002"
"""For the word before a letter that names a choice: 選択肢 c, option c."""
SHEET = "\ue003"
"""For a box of the answer sheet: ①."""


@dataclass(frozen=True)
class Text:
    """A response, or the part of it that answers one question.

    low: in lower case; all reading is done on it.
    cased: as long as `low`, for what only the case tells: "A cough" begins with no letter.
    """

    low: str
    cased: str


class Step(NamedTuple):
    """Replace `pattern` in a text that holds `sign`, which is quickly looked for."""

    sign: str
    pattern: re.Pattern[str]
    instead: str | Callable[[re.Match[str]], str]


def readable(response: str) -> Text:
    """The response without markup, as far as it speaks of our question."""
    text = strip_reasoning(_replaced(response, _BEFORE_STRIPPING))
    text = normalize("NFKC", _replaced(text, _BEFORE_WIDTH))
    text = _replaced(f"\n{text}\n", _AFTER_WIDTH).strip()
    low = text.lower()
    if len(low) != len(text):  # a few letters of other alphabets grow
        low = "".join(c.lower() if c.isascii() else c for c in text)
    start, end = _ours(low)
    return Text(low[start:end], text[start:end])


def _ours(low: str) -> tuple[int, int]:
    """Where the part begins and ends that answers our question.

    A model that goes on with a question of its own has answered ours before, if at all. Only what
    no more than introduces a question is followed by ours, restated.
    """
    cuts = [*(match.start() for match in _QUESTION.finditer(low)), len(low)]
    start = 0
    while len(cuts) > 1 and _INTRODUCTION.fullmatch(low, start, cuts[0]):
        start = cuts.pop(0)
    return start, cuts[0]


_INTRODUCTION = re.compile(
    r"(?=[^:]{0,150}?(?:問題|設問|質問|考え|解[きく答]|回答|確認|整理|検討|分析|まず|では|以下"
    r"|はい|承知|了解|わかりました|question|problem|\blet\b|follow|think|step|first|consider|analy"
    r"|sure|okay|certainly))"
    r"(?:(?!ない|ません|\bnot\b|n't|sorry|(?<![a-z\d])[a-h](?![a-z\d])).){0,150}",
    re.DOTALL,
)
# A model that goes on with a question of its own has answered ours before, if at all.
_QUESTION = re.compile(
    r"(?:\n|。)\s{0,5}(?:(?:次の)?"
    r"(?:問題文?|設問|質問|question|problem|instruction|user|human|指示|入力)"
    r"[ \t]{0,2}\d{0,3}[ \t]{0,2}(?:\([^()\n]{0,20}\))?:"
    r"|(?:問題文?(?:\([^()\n]{0,20}\))?|user|human)[ \t]{0,3}\n)"
)


def _replaced(text: str, steps: tuple[Step, ...]) -> str:
    for sign, pattern, instead in steps:
        if sign in text:
            text = pattern.sub(instead, text)
    return text


def _tagged(names: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{names})(?:\s[^<>]{{0,80}})?/?>", flags)


def _one_line(match: re.Match[str]) -> str:
    return f"\nanswer: {' '.join(match[1].split())}\n"


_RIGHT, _WRONG = "○◯〇◎⭕✓✔✅☑", "×✕✖✗✘❌❎☓"
_SIGN = re.compile(f"[\u200b-\u200f\u2060\ufeff\ufe0e\ufe0f\ue000-\ue00f①-⑳{_RIGHT}{_WRONG}🅐-🅩🅰-🆉]")


def _sign(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in _RIGHT or sign in _WRONG:
        return "○" if sign in _RIGHT else "×"
    if "①" <= sign <= "⑳":
        return SHEET  # NFKC would make a digit of it
    if "🅐" <= sign <= "🆉":
        return chr(ord("a") + (ord(sign) - ord("🅐")) % 32)
    return ""


_FONT = re.compile(
    r"\\(?:(?:text|math)(?:rm|bf|it|sf|tt|normal)?|operatorname)\s?\{([^{}]{0,200})\}"
)
_ANSWER = (
    r"(?:(?:final|correct)[ _]?)?(?:answers?|choices?|options?|prediction)"
    r"|(?:最終)?(?:回答|解答|答え|正解)"
)
_BEFORE_STRIPPING = (
    # GLM-4.5V and later mark their answer with tokens
    Step("_box|>", re.compile(r"<\|begin_of_box\|>([^<]{0,200})<\|end_of_box\|>"), r"\\boxed{\1}"),
)
_BEFORE_WIDTH = (
    Step("", _SIGN, _sign),
    Step("{,}", re.compile(r"\{,\}"), ","),
    Step("\\", _FONT, r"\1"),
    Step("\\", _FONT, r"\1"),  # one in another
    Step("\\", re.compile(r"\\f?boxed\s?\{([^{}]{0,200})\}"), rf"{BOX}\1{END_OF_BOX}"),
    Step("\\", re.compile(r"\\(?:approx|simeq|fallingdotseq|doteqdot)(?![a-z])"), "≈"),
    Step("\\", re.compile(r"\\(?:[rR]ightarrow|to|therefore)(?![a-z])"), "→"),
    Step("\\", re.compile(r"\\(?:times|cdot)(?![a-z])"), "×"),
    Step("\\", re.compile(r"\\(?:q?quad(?![a-z])|[,;:! ])"), " "),
    Step("\\", re.compile(r"\\[()\[\]]|\\(?=[%$])"), ""),
    Step(
        "[",
        re.compile(rf"[\"'](?:{_ANSWER})[\"']\s{{0,3}}:\s{{0,3}}\[([^\[\]]{{0,200}})\]", re.I),
        _one_line,
    ),
    Step("<", re.compile(r"<(?:final_?)?answer>", re.IGNORECASE), "\nanswer: "),
    Step(
        "<", _tagged(r"(?:final_?)?answer|response|output|solution|br|p|div|[uo]l|li|tr|h\d"), "\n"
    ),
    Step("<", _tagged("b|strong|i|em|u|span|center|mark|code|td|th"), ""),
    Step("`", re.compile(r"```\w{0,10}|`"), ""),
    Step("**", re.compile(r"\*\*[ \t]*\*\*|(?<=。)[ \t]*\*\*"), "\n"),
)
_BULLET = re.compile(r"\n[ \t]*(?:(?:[-+]|#{1,6}|>|[1-9][.)])[ \t]+|[・•◦▪■□◆◇●▶►★☆※|][ \t]*)+")
_A_LETTER = r"[ \t]{0,2}(?=\(?[a-hA-H](?![a-zA-Z0-9]))"
_AFTER_WIDTH = (
    Step("*", re.compile(r"\*"), ""),
    Step("$", re.compile(r"\$"), ""),
    Step("_", re.compile("_"), " "),
    Step('"', re.compile('"'), ""),
    Step("’", re.compile(r"(?<=[a-zA-Z])’(?=[a-zA-Z])"), "'"),
    Step("", re.compile("[‘’“”]"), ""),
    Step("", re.compile("[⇒➡➔⟶]"), "→"),
    Step(">", re.compile("[-=]>"), "→"),
    Step("'", re.compile(r"(?<![a-zA-Z\d])'|'(?![a-zA-Z\d])"), ""),
    Step("e.g.", re.compile(r"e\.g\.,?"), "for example"),
    Step("", re.compile(r"[【】『』「」〈〉《》≪≫〔〕{}★☆]"), " "),
    Step("[", re.compile(r"\["), "("),
    Step("]", re.compile(r"\]"), ")"),
    Step("|", re.compile(r"\|[ \t]*(?=\n)"), ""),
    Step("", _BULLET, "\n"),
    Step("肢", re.compile(rf"(?:選択|(?<![一-龥]))肢{_A_LETTER}"), NAMED),
    Step("オプション", re.compile(rf"オプション{_A_LETTER}"), NAMED),
    Step("ption", re.compile(rf"[oO]ptions?{_A_LETTER}"), NAMED),
    Step("hoice", re.compile(rf"[cC]hoices?{_A_LETTER}"), NAMED),
    Step("OPTION", re.compile(rf"OPTIONS?{_A_LETTER}"), NAMED),
    Step("etter", re.compile(rf"[lL]etters?{_A_LETTER}"), NAMED),
)
