"""Response -> the one sentence of a text that it says is wrong, and how it should read.

Two readings. The publisher's (`published_claim`): MedRECT's program. Ours (`read_correction`): any
width, Japanese words for "no error", and nothing where a response says several things at once.

Source: pfnet-research/medrect@03790cd956cfc9f0d1ab1ee3b0ff16ddebe2f75e src/llm_eval/parsers/medec
"""

import re
from dataclasses import dataclass
from unicodedata import normalize

from lm_eval_tasks.answers.reasoning import before_next_question, strip_reasoning
from lm_eval_tasks.exams.free_answers import Correction


@dataclass(frozen=True)
class Claim:
    """What the publisher's program takes from a response.

    error: whether there is one; None if it could not be read, which counts as wrong.
    sentence: its number, 0 for none. "0: …" claims an error, and sentence 0 for it.
    """

    error: bool | None = None
    sentence: int | None = None


_FENCE, _CODE = re.compile(r"```\w*"), re.compile(r"`([^`]*)`")
_FENCE_LINE = re.compile(r"```\w*\s*\n")
_CORRECT = re.compile(r"\bCORRECT\b|_CORRECT_", re.IGNORECASE)
_NONE = re.compile(r"\b(?:エラー|誤り|間違い|問題)なし\b")
_BOUND = range(1, 51)
"""Numbers of a sentence in the forms that a list or a date could have too."""


@dataclass(frozen=True)
class _Form:
    """One way to name a sentence; only the first place that has it counts."""

    pattern: re.Pattern[str]
    numbers: range | None

    def number(self, text: str) -> int | None:
        if not (found := self.pattern.search(text)):
            return None
        try:
            number = int(found[1])
        except ValueError:  # more digits than Python takes
            return None
        return number if self.numbers is None or number in self.numbers else None


def _form(pattern: str, numbers: range | None = None) -> _Form:
    return _Form(re.compile(pattern, re.MULTILINE), numbers)


# "^\s*" over lines is "of blanks alone on its line", without the time that the former can take
_FIRST = (_form(r"^[^\S\n]*(\d+)\s*:\s*\S"),)
_SECOND = (
    _form(r"文(\d+)\s*:\s*\S"),
    _form(r"^[^\S\n]*(\d+)\.\s*\S", _BOUND),
    _form(r"文番号\s*:\s*(\d+)\s*:\s*\S"),
    _form(r"文番号\s*:\s*(\d+)\s*\n\s*\d+\.\s*\S"),
)
_THIRD = (
    _form(r"文番号\s*:\s*(\d+)\."),
    _form(r"(\d+)文目\s*:"),
    _form(r"文番号(\d+)\s*:"),
    _form(r"-\s*(\d+)\s*:", _BOUND),
    _form(r"文番号\s*:\s*(\d+)\s*\n\s*\S"),
    _form(r"文番号\s*:\s*(\d+)\s+\S"),
)


def published_claim(response: str) -> Claim:
    """Read a response as MedRECT's program does, which is given what follows the reasoning.

    "CORRECT" anywhere as a word, in whatever sentence, says that nothing is wrong; it is no word
    where Japanese follows it without a blank. A full-width colon is none.
    """
    text = strip_reasoning(response).strip()
    plain = _undecorated(text)
    if _CORRECT.search(plain):
        return Claim(error=False, sentence=0)
    for forms, where in ((_FIRST, plain), (_SECOND, text)):
        for form in forms:
            if (number := form.number(where)) is not None:
                return Claim(error=True, sentence=number)
    if _NONE.search(text):
        return Claim(error=False, sentence=0)
    numbers = (form.number(text) for form in _THIRD)
    number = next((number for number in numbers if number is not None), None)
    return Claim() if number is None else Claim(error=True, sentence=number)


def _undecorated(text: str) -> str:
    """Without the signs of code, and the quotation marks around it."""
    for pattern, what in ((_FENCE_LINE, ""), (_FENCE, ""), (_CODE, r"\1")):
        text = pattern.sub(what, text)
    return text.strip().strip("\"'").strip()


_EDGES = re.compile(r"[\s`\"'*_。.「」]+")
_SAYS_NONE = re.compile(
    r"(?:答え:|answer:)?\s*(?:correct|noerrors?|"
    r"(?:エラー|誤り|間違い|問題)は?(?:なし|ありません|ない))",
    re.IGNORECASE,
)
_SAYS_ONE = re.compile(
    r"(?:答え:|answer:)?\W*(?:文番号|文|番号|sentence)?\s*:?\s*(\d{1,3})\s*(?:文目|番)?\s*"
    r"(?::|\.(?!\d))[\s`*]*((?=.*\w)\S.*)",
    re.IGNORECASE,
)


def read_correction(response: str) -> Correction | None:
    """Read the lines of a response that say what is asked for; None if none does, or two disagree.

    NFKC; reasoning is left out, and a next question that the model puts to itself.
    """
    text = before_next_question(normalize("NFKC", strip_reasoning(response)))
    said = [found for line in text.split("\n") if (found := _said(line))]
    return said[-1] if len({one.sentence for one in said}) == 1 else None


def _said(line: str) -> Correction | None:
    plain = _EDGES.sub("", line) if len(line) < 40 else ""  # a long line says more than that
    if _SAYS_NONE.fullmatch(plain):
        return Correction()
    found = _SAYS_ONE.fullmatch(line.strip())
    if not found or not int(found[1]):
        return None
    return Correction(int(found[1]), found[2].strip("`\"'* "))
