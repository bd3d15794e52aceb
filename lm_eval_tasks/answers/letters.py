"""Where a text names choices by their letters: "c", "(a) and (c)", "a、b、およびd", "ace"."""

import re
from dataclasses import dataclass

from lm_eval_tasks.answers.text import END_OF_BOX, NAMED, Text
from lm_eval_tasks.exams.question import LETTERS


@dataclass(frozen=True)
class Named:
    """Letters that stand together in a text, from `start` to `end`."""

    letters: frozenset[str]
    start: int
    end: int


# A letter stands alone: "c", "(c)", "c." but not the c of "c-shaped", "cea", "c型", "°c", "e.g.".
ALONE = (
    r"(?<![a-z0-9°'].)(?<![a-z0-9][-.].)"
    r"(?![a-z0-9'°]|-[^\W_]|\.(?:[gmf]\b| ?coli\b)| cells?\b)"
    r"(?=\W|[がでとをはだのにな及お並も]|かつ|じゃ|\Z)"
)
LETTER = rf"[{LETTERS}]{ALONE}"
ITEM = rf"{NAMED}?(?:\([ \t]?)?{LETTER}(?:[ \t]?\))?"
ASIDE = r"(?:[ \t]?\((?![誤正×○不適]|または|又は|もしくは|あるいは|or\b)[^()\n]{1,60}\))?"
_WITH_TEXT = ITEM + ASIDE
AND = (
    r"[ \t]{0,3}(?:[,、・][ \t]{0,3}(?:and\b|&|および|及び|ならびに|並びに|それと)|[,、・/&+;]"
    r"|と(?!も)|および|及び|ならびに|並びに|かつ|and\b)[ \t]{0,3}|(?=\()"
)
# a further item that something is said of begins a new clause: 答え：b、aは誤り
LIST = rf"{_WITH_TEXT}(?:(?:{AND}){_WITH_TEXT}(?![はがも])){{0,7}}"
_LISTS = (
    # blanks or line ends part letters only where nothing but letters follows
    re.compile(
        rf"\(?{ITEM}(?:(?:{AND}|\s{{1,3}}){ITEM}){{1,7}}(?=[\s.。)]{{0,5}}(?:\Z|{END_OF_BOX}))"
    ),
    re.compile(rf"\(?{ITEM}(?:(?:{AND}|[ \t]{{1,3}}){ITEM}){{1,7}}(?=[ \t.。)]{{0,5}}$)", re.M),
    re.compile(rf"\(?{LIST}"),
)
# "ac" or "ACE", and not the word "bad"
_RUN = re.compile(rf"\(?([{LETTERS}]{{2,5}})(?=[ \t]*(?:[^\w \t-]|$)|です|である)", re.M)

# The article of "a cough", and not the choice of "a is right".
_ARTICLE = re.compile(
    r"a[ \t]+(?!(?:is|are|was|and|or|nor|but|not|because|since|as|for|due|which|with|in|by|from|on"
    r"|based|given|only|should|would|can|cannot|does|has|both|if|though|although|while|whereas"
    r"|rather|instead|according|among|at|to|over|here)\b)[a-z][a-z'-]"
)


def named_at(text: Text, start: int, n_select: int) -> Named | None:
    """The letters named at `start`, None if there are none or "a" is an article."""
    for pattern in _LISTS:
        if match := pattern.match(text.low, start):
            found = Named(letters_in(match[0]), match.start(), match.end())
            return None if is_article(text, found) else found
    if match := _RUN.match(text.low, start):
        letters = frozenset(match[1])
        in_order = "".join(sorted(letters)) == match[1]
        if in_order or len(letters) == len(match[1]) == n_select:
            return Named(letters, match.start(), match.end(1))
    return None


def letters_in(listed: str) -> frozenset[str]:
    """The letters of a list, without the texts in brackets and the words between."""
    bare = re.sub(r"(?<=[^(])\([^()]{2,}\)|and", "", listed)
    return frozenset(re.findall(f"[{LETTERS}]", bare))


def is_article(text: Text, found: Named) -> bool:
    """Whether the one letter found is the English article, which only a small letter follows."""
    place = found.end - 1
    if found.letters != {"a"} or text.low[found.start : found.end] != "a":
        return False
    return bool(_ARTICLE.match(text.low[place] + text.cased[place + 1 : place + 30]))
