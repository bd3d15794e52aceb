"""The pharmacists' exam: questions on one case, published with the case only in the first.

Practice and theory on one case come in pairs, questions 196-325 of each sitting; groups of another
length, or elsewhere, stand in the exam's card. Looked through in all 4,485 questions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lm_eval_tasks.exams.question import Question

PAIRED = {"D": 50, "E": 40, "F": 40}
SUBJECT = "実務|物理・化学・生物|衛生|薬理|薬剤|病態・薬物治療|法規・制度・倫理"
# "問 212（実務）", which the booklet prints between the case and what is asked; once only its end
SHEET_NUMBER = re.compile(rf"\s*(?:問\s*\d{{2,3}}\s*[（(]|\A)(?:{SUBJECT})[）)]\s*")
SENTENCE = re.compile(r"[^。｡]*(?:[。｡][」』）)]?\s*|\Z)")
CHOOSE = re.compile(r"選べ[。｡]?\s*\Z")
ASKS = re.compile(r"か[。｡]\s*\Z")
SHORT = 30
"""No longer is a sentence that says only how many to choose: 「最も適切なものを2つ選べ。」"""
# Values of a case run into the question without a full stop: behind the last blank or bracket from
# which on the sentence can stand by itself.
BREAK = re.compile(
    r"(?<=[^\s:【\[])\s+(?=(?!及び|又は)(?:この|これら|[ァ-ヶ一-龥]|\dコース|SP)\S*\Z)"
    r"|(?<=[）)])(?=(?:この|検査結果から)\S*\Z)"
)
PREVIOUS = re.compile(r"前問|問\d{3}")


def attach_cases(section: Sequence[Question], series: Mapping[str, int]) -> Iterator[Question]:
    """Yield the questions of one section, later ones of a group with the case they go by.

    The context is the first one's case and what those between tell, without what they ask; where a
    question speaks of the one before it (前問), that one's question and choices come last.

    Args:
        section: all questions of one section in printed order, with sheet numbers.
        series: the first question of a group -> its length, where that is not a pair's.
    """
    left, case, figure = 0, list[str](), False
    for index, question in enumerate(section):
        pair = index % 2 == 0 and index < PAIRED.get(question.section, 0)
        if question.id in series or not left:
            left, case, figure = series.get(question.id, 2 if pair else 1), [], False
        context = "\n".join(filter(None, case))
        before = PREVIOUS.search(question.stem) if case else None
        if before:
            context = f"{context}\n{_as_printed(before[0], section[index - 1])}".strip()
        yield replace(
            question,
            stem=SHEET_NUMBER.sub(" ", question.stem).strip(),
            context=context,
            context_has_figure=bool(case) and figure,
        )
        case.append(split_off_question(question.stem)[0])
        left, figure = left - 1, figure or question.has_figure


def split_off_question(text: str) -> tuple[str, str]:
    """ "A man of 60. He fell. What is right? Choose 2." -> the case, and the question."""
    if number := SHEET_NUMBER.search(text):
        return text[: number.start()].strip(), text[number.end() :].strip()
    sentences = SENTENCE.findall(text)
    asking = [i for i, sentence in enumerate(sentences) if CHOOSE.search(sentence)]
    if not asking:
        return text.strip(), ""
    first = last = asking[-1]
    while first and ASKS.search(sentences[first - 1]) and len(sentences[first]) < SHORT:
        first -= 1
    cut = BREAK.search(sentences[first])
    start = cut.start() if cut else 0
    case = [*sentences[:first], sentences[first][:start], *sentences[last + 1 :]]
    question = [sentences[first][start:], *sentences[first + 1 : last + 1]]
    return "".join(case).strip(), "".join(question).strip()


def _as_printed(label: str, question: Question) -> str:
    lines = [f"{label}：{split_off_question(question.stem)[1]}"]
    lines += [f"{number}. {choice}" for number, choice in enumerate(question.choices, 1)]
    return "\n".join(lines)
