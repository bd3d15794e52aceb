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

from lm_eval_tasks.answer_polarity import sentence_before
from lm_eval_tasks.answer_statements import Statement, outright
from lm_eval_tasks.answer_text import Text
from lm_eval_tasks.answer_verdicts import judged

_CONCLUDING = re.compile(
    r"よって|したがって|従って|ゆえに|故に|以上(?:より|から|の|を)|これらから|結論|最終的|総合(?:的|す)"
    r"|\b(?:therefore|thus|hence|so|consequently|conclusion|summary|overall|finally)\b"
)
_REST_OF_SENTENCE = re.compile(r"[^。.!\n]*[。.!]?")
_FINISHED = re.compile(r"[。.!)\n]|です\Z|ます\Z|である\Z")
_LEAST_VERDICTS = 5
"""With as many verdicts, all choices have one; with fewer, more may have been to come."""


def chosen(text: Text, n_select: int) -> Statement | None:
    """The statement that counts, None if none does."""
    if found := _last([s for s in outright(text, n_select) if s.polarity == "stated"], n_select):
        return found
    said = sorted(judged(text), key=lambda s: s.start)
    denied = [s for s in said if s.polarity == "denied"]
    kept = [s for s in said if s.polarity == "stated" and not _taken_back(s, denied)]
    marked = [s for s in kept if s.form == "marked as the answer"]
    concluded = [s for s in kept if s.form != "verdict" and _concludes(text, s)]
    return (
        _agreed(marked, n_select)
        or _agreed(concluded, n_select)
        or _by_verdicts(text, [s for s in kept if s.form != "conclusion"], denied, n_select)
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


def _taken_back(statement: Statement, denied: Iterable[Statement]) -> bool:
    return any(
        later.start > statement.start and later.letters & statement.letters for later in denied
    )


def _concludes(text: Text, statement: Statement) -> bool:
    """Whether it stands in the first sentence, in the last if that is finished, or concludes."""
    before = sentence_before(text.low, statement.start)
    rest = _REST_OF_SENTENCE.match(text.low, statement.end)
    end = rest.end() if rest else statement.end
    first = len(before) == statement.start
    last = not text.low[end:].strip() and bool(_FINISHED.search(text.low, max(0, end - 3), end))
    return statement.form == "conclusion" or first or last or bool(_CONCLUDING.search(before))


def _by_verdicts(
    text: Text, right: Sequence[Statement], denied: Sequence[Statement], n_select: int
) -> Statement | None:
    """The choices called right, where they are as many as asked for and the others are wrong.

    A question may ask for the wrong choices, so that a list that would answer it as well is not
    read. A single verdict counts where the text is no more than that, or concludes with it.
    """
    letters = frozenset().union(*(s.letters for s in right))
    wrong = frozenset().union(*(s.letters for s in denied)) - letters
    if len(letters) != n_select:
        return None
    if wrong:
        told = len(letters) + len(wrong)
        whole = len(wrong) > n_select or (len(wrong) != n_select and told >= _LEAST_VERDICTS)
        return Statement("verdicts", letters, right[0].start, right[-1].end) if whole else None
    only = right[0]
    sentence = _REST_OF_SENTENCE.match(text.low, only.end)
    alone = only.start <= 1 and sentence is not None and not text.low[sentence.end() :].strip()
    if len(right) == 1 and (alone or _CONCLUDING.search(sentence_before(text.low, only.start))):
        return only
    return None
