"""Every question of every exam that is here, the sample too, is whole, is asked for what its key
answers, and shows what it speaks of.

What the checks find and that is right as it stands is named in the exam's card, with why.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from unicodedata import normalize

import pytest

from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.cases.yakugakuqa import split_off_question
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import LETTERS, Question
from tests.conftest import local_exams
from tests.printed_keys import answer_to, printed_keys

EXAMS = local_exams()
JAPANESE = [name for name in EXAMS if read_card(name).language == "ja"]

# a word such as 心電図 is no figure
SHOWN = re.compile(
    r"別冊|別に示す|(?<![心電意企地相線像])図(?:[0-9１-９A-D]|に|は|の|中|を示)|[下次右左]の?図|模式図"
    r"|[下次]の?表(?![現面示])|表[1-9１-９]|表に示|矢印|構造式(?:及び|を示)|写真を示"
)
ORDERED = re.compile(
    r"(?:以下|下記|次)の(?:処方|薬剤|薬物)(?!の?(?:うち|中|組合せ))|以下の(?:記載|反応)|以下が処方"
    r"|反応は以下|処方[1-9１-９]|次式で|（1）の式"
)
"""A prescription, a record, a formula: in the text where a quantity or a formula stands in it."""
QUANTITY = re.compile(r"錠\s?\d|\d\s?(?:錠|mg|mL)|カプセル|\\rightarrow|=")
SPOKEN_OF = re.compile(
    r"前問|問題?\s?\d{1,3}(?:で|の|に)|前述の"
    r"|\A(?:この|本|当該)(?:患者|症例|患児|男性|女性|男児|女児|薬剤|処方|医薬品|商品|副作用|試験)"
    r"|\A(?:その後|翌日|後日|治療開始後|入院後|退院後|上記)"
)
NEXT_QUESTION = re.compile(
    r"次の文|の問いに答えよ|\n\s*\n|\n\s*\d+[\s　.．]\S|\d+\s*(?:歳|か月)の?(?:男|女)"
    r"|問\s?\d{2,3}\s?[（(]"
)
LABEL = re.compile(
    r"\s*(?:[a-hａ-ｈ][.．:：)）]|[1-8][.．)）]|[①-⑧](?![①-⑧の]))[\s　]*(?=[^\s\d.．])"
)
# species (C. difficile, H. pylori), 1. 6 for a number, letters that are the choices
LABELLED = re.compile(r"\s*[A-H]\.\s?[a-z]|\d+\. \d|①\s+body|①\s+(?:creatinine|eGFR)")
REMNANT = re.compile(r"</?(?:br|p|div|span|sub|sup|td|tr|img)\b|&(?:[a-z]+|#\d+);|�|\\u[0-9a-f]{4}")
SHEET_NUMBER = re.compile(r"問\s?\d{2,3}\s?[（(]|（実務）|\A[^（]{1,12}）")


@cache
def questions(exam: str) -> list[Question]:
    return list(load_exam(exam).questions)


def asked(exam: str) -> Iterator[Question]:
    """Those that a text run asks."""
    return (q for q in questions(exam) if not q.has_figure and not q.unusable)


def right_as_it_stands(exam: str, suspicion: str) -> list[str]:
    checked = read_card(exam).checked
    return list(checked.right_as_it_stands.get(suspicion, ())) if checked else []


def found(exam: str, pattern: re.Pattern[str]) -> list[str]:
    return [q.id for q in asked(exam) if pattern.search("\n".join((q.stem, *q.choices)))]


@pytest.mark.parametrize("exam", EXAMS)
def test_as_many_letters_are_right_as_are_asked_for(exam: str) -> None:
    for question in questions(exam):
        known = LETTERS[: len(question.choices)]
        assert {len(letters) for letters in question.accepted} <= {question.n_select}, question.id
        if not question.unusable:
            assert question.accepted or question.number, question.id
            assert set().union(*question.accepted) <= set(known), question.id


@pytest.mark.parametrize("exam", EXAMS)
def test_the_printed_key_is_right_and_no_other(exam: str) -> None:
    printed = printed_keys(exam)
    for question in questions(exam):
        if not question.unusable:
            key = answer_to(exam, question.id, question.n_select)
            right = {",".join(sorted(letters)) for letters in question.accepted}
            assert key in (right or {question.gold}), question.id
            assert len(right) <= 1 or "|" in printed[question.id], question.id


@pytest.mark.parametrize("exam", JAPANESE)
def test_the_wording_asks_for_n(exam: str) -> None:
    """Past the reader's own pattern: any sign or kanji for a number before つ, the last one."""
    told = read_card(exam).exceptions.n_select
    for question in asked(exam):
        counts = re.findall(
            r"([一二三四五1-9])\s*つ\s*(?:を\s*)?選", normalize("NFKC", question.stem)
        )
        number = "一二三四五".find(counts[-1]) + 1 or counts[-1] if counts else 1
        assert int(number) == question.n_select or question.id in told, question.id


