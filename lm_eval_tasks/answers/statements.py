"""Statements that say outright which letters are the answer, each of a named form.

What stands in none of these forms, nor in those of answer_verdicts.py, is not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lm_eval_tasks.answers.keys import Key, begins_line, breaks_off, keys
from lm_eval_tasks.answers.letters import ALONE, LIST, Named, letters_in, named_at
from lm_eval_tasks.answers.polarity import Polarity, polarity
from lm_eval_tasks.answers.text import BOX, Text
from lm_eval_tasks.exams.question import LETTERS


@dataclass(frozen=True)
class Statement:
    """Some letters, said to be the answer in the form `form`, from `start` to `end` of a text.

    polarity: "stated", or what the words around made of it.
    """

    form: str
    letters: frozenset[str]
    start: int
    end: int
    polarity: Polarity = "stated"


def outright(text: Text, n_select: int) -> Iterator[Statement]:
    """All statements in the forms below, in no order."""
    yield from _boxed(text, n_select)
    yield from _alone(text, n_select)
    yield from _announced(text, n_select)
    yield from _labelled(text, n_select)


_TAKEN = re.compile(
    r"[ \t]?(?:と(?:し(?!た)|す(?!れば|ると)|致|判断|考え)|に(?:し|す|決)|を(?:選|採|取))"
)
_STANDS_ALONE = re.compile(r"[ \t]*(?:[。.、,(:]|です|である|\n|\Z|[ \t](?=[\u3041-\u9fff]))")
_INSTEAD = re.compile(r"[ \t)]{0,2}(?:の[^、。\n]{1,20}?)?(?:では?|じゃ)なく(?:て)?[、,]?[ \t]?")
_LABELS = rf"\(?([{LETTERS}]{ALONE}(?:[、,・~〜-][{LETTERS}]{ALONE}){{0,4}})"
_TEXT = r"[ \t]{1,3}(?=[\u3041-\u9fff])(?![はがもをのとにで、型群])"
_TEXT_FOLLOWS = re.compile(rf"[ \t]?[:.)]|[ \t][-–—][ \t]|{_TEXT}")
_WITH_TEXTS = re.compile(rf"[{LETTERS}]{ALONE}[ \t]?\([^()\n]{{2,60}}\)")
_LABEL = re.compile(
    rf"(?:^|[,、;。]|と|および|and)[ \t]{{0,3}}{_LABELS}(?:[ \t]?[:.)]|{_TEXT})"
    rf"|(?<=[ \t]){_LABELS}[ \t]?[:)]",
    re.MULTILINE,
)
_IN_PROSE = re.compile(rf"。[ \t]{{0,3}}{_LABELS}(?:[ \t]?[:.)]|{_TEXT})")
_BARE_LINE = rf"[ \t]{{0,5}}\(?{LIST}\)?[ \t]{{0,3}}[.。,、]?[ \t]{{0,5}}(?:\n\s{{0,5}}|\Z)"
_BARE_LINES = re.compile(rf"(?:{_BARE_LINE}){{1,8}}")
_NEXT_LINE = re.compile(rf"[^\n]*\s+\(?([{LETTERS}]){ALONE}")
_LATER_BARE_LINE = re.compile(rf"\n{_BARE_LINE}")
_ENDS = re.compile(
    r"[\s.。)!]{0,5}(?:です|である|だ|になります|となります|と考えます|だと思います)?[\s.。!]{0,5}\Z"
)
_IS_ALL = re.compile(
    rf"(?:です|である|だと思います|と思います|と考えます|になります)?。(?!.*。[ \t]?[{LETTERS}]。)"
    r"|,? (?:because|since)\b"
)
# a label and nothing, or nothing but a letter: "a:", "A: c"
_NO_TEXT = re.compile(rf"[ \t]?[:.)]*\s*(?:\(?[{LETTERS}]\)?\s*)?\Z")
_CALLED_WRONG = re.compile(r"[^\n]*(?:誤り|不適切|×|incorrect|wrong)[。.)\s]*(?:\n|\Z)")
_PREDICATE = re.compile(r"[ \t]?(?:[はがもをのとにで]|(?:is|are|was|were|and|or)\b)")
_VERDICT = re.compile(
    r"[ \t]?[:.)]{0,3}[ \t]{0,3}(?:不正解|誤|正し|正解|×|○|間違|不適|適切|(?:in)?correct|wrong)"
)


def _boxed(text: Text, n_select: int) -> Iterator[Statement]:
    place = text.low.find(BOX)
    while place >= 0:
        start = place + 1
        while text.low[start : start + 1].isspace():
            start += 1
        if named := _stated_at(text, start, n_select):
            said = polarity(text, place, named.end + 1)
            yield Statement("boxed", named.letters, place, named.end, said)
        place = text.low.find(BOX, start)


def _alone(text: Text, n_select: int) -> Iterator[Statement]:
    """The text, its first line or its first lines hold letters and nothing else."""
    first = text.low.find("\n") if "\n" in text.low else len(text.low)
    line = Text(text.low[:first], text.cased[:first])
    for part in (text, line):
        named = named_at(part, 0, n_select)
        if named and (_ENDS.match(part.low, named.end) or _IS_ALL.match(part.low, named.end)):
            if part is line and _are_labels(text, named):
                continue
            yield Statement("letters alone", named.letters, 0, named.end)
            return
    if n_select > 1 and (lines := _BARE_LINES.match(text.low)):
        yield Statement("letters alone", letters_in(lines[0]), 0, lines.end())


def _are_labels(text: Text, named: Named) -> bool:
    """Whether the letters of the first line head the first of several parts."""
    later = _LATER_BARE_LINE.search(text.low, named.end)
    return bool(later and _follows(named.letters, letters_in(later[0])))


def _follows(letters: frozenset[str], later: frozenset[str]) -> bool:
    return min(later, default="") == chr(ord(max(letters)) + 1)


def _announced(text: Text, n_select: int) -> Iterator[Statement]:
    """After words for the answer, in the same line ("The answer is …", "答え：…") or the next."""
    for key in keys(text.low):
        named = _under(text, key, n_select) if key.heading else _beside(text, key, n_select)
        if named:
            said = polarity(text, key.start, named.end)
            form = "heading" if key.heading else "answer line"
            yield Statement(form, named.letters, key.start, named.end, said)


def _beside(text: Text, key: Key, n_select: int) -> Named | None:
    named = _stated_at(text, key.end, n_select)
    if not named or breaks_off(text.low, key, named.end):
        return None
    if not key.linked and not (
        begins_line(text.low, key.start) and _STANDS_ALONE.match(text.low, named.end)
    ):
        return None
    return None if key.takes and not _TAKEN.match(text.low, named.end) else named


def _under(text: Text, key: Key, n_select: int) -> Named | None:
    if key.count not in (0, n_select):
        return None
    if n_select > 1 and (lines := _BARE_LINES.match(text.low, key.end)):
        return Named(letters_in(lines[0]), lines.start(), lines.end())
    named = _stated_at(text, key.end, n_select, explained=True)
    if not named or _VERDICT.match(text.low, named.end):
        return None
    if len(named.letters) > n_select and "\n" in text.low[named.start : named.end]:
        return None  # all choices, listed again
    below = _NEXT_LINE.match(text.low, named.end)
    return None if below and _follows(named.letters, letters_in(below[1])) else named


def _labelled(text: Text, n_select: int) -> Iterator[Statement]:
    """The text begins with letters and the texts of their choices: "c: …", "c (…"."""
    named = named_at(text, 0, n_select)
    if not named or _VERDICT.match(text.low, named.end) or _CALLED_WRONG.match(text.low):
        return
    if _NO_TEXT.match(text.low, named.end) or _PREDICATE.match(text.low, named.end):
        return
    label = text.low[named.end - 1] == ")" or _TEXT_FOLLOWS.match(text.low, named.end)
    if (label and len(named.letters) == 1) or _WITH_TEXTS.match(text.low):
        stated = _stated_at(text, 0, n_select) or named
        if not _goes_on(text, stated):
            said = polarity(text, 0, named.end)
            form = "letter before the choice's text"
            yield Statement(form, stated.letters, 0, stated.end, said)


def _goes_on(text: Text, named: Named) -> bool:
    """Whether other labels follow: a list of all choices, not an answer."""
    paragraph, _, rest = text.low.partition("\n\n")
    if _IN_PROSE.search(paragraph):
        return True
    labels = frozenset().union(*(_labels(m) for m in _LABEL.finditer(paragraph, named.end)))
    if labels - named.letters:
        return True
    later = _LABEL.match(rest.lstrip())
    return bool(later and _follows(named.letters, _labels(later)))


def _labels(match: re.Match[str]) -> frozenset[str]:
    return letters_in(match[1] or match[2])


def _stated_at(text: Text, start: int, n_select: int, *, explained: bool = False) -> Named | None:
    """The letters stated at `start`, also those that stand before their choices' texts.

    Args:
        explained: a list may follow that only explains the choices; as many as were asked for
            are an answer, more are not.
    """
    named = named_at(text, start, n_select)
    if named and (instead := _INSTEAD.match(text.low, named.end)):
        named = named_at(text, instead.end(), n_select)
    if named and (n_select > 1 or explained) and _TEXT_FOLLOWS.match(text.low, named.end):
        block = text.low[named.start : named.start + 1000].split("\n\n", 1)[0]
        labels = frozenset().union(*(_labels(match) for match in _LABEL.finditer(block)))
        if len(labels) == n_select:
            return Named(labels, named.start, named.end)
        return None if explained else named
    return named
