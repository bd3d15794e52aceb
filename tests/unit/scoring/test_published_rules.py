"""What each publisher's program counts as right, in answers as they occur and in odd ones."""

import re
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import card_from, clinical_names, exam_names, read_card
from lm_eval_tasks.exams.question import LETTERS, Number, Question
from lm_eval_tasks.prompting.doc import Doc, to_doc
from lm_eval_tasks.scoring.metrics import letters
from lm_eval_tasks.scoring.published_rules import RULES, published_correct, published_line, rule_of
from tests.unit.scoring.test_metrics import NUMBER, SINGLE, TWO

EITHER_OF_TWO = replace(SINGLE, accepted=(frozenset("a"), frozenset("c")))
TWO_OF_THREE = replace(
    TWO, accepted=(frozenset("bd"), frozenset("be"), frozenset("de")), stem="二つはどれか。"
)
WITHOUT_CHOICES = replace(TWO, choices=(), unusable="the choices are in the figure")
WITHOUT_KEY = replace(SINGLE, accepted=(), unusable="the publisher gives no answer")
ALL_FIVE = replace(SINGLE, accepted=(frozenset("abcde"),), n_select=5)
EXAM_RULES = sorted({read_card(name).published_rule for name in exam_names()} - {""})
NUMBERS = replace(NUMBER, number=Number(NUMBER.number.value, "225") if NUMBER.number else None)


def right(rule: str, question: Question, prediction: str) -> bool:
    return published_correct(to_doc(question, rule=rule), prediction)


@pytest.mark.parametrize(
    ("rule", "question", "good", "bad"),
    [
        ("igakuqa", SINGLE, ["c"], ["C", " c", "c ", "c.", "a,c", "", "３", "3"]),
        ("igakuqa", TWO, ["a,c", "c,a"], ["ac", "a, c", "a，c", "a", "a,c,c", "a,b"]),
        ("igakuqa", EITHER_OF_TWO, ["a", "c"], ["a,c", "ac", "b"]),
        ("igakuqa", NUMBER, ["225"], ["22.5", "225.0", "２２５", "252"]),
        (
            "jmle119",
            SINGLE,
            ["c", "C", " c\n", "[c]", "c,"],
            ["", "[]", "c.", '"c"', "c (90%)", "ｃ"],
        ),
        (
            "jmle119",
            TWO,
            ["a,c", "ca", "c a", "[A, C]", "a , c"],
            ["a、c", "a/c", "aとc", "acc", "a"],
        ),
        ("jmle119", NUMBER, ["225", "252", "2,25", "2 2 5"], ["22.5", "225 mL", "0225", ""]),
        (
            "jmle120",
            SINGLE,
            ["c", "C", "**c**", "c, c", "c 打撲", "c 1"],
            ["", "c.", "(c)", "ｃ"],
        ),
        (
            "jmle120",
            TWO,
            ["a,c", "c、a", "a c", "C\u3000A", "`a`, `c`"],
            ["ac", "a/c", "a", "a,b,c"],
        ),
        ("jmle120", NUMBER, ["225", "225.0", " 225 ", "2.25e2"], ["22.5", "225 mL", "**225**", ""]),
        ("yakugakuqa", SINGLE, ["3", "c"], ["３", " 3", "3.", "c ", "C", "", "1,3"]),
        ("yakugakuqa", TWO, ["1,3", "3,1", "a,c"], ["13", "1, 3", "1，3", "1,c", "a、c", "1"]),
        ("yakugakuqa", TWO_OF_THREE, ["2,4,5", "e,d,b"], ["2,4", "b,d", "4,5"]),
        ("yakugakuqa", WITHOUT_CHOICES, ["1,3", "a,c"], ["1,2", ""]),
        (
            "kokushimd10",
            SINGLE,
            ["c", "C", "3", "(c)", "c。"],
            ["", "ｃ", "c d", "答えはc and d", "13"],
        ),
        ("kokushimd10", TWO, ["ac", "c,a", "A C", "13", "3と1", "C・A"], ["a", "1c", "acc", "aC"]),
        ("kokushimd10", NUMBER, ["225", "22.5", "225 ", "522"], ["225 mL", "2250", ""]),
        ("medllm_qa", SINGLE, ["c", "ｃ", " c "], ["C", "c.", "", "c c"]),
        ("medllm_qa", TWO, ["a,c", "c、a", "ａ，ｃ", "a , c", "c､ a"], ["ac", "a c", "a", "a,c,"]),
        ("medllm_qa", TWO_OF_THREE, ["b,d,e"], ["b,d"]),
        (
            "jmed_llm",
            SINGLE,
            ["C", "答えはCです。", "C, not A", "(C)", "VCR"],
            ["c", "Ｃ", "3", ""],
        ),
        ("jmed_llm", SINGLE, ["So C"], ["Because of C", "A or C", "E", "Answer: C"]),
    ],
)
def test_what_a_rule_counts(rule: str, question: Question, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not right(rule, question, text)] == []
    assert [text for text in bad if right(rule, question, text)] == []


def test_special_questions_of_jmle119_have_one_letter_of_two() -> None:
    special = replace(EITHER_OF_TWO, id="119E28")
    assert [right("jmle119", special, text) for text in ("a", "C", "[c]", "ac", "b", "")] == [
        *(True, True, True, False, False, False),
    ]
    # the same key elsewhere is a key of two letters
    assert [right("jmle119", EITHER_OF_TWO, text) for text in ("a", "ac")] == [False, True]


