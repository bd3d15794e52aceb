"""The one rule that chooses among all statements of a text.

1. What says outright which letters are the answer goes before all else; the last one counts.
2. Then what calls letters the answer, and then what calls them the only right ones, where the text
   begins, ends or concludes with it: in between, such words are part of an argument. These must
   agree, and must not be taken back.
3. Then the verdicts on all choices, if as many are right as were asked for.

In 1 and 2, a statement of as many letters as were asked for goes before others, and single letters
that are stated one by one are taken together where that makes as many.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lm_eval_tasks.answers.polarity import sentence_before
from lm_eval_tasks.answers.statements import Statement, outright
from lm_eval_tasks.answers.text import Text
from lm_eval_tasks.answers.verdicts import judged

_CONCLUDING = re.compile(
    r"よって|したがって|従って|ゆえに|故に|以上(?:より|から|の|を)|これらから|結論|最終的|総合(?:的|す)"
    r"|\b(?:therefore|thus|hence|so|consequently|conclusion|summary|overall|finally)\b"
)
_REST_OF_SENTENCE = re.compile(r"[^。.!\n]{0,200}[。.!]?")
_NOTHING_MORE = re.compile(r"\s*\Z")
_FINISHED = re.compile(r"[。.!)\n]|です\Z|ます\Z|である\Z")
_ALL_CHOICES = 5
"""With as many verdicts, all choices have one; with fewer, more may have been to come."""


def chosen(text: Text, n_select: int) -> Statement | None:
    """The statement that counts, None if none does."""
    if found := _last([s for s in outright(text, n_select) if s.polarity == "stated"], n_select):
        return found
    said = sorted(judged(text), key=lambda s: s.start)
    # the last denial of each letter takes back what was said before
    denied = {letter: s.start for s in said if s.polarity == "denied" for letter in s.letters}
    kept = [
        s
        for s in said
        if s.polarity == "stated" and all(denied.get(x, -1) < s.start for x in s.letters)
    ]
    marked = [s for s in kept if s.form == "marked as the answer"]
    decided = [s for s in kept if not s.form.startswith("verdict") and _decides(text, s)]
    called = [s for s in kept if s.form != "conclusion"]
    return (
        _agreed(marked, n_select)
        or _agreed(decided, n_select)
        or _by_verdicts(text, called, frozenset(denied), n_select)
    )


def _last(statements: Iterable[Statement], n_select: int) -> Statement | None:
    ordered = sorted(statements, key=lambda s: s.start)
    fitting = [s for s in ordered if len(s.letters) == n_select]
    if fitting or not ordered:
        return fitting[-1] if fitting else None
    return _together(ordered, n_select) or ordered[-1]


def _together(ordered: Sequence[Statement], n_select: int) -> Statement | None:
    """One statement of all the letters that are stated one by one, if these are `n_select`."""
    single = [s for s in ordered if len(s.letters) == 1]
    letters = frozenset().union(*(s.letters for s in single))
    if len(letters) != n_select:
        return None
    return Statement(single[-1].form, letters, single[0].start, single[-1].end)


def _agreed(ordered: Sequence[Statement], n_select: int) -> Statement | None:
    """What all statements say, if that is as many letters as were asked for."""
    if len({s.letters for s in ordered}) == 1 and len(ordered[0].letters) == n_select:
        return ordered[-1]
    return _together(ordered, n_select) if ordered else None


@dataclass(frozen=True)
class _Place:
    """Where in a text a sentence stands.

    first, last: nothing stands before, after it. finished: it is not broken off. concludes: a word
        such as "therefore" stands in it.
    """

    first: bool
    last: bool
    finished: bool
    concludes: bool


def _place(text: Text, statement: Statement) -> _Place:
    before = sentence_before(text.low, statement.start)
    rest = _REST_OF_SENTENCE.match(text.low, statement.end)
    end = rest.end() if rest else statement.end
    return _Place(
        first=len(before) == statement.start,
        last=bool(_NOTHING_MORE.match(text.low, end)),
        finished=end < len(text.low) or bool(_FINISHED.search(text.low, max(0, end - 3), end)),
        concludes=bool(_CONCLUDING.search(before)),
    )


def _decides(text: Text, statement: Statement) -> bool:
    place = _place(text, statement)
    ends = place.finished and (place.last or place.concludes)
    return statement.form == "conclusion" or place.first or ends


def _by_verdicts(
    text: Text, right: Sequence[Statement], denied: frozenset[str], n_select: int
) -> Statement | None:
    """The choices called right, where they are as many as asked for and the others are wrong.

    A question may ask for the wrong choices, so that a list that would answer it as well is not
    read. A single verdict counts where the text is no more than that, or concludes with it.
    """
    letters = frozenset().union(*(s.letters for s in right))
    wrong = denied - letters
    if len(letters) != n_select:
        return None
    told = len(letters) + len(wrong)
    if len(wrong) > n_select or (len(wrong) != n_select and told >= _ALL_CHOICES):
        return Statement("verdicts", letters, right[0].start, right[-1].end)
    single = not wrong and [s.form for s in right] == ["verdict"]
    place = _place(text, right[0])
    concluded = (place.first and place.last) or (place.finished and place.concludes)
    return right[0] if single and concluded else None