@pytest.mark.parametrize("exam", EXAMS)
def test_what_the_card_names_is_there(exam: str) -> None:
    special, ids = read_card(exam).exceptions, {question.id for question in questions(exam)}
    named = {
        *special.credited_to_all, *special.numeric_values, *special.n_select, *special.asks,
        *special.any_will_do, *special.needs_figure, *special.damaged, *special.case_series,
    }  # fmt: skip
    assert named <= ids


@pytest.mark.parametrize("exam", EXAMS)
def test_every_text_and_choice_is_there_and_clean(exam: str) -> None:
    for question in asked(exam):
        assert len(question.stem.strip()) > 4, question.id
        assert all(choice.strip() for choice in question.choices), question.id
        assert not REMNANT.search("".join((question.stem, *question.choices))), question.id
        assert not SHEET_NUMBER.search(question.stem) or exam != "yakugakuqa", question.id


@pytest.mark.parametrize("exam", JAPANESE)
def test_no_choice_begins_with_its_own_label(exam: str) -> None:
    for question in asked(exam):
        labelled = [c for c in question.choices if LABEL.match(c) and not LABELLED.match(c)]
        assert len(labelled) < 2, (question.id, labelled)


@pytest.mark.parametrize("exam", JAPANESE)
def test_no_choice_holds_the_beginning_of_another_question(exam: str) -> None:
    glued = [q.id for q in asked(exam) if any(map(NEXT_QUESTION.search, q.choices))]
    assert glued == right_as_it_stands(exam, "choices_are_persons")


@pytest.mark.parametrize("exam", JAPANESE)
def test_no_text_holds_the_choices(exam: str) -> None:
    lines = re.compile(r"^[\s　]*[aａ][\s　.．].+\n[\s　]*[bｂ][\s　.．]", re.MULTILINE)
    assert not [question.id for question in asked(exam) if lines.search(question.stem)]


@pytest.mark.parametrize("exam", JAPANESE)
def test_what_a_text_shows_is_in_the_text(exam: str) -> None:
    shown = found(exam, SHOWN)
    ordered = [
        question.id
        for question in asked(exam)
        if ORDERED.search(question.stem)
        and not QUANTITY.search(question.stem)
        and not question.context
    ]
    assert sorted({*shown, *ordered}) == right_as_it_stands(exam, "shown_in_the_text")


@pytest.mark.parametrize("exam", JAPANESE)
def test_what_is_underlined_is_marked_another_way(exam: str) -> None:
    """By ①, _{ア} or, where OCR lost the circles, by digits: as often as there are choices."""
    marked = re.compile(r"[①-⑧]|_\{[^}]{1,3}\}|(?<![\d.])[1-5](?=[^\d.\s])")
    lost = [
        question.id
        for question in asked(exam)
        if "下線" in "".join((question.stem, *question.choices))
        and len(set(marked.findall(question.context + question.stem))) < 3
    ]
    assert lost == right_as_it_stands(exam, "underlined")


@pytest.mark.parametrize("exam", JAPANESE)
def test_choices_that_are_but_signs_stand_for_something_in_the_text(exam: str) -> None:
    sign = re.compile(r"[①-⑩]|(?<![ァ-ヶー])[ア-オ](?![ァ-ヶー])|(?<![A-Za-z])[A-H](?![A-Za-z\d])")
    between = re.compile(r"[\s()（）〜～、,・と→－–:-]*")
    for question in asked(exam):
        labels = [c for c in question.choices if between.fullmatch(sign.sub("", c))]
        text = normalize("NFKC", question.context + question.stem)
        signs = {normalize("NFKC", s) for c in labels for s in sign.findall(c)}
        assert len(labels) < 2 or all(s in text for s in signs), (question.id, question.choices)


@pytest.mark.parametrize("exam", JAPANESE)
def test_a_question_that_speaks_of_another_has_its_case(exam: str) -> None:
    bare = [q.id for q in questions(exam) if SPOKEN_OF.search(q.stem) and not q.context]
    assert bare == []


@pytest.mark.parametrize("exam", JAPANESE)
def test_a_question_that_speaks_of_the_one_before_it_shows_it(exam: str) -> None:
    for question in questions(exam):
        for name in re.findall(r"前問|問\d{3}", question.stem):
            assert f"\n{name}：" in f"\n{question.context}", question.id


@pytest.mark.parametrize("exam", JAPANESE)
def test_no_case_breaks_off_within_a_sentence(exam: str) -> None:
    """It ends with a full stop or a bracket, or in values: with no particle, no bracket open."""
    for question in questions(exam):
        assert not re.search(
            r"(?:[をにがはので、（(]|(?<!こ)と|として|及び|又は)\Z", question.context
        )
        assert question.context.count("（") <= question.context.count("）") + 1, question.id


def test_what_is_cut_off_a_case_is_a_whole_question() -> None:
    if "yakugakuqa" not in EXAMS:
        pytest.skip("yakugakuqa is not here")
    cut = []
    for question, following in pairwise(questions("yakugakuqa")):
        _, what = split_off_question(question.stem)
        within = re.match(r"[をにがはのとでもへや、\-:%]|[a-z]|以[上下](?!の)|未満|及び|又は", what)
        if following.context and (within or what.count("（") < what.count("）")):
            cut.append(question.id)
    assert cut == []
