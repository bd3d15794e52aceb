"""Where a text states a number as its answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from lm_eval_tasks.answers.keys import Key, keys
from lm_eval_tasks.answers.polarity import polarity
from lm_eval_tasks.answers.text import BOX, END_OF_BOX, SHEET, Text


@dataclass(frozen=True)
class Number:
    """A number and the form in which it is stated, at `start` of a text.

    digits: as written, without thousands separators: "1130", "10.0", "-4"; "" where the statement
        holds two numbers, so that neither is read.
    """

    form: str
    digits: str
    start: int


def stated_number(text: Text) -> Number | None:
    """The number that counts, None if none does.

    What is boxed or stands after a word for the answer goes before all else, and the last of
    these counts. Else the number that the first line holds alone, or that the last line ends with.
    """
    outright = sorted((*_boxed(text), *_announced(text)), key=lambda number: number.start)
    stated = [number for number in outright if number.form != _TURNED]
    if outright:
        found = stated[-1] if stated else None
    else:
        found = _first_line(text.low) or _last_line(text.low)
    return found if found and found.digits else None


def _boxed(text: Text) -> Iterator[Number]:
    for match in _IN_BOX.finditer(text.low):
        value = _value(match[1])
        if value is not None:
            yield Number("boxed", value, match.start())


def _announced(text: Text) -> Iterator[Number]:
    """After words for the answer, in the same line ("The answer is 26", "答え：26") or the next."""
    for key in keys(text.low):
        sentence = _SENTENCE.match(text.low, key.end, key.end + 200)
        part = sentence[0] if sentence else ""
        first = _NUMBER.search(part)
        if not first or not ("=" in part[: first.start()] or first.start() <= _reach(key)):
            continue
        *_, part = _INSTEAD.split(part)
        number = _NUMBER.search(part)
        end = sentence.end() - len(part) + (number.end() if number else 0) if sentence else 0
        form = "heading" if key.heading else "answer line"
        stated = polarity(text, key.start, end) == "stated"
        yield Number(form if stated else _TURNED, _value(part) or "", key.start)


_TURNED = "denied, hedged or an example"


def _reach(key: Key) -> int:
    """How many characters a word for the answer and its number may stand apart."""
    return 25 if key.linked or key.heading else 2


def _first_line(low: str) -> Number | None:
    """The first line is a number; or it is all there is, and holds little else."""
    if boxes := _BOXES.match(low):
        return Number("first line", _value(boxes[0]) or "", 0)
    line, _, rest = low.partition("\n")
    if _NUMBER_ALONE.match(line) or not rest.strip():
        value = _value(line)
        if value and (_LITTLE_ELSE.fullmatch(line) or _SPACED.fullmatch(line)):
            return Number("first line", value, 0)
    return None


def _last_line(low: str) -> Number | None:
    """The last line ends in an equation, holds little but a number, or concludes with one."""
    line = low[low.rfind("\n") + 1 :].rstrip()
    *_, sentence = re.split(r"(?<=。)(?=.)|(?<=\.[ \t])(?=.)", line)
    equation = _EQUALS.search(sentence)
    finished = re.search(r"(?:[。.)]|です|である|になる|となる)\Z", sentence)
    if equation or _LITTLE_ELSE.fullmatch(sentence) or (finished and _CONCLUDES.search(sentence)):
        value = _value(sentence)
        if value is not None:
            return Number("last line", value, len(low) - len(sentence))
    return None


def _value(part: str) -> str | None:
    """The one number that `part` of a sentence comes to: "" if there are several, None if none."""
    if boxes := _BOXES.search(part):
        return "".join(re.findall(rf"{SHEET}\D*(\d)", boxes[0]))
    part = re.sub(rf"{SHEET}[.)]?", " ", part)
    bare = _ASIDE.sub(" ", part)
    part = bare if _NUMBER.search(bare) else part
    *_, result = _EQUALS.split(part)
    part = (result if _NUMBER.search(result) else part).strip()
    if spaced := _SPACED.match(part):
        return re.sub(r"\s", "", spaced[0])
    found = list(_NUMBER.finditer(part))
    if not found:
        return None
    if next_field := _NEXT_FIELD.search(part, found[0].end()):
        found = [match for match in found if match.end() <= next_field.start()]
    if any(_SCALED.match(part, match.end()) for match in found):
        return ""
    digits = [match[0].replace(",", "") for match in found]
    return digits[0] if len({Decimal(d) for d in digits}) == 1 else ""


_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|\.\d+"
# not the digits of x2, m2, 10^3, and no counter: 2つ, 第1位, step 3
_NUMBER = re.compile(
    rf"(?<![a-z\d.^/])(?:(?<![\d)])[-+])?(?:{_DIGITS})(?![\d^])"
    r"(?![ \t]?(?:つ|番|通り|段階|ステップ|問|行|桁|位|種類|(?:st|nd|rd|th|steps?|decimal)\b))"
)
_SCALED = re.compile(r"[ \t]?(?:[万億兆千]|(?:×|x|\*)[ \t]?10|\^|e[-+]?\d|分の|/[ \t]?\d)")
_ASIDE = re.compile(
    r"(?<=\d)/[ \t]?\d[\d,.]{0,12}[ \t]?(?:万|千)?(?=[^\W\d])"  # per 1000人
    r"|/[ \t]?1\.73"
    r"|(?:人口)?(?<![\d,])\d[\d,]{0,12}万?[ \t]?(?:人|日|回|時間|分|週|kg)間?"
    r"(?:あたり|当たり|につき|に対し|対)"
    r"|1[ \t]?(?:日|回|時間|分)(?:間|量)?(?:に|で|の|は|平均)"
    r"|\([^()\n]{0,60}\)"
)
_IN_BOX = re.compile(f"{BOX}([^{END_OF_BOX}]{{0,200}}){END_OF_BOX}")
_BOXES = re.compile(
    rf"(?:\(?{SHEET}\)?[ \t]?[:=は]?[ \t]?\d(?![\d]|\.\d)[ \t]?[.,、;]?\s{{0,3}}){{2,}}"
)
_SPACED = re.compile(r"\d(?:[ \t]\.?[ \t]?\d){1,5}(?=[ \t]?(?:です|[。.]|\Z))")
_INSTEAD = re.compile(r"(?:では?|じゃ)なく(?:て)?[、,]?|\bnot [-+.\d,]+,? but\b")
_EQUALS = re.compile(r"[=≈≒≃]")
_SENTENCE = re.compile(rf"[^\n。]*?(?=[\n。]|(?<!{SHEET})\.[ \t]|\.?\Z)")
_NEXT_FIELD = re.compile(r"[,、;][ \t]*(?=[^\W\d])")
_CONCLUDES = re.compile(
    r"よって|したがって|従って|ゆえに|故に|以上|結果|求め|計算|約|は[ \t]?[-+.\d]"
    r"|\b(?:therefore|thus|hence|so|approximately|about|is|equals|result)\b"
)
_WORDS = r"[^\d\n。]{0,15}"
_LITTLE_ELSE = re.compile(rf"{_WORDS}[-+]?[.\d][\d,.]*{_WORDS}。?")
_NUMBER_ALONE = re.compile(r"(?:約|およそ|about|approximately|ca\.?|~)?[ \t]?[-+]?[.\d]")
