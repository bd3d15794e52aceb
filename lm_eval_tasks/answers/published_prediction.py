"""Response -> the prediction that a publisher's scorer compares: its answer line, or its first."""

import re
from unicodedata import normalize

from lm_eval_tasks.answers.reasoning import before_next_question, strip_reasoning
from lm_eval_tasks.exams.question import LETTERS

_DECORATION = (
    (re.compile(r"[①-⑳]"), " "),  # boxes of the answer sheet; NFKC would make digits of them
    (re.compile(r"</?answer>", re.IGNORECASE), "\nanswer: "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[()\[\]]|[*`$\"“”]"), ""),
    (re.compile(r"[【】『』「」]"), " "),
    (re.compile(r"^[ \t]*(?:[-・•]|#{1,6})[ \t]+", re.MULTILINE), ""),
)
KEY = re.compile(
    r"(?:(?<!不)(?:正解|正答|答え|解答|回答|正しい(?:選択肢|もの|の)|適切な(?:選択肢|もの|の))"
    r"[ \t]{0,3}(?:は|が)?[ \t]{0,3}[:=]?[、, \t]{0,3}"
    r"|\b(?:answers?|(?:correct|best|right) (?:option|choice)s?)\b"
    r"[ \t]{0,3}(?:[:=]|(?:is|are)\b[ \t]{0,3}:?)[ \t]{0,3})"
    r"(?:選択肢|option|choice)?[ \t]{0,3}"
)
"""What stands before an answer: "答え：", "The answer is"."""


def published_prediction(response: str) -> str:
    """Response -> the string that the publisher's scorer compares: first line, half-width, lower.

    An answer line is cut to what follows its key, because a response that ends in one has
    its prediction there.
    """
    lines = [line.strip() for line in _plain(response).splitlines() if line.strip()]
    keyed = [
        line[match.end() :]
        for line in lines
        if (match := KEY.match(line)) and re.match(rf"[{LETTERS}\d]", line[match.end() :])
    ]
    return (keyed[-1] if keyed else next(iter(lines), "")).strip()


def _plain(response: str) -> str:
    text = strip_reasoning(response)
    for pattern, instead in _DECORATION[:2]:
        text = pattern.sub(instead, text)
    text = normalize("NFKC", text).lower()
    for pattern, instead in _DECORATION[2:]:
        text = pattern.sub(instead, text)
    return before_next_question(text.strip()).strip()
