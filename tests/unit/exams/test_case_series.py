from dataclasses import replace

import pytest

from lm_eval_tasks.exams.cases.series import attach_cases, narrative
from lm_eval_tasks.exams.question import Question

HEADER = "次の文を読み、1～3の問いに答えよ。"
CASE = "七歳の少年が森で転んだ。膝から血が出ている。"
BASE = Question(
    id="1C1",
    exam="toy",
    language="ja",
    sitting="1",
    section="C",
    stem="まず行うのはどれか。",
    choices=("洗う", "眠る"),
    accepted=(frozenset("a"),),
    n_select=1,
    points=1,
    has_figure=False,
)


def asked(stem: str, section: str = "C", *, language: str = "ja", figure: bool = False) -> Question:
    return replace(BASE, stem=stem, section=section, language=language, has_figure=figure)


def attached(*section: Question) -> list[Question]:
    return list(attach_cases(section, [question.stem for question in section]))


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        (f"{HEADER}{CASE}まず行うのはどれか。", CASE),
        (f"{HEADER}\n{CASE}\nまず行うのはどれか。", CASE),
        (f"{CASE}正しい手当ては何か。", CASE),
        (f"{CASE}行うのはどれか。2つ選べ。", CASE),
        (f"{CASE}血の量を求めよ。ただし、端数は切り捨てる。解答：①②", CASE),
        (f"{CASE}まず行うのはどれか。\n\n脈 80\n熱 37.2\n", CASE),
        ("その後、熱が出た。", "その後、熱が出た。"),
        ("まず行うのはどれか。", ""),
        (HEADER, ""),
        ("", ""),
    ],
)
def test_a_japanese_case_is_told_without_header_and_question(stem: str, told: str) -> None:
    assert narrative(asked(stem)) == told


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        (
            "Read the following text and answer questions 1 to 3. A boy fell in the wood. "
            "His knee bleeds at 37.2 C. What should be done first?",
            "A boy fell in the wood. His knee bleeds at 37.2 C.",
        ),
        (
            "Please read the case and answer the questions below.\nA boy fell.\nWhich is right?",
            "A boy fell.",
        ),
        ("A boy fell. Which two are right? Choose two.", "A boy fell."),
        ("A boy fell. Which is right?\n\nPulse 80\nNote: invented.", "A boy fell."),
        ("Later he had a fever.", "Later he had a fever."),
        ("What is right?", ""),
    ],
)
def test_an_english_case_is_told_without_header_and_question(stem: str, told: str) -> None:
    assert narrative(asked(stem, language="en")) == told


def test_a_question_in_the_middle_of_a_case_is_part_of_it() -> None:
    stem = f"母は「何か食べたか」と尋ねた。{CASE}まず行うのはどれか。"
    assert narrative(asked(stem)) == f"母は「何か食べたか」と尋ねた。{CASE}"


def test_the_last_sentence_of_a_case_stays_whatever_word_it_holds() -> None:
    told = f"{CASE}何かにつかまれば歩ける。"
    assert narrative(asked(f"{told}まず行うのはどれか。")) == told


def test_a_header_over_two_lines_is_dropped() -> None:
    stem = f"次の文を読み、\n1、2の問いに答えよ。\n{CASE}まず行うのはどれか。"
    assert narrative(asked(stem)) == CASE


def test_follow_ups_get_the_case_and_the_third_what_the_second_told() -> None:
    lead = asked(f"{HEADER}{CASE}まず行うのはどれか。")
    second = asked("一時間後、熱が出た。次に行うのはどれか。")
    third = asked("翌朝、熱は下がった。勧めるのはどれか。")
    after = asked("架空の島の首都はどれか。")
    contexts = [question.context for question in attached(lead, second, third, after)]
    assert contexts == ["", CASE, f"{CASE}\n一時間後、熱が出た。", ""]


def test_a_second_question_that_tells_nothing_adds_no_line() -> None:
    series = attached(
        asked(f"{HEADER}{CASE}どれか。"), asked("正しいのはどれか。"), asked("何か。")
    )
    assert [question.context for question in series] == ["", CASE, CASE]


@pytest.mark.parametrize(("section", "follow_ups"), [("B", 1), ("E", 1), ("C", 2), ("F", 2)])
def test_the_section_says_how_long_a_series_is(section: str, follow_ups: int) -> None:
    lead = asked(f"{HEADER}{CASE}どれか。", section)
    questions = attached(lead, *[asked("正しいのはどれか。", section)] * 4)
    assert sum(bool(question.context) for question in questions) == follow_ups
    assert all(question.context for question in questions[1 : 1 + follow_ups])


def test_only_the_context_of_a_question_changes() -> None:
    lead, second = asked(f"{HEADER}{CASE}どれか。", "B"), asked("正しいのはどれか。", "B")
    assert attached(lead, second) == [lead, replace(second, context=CASE)]
    assert attached(second, second) == [second, second]


def test_one_series_right_after_another_starts_anew() -> None:
    first = asked(f"{HEADER}{CASE}どれか。", "B", figure=True)
    other = asked(f"{HEADER}老人が川で魚を釣った。どれか。", "B")
    follow_up = asked("正しいのはどれか。", "B")
    series = attached(first, follow_up, other, follow_up)
    assert [question.context for question in series] == ["", CASE, "", "老人が川で魚を釣った。"]
    assert [question.context_has_figure for question in series] == [False, True, False, False]


@pytest.mark.parametrize(
    ("figures", "carried"),
    [
        ((True, False, False), [False, True, True]),
        ((False, True, False), [False, False, True]),
        ((False, False, True), [False, False, False]),
    ],
)
def test_the_figure_of_a_case_is_carried_to_what_follows(
    figures: tuple[bool, ...], carried: list[bool]
) -> None:
    stems = (f"{HEADER}{CASE}どれか。", "熱が出た。どれか。", "熱は下がった。どれか。")
    section = [asked(stem, figure=figure) for stem, figure in zip(stems, figures, strict=True)]
    assert [question.context_has_figure for question in attached(*section)] == carried


def test_a_figure_before_the_series_is_not_carried_into_it() -> None:
    before = asked("別の問いはどれか。", "B", figure=True)
    lead, second = asked(f"{HEADER}{CASE}どれか。", "B"), asked("正しいのはどれか。", "B")
    assert not any(question.context_has_figure for question in attached(before, lead, second))


def test_translated_leads_are_found_by_their_originals() -> None:
    lead = asked("A boy fell. What is first?", "B", language="en")
    second = asked("What comes next?", "B", language="en")
    originals = [f"{HEADER}{CASE}どれか。", "次に行うのはどれか。"]
    assert [q.context for q in attach_cases([lead, second], originals)] == ["", "A boy fell."]