def test_accidents_of_medllm_qa_are_kept() -> None:
    credited, never = (replace(TWO, id=key) for key in ("116A71", "107_888-26"))
    assert right("medllm_qa", credited, "わからない")
    assert not right("medllm_qa", never, "a,c")
    assert right("medllm_qa", replace(TWO, id="107_888-27"), "a,c")


def test_at_most_six_characters_count_for_kokushimd10() -> None:
    assert right("kokushimd10", ALL_FIVE, "abcde")
    assert right("kokushimd10", ALL_FIVE, "12345")
    choices, key = tuple("甲乙丙丁戊己庚"), (frozenset("abcdefg"),)
    seven = replace(ALL_FIVE, choices=choices, accepted=key, n_select=7)
    assert right("kokushimd10", seven, "abcdef")  # cut to six, as the publisher cuts both


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("text", ["", "[]", ",", "　", "a"])
def test_without_a_key_nothing_is_right(rule: str, text: str) -> None:
    assert not right(rule, WITHOUT_KEY, text)


@pytest.mark.parametrize("rule", EXAM_RULES)
@pytest.mark.parametrize("question", [SINGLE, TWO, ALL_FIVE, NUMBER, WITHOUT_CHOICES])
def test_every_rule_takes_the_key_as_it_is_printed(rule: str, question: Question) -> None:
    assert right(rule, question, question.gold)


@given(st.sets(st.sampled_from("abcde"), min_size=1), st.randoms(), st.sampled_from(EXAM_RULES))
def test_no_rule_minds_the_order(key: set[str], random: object, rule: str) -> None:
    question = replace(SINGLE, accepted=(frozenset(key),), n_select=len(key))
    told = sorted(key)
    random.shuffle(told)  # type: ignore[attr-defined]
    assert right(rule, question, ",".join(told))


@given(
    st.permutations("abcde"),
    st.integers(1, 5),
    st.lists(st.sampled_from(["", " ", ",", ", ", "][", "  "]), min_size=5, max_size=5),
    st.booleans(),
)
def test_whatever_parts_the_letters_for_jmle119(
    order: list[str], n: int, between: list[str], upper: bool
) -> None:
    told = "".join(letter + gap for letter, gap in zip(order[:n], between, strict=False))
    question = replace(SINGLE, accepted=(frozenset(order[:n]),), n_select=n)
    assert right("jmle119", question, told.upper() if upper else told)
    if n < 5:
        assert not right("jmle119", question, told + order[n])


@given(st.text(max_size=30), st.sampled_from(EXAM_RULES))
def test_any_text_is_judged(text: str, rule: str) -> None:
    for question in (SINGLE, TWO, NUMBER):
        found = right(rule, question, text)
        if found and question is not NUMBER:
            kept = {*text.lower()} & {*LETTERS, *string.digits} if text.isascii() else None
            assert kept is None or kept <= {*"ac", *"13"} or rule == "jmle120"
        RULES[rule].letters(text)


def test_a_rule_names_its_source_by_a_whole_commit() -> None:
    for rule in RULES.values():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} [\w./]+\.py", rule.source), rule


def test_every_exam_says_whether_its_publisher_has_a_rule() -> None:
    found = {name: read_card(name).published_rule for name in exam_names()}
    assert {name for name, rule in found.items() if not rule} == {
        *("jmmlu_med", "medqa_ja", "medmcqa_ja", "jmed48k", "jmle117_118"),
    }
    clinical = {read_card(name).published_rule for name in clinical_names()}
    assert {*found.values(), *clinical} - {""} == set(RULES)
    assert not clinical & {*EXAM_RULES}


def test_a_card_with_a_rule_that_there_is_not_is_refused(tmp_path: object) -> None:
    file = tmp_path / "own.card"  # type: ignore[operator]
    file.write_text("{title: x, published_rule: igakuqua}", encoding="utf-8")
    with pytest.raises(JmedError, match=r"published_rule: 'igakuqua' is not known; did you mean"):
        card_from(file)


def test_docs_of_before_have_igakuqas_rule() -> None:
    assert rule_of({}) == "igakuqa"
    assert rule_of(to_doc(SINGLE)) == ""


@pytest.mark.parametrize(
    ("rule", "question", "response", "line"),
    [
        ("igakuqa", SINGLE, "考える。\n答え：Ｃ", "c"),
        ("jmle119", TWO, "答え：a c", "a c"),
        ("jmle120", TWO, "まず b を除く。\n【回答】A、C\n以上", "A、C"),
        ("jmle120", TWO, "【回答】\na,c", "a,c"),
        ("jmle120", TWO, "【回答】a,c\n答え：b", "a,c"),  # the mark, and its first line, count
        ("jmle120", TWO, "<think>【回答】b</think>答え：a,c", "a,c"),
        ("jmle120", TWO, "a, c", "a, c"),
        ("jmle120", NUMBER, "【回答】225", "225"),
        # a digit may be the text of a lettered choice
        ("yakugakuqa", SINGLE, "3", ""),
        ("yakugakuqa", SINGLE, "答え：c", "c"),
        ("kokushimd10", SINGLE, "答え：3", ""),
        ("kokushimd10", NUMBER, "答え：225", "225"),
    ],
)
def test_the_line_of_a_response_that_a_rule_is_applied_to(
    rule: str, question: Question, response: str, line: str
) -> None:
    doc: Doc = to_doc(question, rule=rule)
    assert published_line(doc, response) == line
    correct = published_correct(doc, line)
    assert letters(doc, [response])["acc"] == correct == bool(line)
