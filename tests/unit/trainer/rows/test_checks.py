"""Drafts and their checks: each reason by the least that brings it about."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.rows.checks import nearest_sentence, refusal, support
from trainer.rows.chunks import Chunk
from trainer.rows.drafts import Draft, NoDraft, drafts, found_json, is_faithful
from trainer.rows.near_duplicates import Seen, Texts
from trainer.rows.row import candidate
from trainer.rows.server import Answer

PASSAGE = (
    "架空熱の潜伏期間は7日である。第一選択薬はホムラシンで、成人には1日1,500 mgを経口投与する。"
    "妊婦には投与しない。"
)
GOOD = Draft("qa", "架空熱の第一選択薬は何ですか。", "第一選択薬はホムラシンである。")
CHOICE = Draft(
    "mcq",
    "架空熱の第一選択薬はどれか。",
    right=["ホムラシン"],
    wrong=["甲薬", "乙薬", "丙薬", "丁薬"],
    explanation="第一選択薬はホムラシンである。",
)


def why(draft: Draft) -> str:
    return refusal(draft, PASSAGE, allow_personal_data=False)


def test_good_rows_stand() -> None:
    assert why(GOOD) == why(CHOICE) == ""


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("薬は？", GOOD.answer, "too short"),
        (GOOD.question, "はい", "too short"),
        ("What is given for the fever?", GOOD.answer, "not in Japanese"),
        (GOOD.question, "架空热首选药物是什么药物请问", "not in Japanese"),
        ("上記の疾患の薬は何ですか。", GOOD.answer, "names a text"),
        ("この文書で第一選択薬は何ですか。", GOOD.answer, "names a text"),
        ("表1の第一選択薬は何ですか。", GOOD.answer, "names a text"),
        (GOOD.question, "文書によれば第一選択薬はホムラシンである。", "names a text"),
        ("架空熱の佐藤様の薬は何ですか。", GOOD.answer, "personal data: name"),
        (GOOD.question, "ホムラシンを1日150 mg投与する。", "a number that is not in the passage"),
        (GOOD.question, "予防接種と食事療法で対応する。", "words that are not in the passage"),
    ],
)
def test_each_reason(question: str, answer: str, reason: str) -> None:
    assert why(Draft("qa", question, answer)).startswith(reason)


def test_numbers_are_compared_as_they_are_read() -> None:
    assert why(replace(GOOD, answer="成人にはホムラシンを1日１５００ mg経口投与する。")) == ""


def test_medicine_that_only_looks_like_pointing_elsewhere_stands() -> None:
    for question in ("架空熱の次の文献的特徴は何ですか。", "架空熱の心電図の所見は何ですか。"):
        assert "names a text" not in why(replace(GOOD, question=question))


def test_an_explanation_cannot_name_a_letter_since_the_order_is_drawn() -> None:
    for words in ("選択肢aが正しく、ホムラシンである。", "bは第一選択薬のホムラシンである。"):
        assert why(replace(CHOICE, explanation=words)).startswith("explanation names a choice")


@given(st.text(max_size=60), st.text(max_size=60))
def test_support_is_a_share(stated: str, passage: str) -> None:
    assert 0 <= support(stated, passage) <= 1
    assert support(passage, passage) == 1


def test_the_nearest_sentence_is_the_one_that_says_it() -> None:
    start, end = nearest_sentence("妊婦への投与は行わない。", PASSAGE)
    assert PASSAGE[start:end] == "妊婦には投与しない。"


def test_the_order_of_choices_is_drawn_and_the_answer_follows() -> None:
    chunk = Chunk("a.txt", "0", 0, len(PASSAGE), PASSAGE)
    places = set()
    for number in range(40):
        draft = replace(CHOICE, question=f"{CHOICE.question}{number}")
        one = candidate(chunk, draft, held_out=True)
        assert one.exam is not None
        (letter,) = one.exam.answer
        assert one.exam.choices["abcde".index(letter)] == "ホムラシン"
        assert one.row.output == f"{letter}\n解説：{CHOICE.explanation}"
        assert f"{letter}: ホムラシン" in one.row.instruction
        assert candidate(chunk, draft, held_out=True) == one
        places.add(letter)
    assert places == set("abcde")


def rows_of(text: str, form: str = "qa", count: int = 5, finish: str = "stop") -> list[str]:
    found = drafts(form, Answer(text, finish), count)
    return [one.why if isinstance(one, NoDraft) else one.question for one in found]


ROWS = json.dumps({"rows": [{"question": "問い", "answer": "答え"}]}, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        f"```json\n{ROWS}\n```",
        f"<think>{{\n</think>{ROWS}",
        f"はい。{ROWS}以上です。",
        f"[{ROWS[10:-2]}]",
    ],
)
def test_json_is_found_where_models_put_it(text: str) -> None:
    assert rows_of(text) == ["問い"]


def test_answers_that_are_none() -> None:
    assert rows_of("問いはありません。") == ["answer is no JSON"]
    assert rows_of(ROWS[:20], finish="length") == ["answer cut off at max_tokens"]
    assert rows_of('{"row": []}') == ["answer has no list of rows"]
    assert rows_of('{"rows": []}') == []
    assert rows_of('{"rows": [1]}') == ["row lacks a field or has another form"]
    assert rows_of('{"rows": [{"question": "\\ud800", "answer": ""}]}') != ["\ud800"]
    twice = json.dumps({"rows": [{"question": "問い", "answer": "答え"}] * 2})
    assert rows_of(twice, count=1) == ["問い", "more rows than were asked for"]


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        (["甲"], ["乙", "丙", "丁"], "not 5 choices"),
        (["甲", "乙", "丙"], ["丁", "戊"], "not 5 choices"),
        (["甲"], ["乙", "丙", "丁", "甲 "], "a choice stands twice"),
        (["甲"], ["乙", "丙", "丁", " "], "row lacks a field"),
        ("甲", ["乙", "丙", "丁", "戊"], "row lacks a field"),
    ],
)
def test_choices(right: object, wrong: object, reason: str) -> None:
    row = {"question": "問い", "right": right, "wrong": wrong, "explanation": "説明"}
    (told,) = rows_of(json.dumps({"rows": [row]}), "mcq")
    assert told.startswith(reason)


def test_the_second_question_is_read_strictly() -> None:
    assert is_faithful(Answer('{"answerable": true, "supported": true}')) == ""
    assert is_faithful(Answer('{"answerable": false, "supported": true}')).startswith("not answ")
    assert is_faithful(Answer('{"answerable": true, "supported": false}')).startswith("answer not")
    for text in ("はい", '{"answerable": "true", "supported": true}', '{"answerable": true}'):
        assert is_faithful(Answer(text)) == "check answered with no true or false"


@given(st.text(max_size=200))
def test_whatever_is_answered_is_read_or_counted(text: str) -> None:
    found_json(text)
    assert all(rows_of(text, form) is not None for form in ("qa", "mcq"))


def test_near_duplicates() -> None:
    seen = Seen()
    assert seen.is_new("架空熱の潜伏期間は何日ですか。", "潜伏期間は7日である。")
    assert not seen.is_new("架空熱の潜伏期間は何日ですか？", "7日。")  # the same question
    assert seen.is_new("水紋病の潜伏期間は何日ですか。", "潜伏期間は9日である。")


@given(st.lists(st.text("あいうえおかき", min_size=1, max_size=30), max_size=20))
def test_twins_are_those_that_comparing_all_pairs_finds(texts: list[str]) -> None:
    def grams(text: str) -> set[str]:
        return {text[p : p + 3] for p in range(max(1, len(text) - 2))}

    index = Texts()
    for number, text in enumerate(texts):
        same = (
            place
            for place, other in enumerate(texts[:number])
            if len(grams(text) & grams(other)) >= 0.8 * len(grams(text) | grams(other))
        )
        assert index.twin(text) == next(same, None)
