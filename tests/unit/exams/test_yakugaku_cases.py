from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.exams.cases.yakugakuqa import PAIRED, attach_cases, split_off_question
from lm_eval_tasks.exams.question import Question

PLAIN = Question(
    id="097D001",
    exam="toy",
    language="ja",
    sitting="97",
    section="D",
    stem="正しいのはどれか。1つ選べ。",
    choices=("松", "杉"),
    accepted=(frozenset("a"),),
    n_select=1,
    points=1,
    has_figure=False,
)
ASKED = "旅人が探すのはどれか。1つ選べ。"
CASE = f"島の旅人。{ASKED}"


def section(*stems: str, name: str = "D", series: dict[str, int] | None = None) -> list[Question]:
    questions = [
        replace(PLAIN, id=f"097{name}{number:03d}", section=name, stem=stem)
        for number, stem in enumerate(stems, 1)
    ]
    return list(attach_cases(questions, series or {}))


@pytest.mark.parametrize(
    ("text", "told", "asked"),
    [
        (f"島の旅人。道に迷った。{ASKED}", "島の旅人。道に迷った。", ASKED),
        (
            "島の旅人。（検査値）水 3 L 原因と考えられるのはどれか。2つ選べ。",
            "島の旅人。（検査値）水 3 L",
            "原因と考えられるのはどれか。2つ選べ。",
        ),
        (
            "島の旅人。（水 3L）この旅人はどれか。1つ選べ。",
            "島の旅人。（水 3L）",
            "この旅人はどれか。1つ選べ。",
        ),
        (
            "島の旅人。水 2.5 L/日（目標 1 L）検査結果から、飲むのはどれか。1つ選べ。",
            "島の旅人。水 2.5 L/日（目標 1 L）",
            "検査結果から、飲むのはどれか。1つ選べ。",
        ),
        (
            "正しいのはどれか。1つ選べ。なお、島は丸い。",
            "なお、島は丸い。",
            "正しいのはどれか。1つ選べ。",
        ),
        ("高い木はどれか。2つ選べ。", "", "高い木はどれか。2つ選べ。"),
        ("島の旅人。秤る水は何gか。1つ選べ。", "島の旅人。", "秤る水は何gか。1つ選べ。"),
        (
            "島の旅人。避けるべきはどれか。最も適切なものを2つ選べ。",
            "島の旅人。",
            "避けるべきはどれか。最も適切なものを2つ選べ。",
        ),
        (
            "島の水について、以下の問に答えよ。正しいのはどれか。1つ選べ。",
            "島の水について、以下の問に答えよ。",
            "正しいのはどれか。1つ選べ。",
        ),
        (
            "旅人は「道がない。」と言った。高いのはどれか｡2つ選べ。",
            "旅人は「道がない。」と言った。",
            "高いのはどれか｡2つ選べ。",
        ),
        (
            "島の旅人。問 212（実務） この旅人はどれか。1つ選べ。",
            "島の旅人。",
            "この旅人はどれか。1つ選べ。",
        ),
        ("島の旅人。問250(薬理) 旅人はどれか。1つ選べ。", "島の旅人。", "旅人はどれか。1つ選べ。"),
        ("島の旅人。", "島の旅人。", ""),
        ("", "", ""),
        # A blank within a sentence is none between two: of the published texts eight broke off so.
        ("この旅人に水（250 mg/10 mL）を前問の速さで飲ませる量（mL）はどれか。1つ選べ。", "", None),
        ("1日量 300 mgとするとき、旅人の1日量はどれか。1つ選べ。", "", None),
        ("\\alpha -木の定数（L・mol^{-1}）として最も近いのはどれか。1つ選べ。", "", None),
        ("中毒域（20 \\micro g/mL以上）にならない量（mg）に近いのはどれか。1つ選べ。", "", None),
        ("[:A:] と[ :B:]に当てはまる木はどれか。2つ選べ。", "", None),
        ("Ra 及び^{223}Ra に関する記述のうち、正しいのはどれか。2つ選べ。", "", None),
        ("HUS の診断に至った値のうち、誤っているのはどれか。1つ選べ。", "", None),
        ("処方 2 及びこの旅人への説明として、適切なのはどれか。2つ選べ。", "", None),
    ],
)
def test_what_is_told_and_what_is_asked(text: str, told: str, asked: str | None) -> None:
    assert split_off_question(text) == (told, text if asked is None else asked)


@given(st.text(st.sampled_from("島の旅人。｡」（） 13Lmどれか選べつ\n"), max_size=60))
def test_nothing_but_blanks_is_lost(text: str) -> None:
    told, asked = split_off_question(text)
    assert sorted("".join((told + asked).split())) == sorted("".join(text.split()))


def test_the_second_of_a_pair_gets_the_case_of_the_first() -> None:
    contexts = [question.context for question in section(CASE, PLAIN.stem, CASE, PLAIN.stem)]
    assert contexts == ["", "島の旅人。", "", "島の旅人。"]


@pytest.mark.parametrize(("name", "paired"), [*PAIRED.items(), ("A", 0), ("B", 0), ("C", 0)])
def test_pairs_end_with_the_practical_part_and_are_in_no_other_section(
    name: str, paired: int
) -> None:
    questions = section(*[CASE] * 60, name=name)
    assert sum(bool(question.context) for question in questions) == paired // 2


def test_a_longer_group_hands_on_all_that_was_told() -> None:
    stems = (CASE, f"翌日、雨。{ASKED}", PLAIN.stem, PLAIN.stem, CASE, PLAIN.stem)
    contexts = [question.context for question in section(*stems, series={"097D001": 4})]
    both = "島の旅人。\n翌日、雨。"
    assert contexts == ["", "島の旅人。", both, both, "", "島の旅人。"]


def test_a_group_of_three_moves_the_pairs_behind_it_only_where_the_card_says_so() -> None:
    stems = (CASE, PLAIN.stem, PLAIN.stem, CASE, PLAIN.stem, CASE, PLAIN.stem, CASE)
    series = {"097D001": 3, "097D004": 2, "097D006": 3}
    contexts = [bool(question.context) for question in section(*stems, series=series)]
    assert contexts == [False, True, True, False, True, False, True, True]


@pytest.mark.parametrize("name", ["前問", "問196"])
def test_a_question_that_speaks_of_the_one_before_it_shows_it(name: str) -> None:
    _, second = section(CASE, f"{name}で選んだ木はどれか。1つ選べ。")
    assert second.context == f"島の旅人。\n{name}：{ASKED}\n1. 松\n2. 杉"


def test_figures_are_remarked_at_all_that_follow_them() -> None:
    lead = replace(PLAIN, id="097C001", section="C", stem=CASE, has_figure=True)
    others = [replace(PLAIN, id=f"097C00{number}", section="C") for number in (2, 3, 4)]
    questions = attach_cases([lead, *others], {"097C001": 3})
    assert [question.context_has_figure for question in questions] == [False, True, True, False]
