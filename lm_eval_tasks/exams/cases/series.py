"""Case series: two or three questions on one case, published without the case from the second on.

The rule, verified on all 100 series of IgakuQA: the lead's text holds 次の文を読み; series in the
required sections B and E are two long, in C and F three.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lm_eval_tasks.exams.question import Question

LEAD = "次の文を読み"
SERIES_LENGTH = {"B": 2, "E": 2, "C": 3, "F": 3}
SENTENCE = {
    "ja": re.compile(r"[^。\n]*(?:。|\n|$)"),
    "en": re.compile(r".+?(?:[.?:!](?=\s)|\n|$)\s*", re.DOTALL),
}
ASKS = {
    "ja": re.compile(r"(?:どれか|何か|いくらか|どこか|選べ|求めよ|計算せよ|答えよ)[。\s]*$"),
    "en": re.compile(r"\?\s*$|^\s*(?:Select|Choose) (?:one|two|three)\b"),
}
HEADER = {
    "ja": re.compile(rf"\A\s*{LEAD}[^。]*。\s*"),
    "en": re.compile(
        r"\A\s*(?:Please )?[Rr]ead the (?:following )?\w+ and answer[^.:\n]*[.:\n]\s*"
    ),
}


# The translator's own answers, notes and untranslated Japanese end what is told of the case.
NOT_THE_CASE = re.compile(r"\n\s*(?:Possible )?[Aa]nswer:|\(?\bNote:|[^.\n]*[ぁ-ん]")


def attach_cases(section: Sequence[Question], originals: Sequence[str]) -> Iterator[Question]:
    """Yield the questions of one section, follow-ups with the case they refer to.

    The context of a follow-up is the lead's case and what the follow-ups between them tell,
    without the questions those ask.

    Args:
        section: all questions of one section in printed order.
        originals: their Japanese texts, which alone mark the leads.
    """
    left, case, figure = 0, "", False
    for question, original in zip(section, originals, strict=True):
        if LEAD in original:
            left, case, figure = SERIES_LENGTH[question.section] - 1, narrative(question), False
        elif left:
            left -= 1
            yield replace(question, context=case, context_has_figure=figure)
            case = "\n".join(filter(None, (case, narrative(question))))
            figure = figure or question.has_figure
            continue
        figure = question.has_figure
        yield question


def narrative(question: Question) -> str:
    """The text of a question without the line about the series and without what it asks.

    From the last question on, everything goes (in English often a remark of the translator's).
    """
    text = HEADER[question.language].sub("", question.stem)
    if question.language == "en":
        text = NOT_THE_CASE.split(text)[0]
    sentences, asks = SENTENCE[question.language].findall(text), ASKS[question.language]
    while sentences and not asks.search(sentences[-1]) and any(map(asks.search, sentences)):
        sentences.pop()
    while sentences and asks.search(sentences[-1]):
        sentences.pop()
    return "".join(sentences).strip()
