import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_tasks.answers.reading import (
    published_prediction,
    read_letters,
    read_number,
    same_number,
)
from lm_eval_tasks.answers.reasoning import strip_reasoning
from tests.unit.cpu_seconds import cpu_seconds

SHORT = {
    "c": "c | C | ｃ | Ｃ． | (c) | （Ｃ） | 「c」 | **c** | c です。 | c. 肺炎 | c：肺炎",
    "a": "A (肺炎) | Answer: A | 答え：a である | **答え**：a | **Answer:** a",
    "ac": r"a,c | c, a | ａ、ｃ | a・c | (a) (c) | A and C | aとc | ac | a / c | \boxed{A, C}",
    "ace": "ACE | a, c, e | 答え: ace | e、c、a",
    "bd": r"答え：b,d | 答え：ｂ，ｄ | 答えはbとdです。 | Answer: B and D | \boxed{\text{bd}}",
    "h": r"答え：(h) | 正解は **h** である。 | The correct answer is (h).",
    "d": "選択肢 d が正しい。 | 以上から d が適切である。",
}
LETTERS_READ = [
    *((response, letters) for letters, row in SHORT.items() for response in row.split(" | ")),
    ("a\nc\n", "ac"),
    ("d\n熱があるため a は選ばない。", "d"),
    ("答え：a\n見直した結果、\n答え：b", "b"),
    ("<think>a かもしれない。答え：a</think>\n答え：b", "b"),
    ("<reasoning>答え：a</reasoning>b", "b"),
    ("迷うが答え：a だろう。</think>\n\nc", "c"),
    ("[THINK]答え：a[/THINK]b", "b"),
    ("<|channel|>analysis<|message|>答え：a<|end|><|channel|>final<|message|>答え：b", "b"),
    ("analysisMaybe the answer is a.assistantfinalAnswer: b", "b"),
    ("答え：c. E型の感染", "c"),
    ("Answer: b. C-shaped curve", "b"),
    ("Answer: c. A long walk", "c"),
    ("答え：a；c", "ac"),
    ("答えはaではなくcです", "c"),
    ("c<|return|>", "c"),
    ("a だろう。[/THINK]c", "c"),
    ("a だろう。</THINK>c", "c"),
    ("【答え】c", "c"),
    (r"\boxed{\mathrm{C}}", "c"),
]
NOTHING_READ = [
    "",
    "A patient who rests well needs no drug.",
    "a fever of unknown cause",
    "B型の感染",
    "Be careful with the head.",
    "わかりません。",
    "申し訳ありませんが、医療の質問にはお答えできません。",
    "I'm sorry, but I can't help with medical advice.",
    "答え：",
    "答え：なし",
    "The answer cannot be known from this text.",
    "<think>答え：a",
    "<think>a</think>",
    "<thinking>Answer: c, because",
    "[THINK]答え：a",
    "1,3",
    "The answer is a matter of debate.",
    "I cannot answer a question about drugs.",
    "Answer: bed rest",
    "Head",
    "答え：E型の感染",
    "<|channel|>analysis<|message|>Maybe the answer is c",
    "analysisMaybe the answer is c",
]


@pytest.mark.parametrize(("response", "letters"), LETTERS_READ)
def test_letters_are_read(response: str, letters: str) -> None:
    assert "".join(sorted(read_letters(response, len(letters)).letters)) == letters


@pytest.mark.parametrize("response", NOTHING_READ)
def test_nothing_is_read_where_no_letter_is_stated(response: str) -> None:
    reading = read_letters(response)
    assert (reading.letters, reading.rule) == (frozenset(), "")


@pytest.mark.parametrize(
    ("response", "number"),
    [
        ("26", "26"),
        ("２６", "26"),
        ("22.5", "22.5"),
        ("1,130 kcal", "1130"),
        ("04", "04"),
        ("答え：約 26 mEq/L", "26"),
        ("身長は 160 cm なので\n答え：22.5", "22.5"),
        ("The final answer is 22.5.", "22.5"),
        ("答え：12\n答え：13", "13"),
        (r"よって \boxed{22.5}", "22.5"),
        ("<think>答え：1</think>2", "2"),
        ("<think>答え：1", ""),
        ("", ""),
        ("約26", "26"),
        ("Answer: about 26", "26"),
    ],
)
def test_numbers_are_read(response: str, number: str) -> None:
    reading = read_number(response)
    assert reading.number == number
    assert bool(reading.rule) == bool(number)


@pytest.mark.parametrize(
    ("response", "rest"),
    [
        ("  答え：c\n", "答え：c"),
        ("<think>x\ny</think> c", "c"),
        ("<THINKING>x</THINKING>c", "c"),
        ("<seed:think>x</seed:think>c", "c"),
        ("<think>x</think>b<think>y</think>c", "bc"),
        ("<think>x", ""),
        ("c<think>x", "c"),
        ("[THINK]x[/THINK]c", "c"),
        ("<|channel|>analysis<|message|>x<|channel|>final<|message|>c", "c"),
        ("analysisxassistantfinalc", "c"),
        ("x < y, y > z", "x < y, y > z"),
    ],
)
def test_reasoning_is_stripped(response: str, rest: str) -> None:
    assert strip_reasoning(response) == rest


@pytest.mark.parametrize(
    ("response", "prediction"),
    [
        ("a,c", "a,c"),
        ("Ａ，Ｃ", "a,c"),
        ("a, c", "a, c"),
        ("\n\nb\nc", "b"),
        ("答え：c", "c"),
        ("熱がある。\n答え：a,c\n", "a,c"),
        ("Answer: C", "c"),
        ("答え：a\n答え：b", "b"),
        ("c. 肺炎", "c. 肺炎"),
        ("<think>a</think>b", "b"),
        ("<think>a", ""),
        ("", ""),
    ],
)
def test_the_published_prediction_is_the_answer_line_or_the_first(
    response: str, prediction: str
) -> None:
    assert published_prediction(response) == prediction


@pytest.mark.parametrize(
    ("value", "sheet", "right", "wrong"),
    [
        ("22.5", "225", "22.5 22.50 +22.5 225", "2.25 22 0225 -22.5"),
        ("0.4", "04", "0.4 .4 04", "4 40 0.04"),
        ("26", "26", "26 26.0", "27 2 6 abc nan"),
    ],
)
def test_a_number_is_right_by_value_or_to_the_letter_of_the_sheet(
    value: str, sheet: str, right: str, wrong: str
) -> None:
    assert all(same_number(given, value, sheet) for given in right.split())
    assert not any(same_number(given, value, sheet) for given in ["", *wrong.split()])


@st.composite
def written_letters(draw: st.DrawFn) -> tuple[str, set[str]]:
    order = draw(st.permutations("abcdefgh"))
    chosen = order[: draw(st.integers(1, 8))]
    forms = [draw(st.sampled_from([c, c.upper(), *map(wide, (c, c.upper()))])) for c in chosen]
    text = forms[0]
    for form in forms[1:]:
        text += draw(st.sampled_from([",", "，", ", ", "、", "・", " ", "　", "と", " と "])) + form
    return draw(st.sampled_from(["", "答え：", "答えは", "Answer: "])) + text, set(chosen)


def wide(letter: str) -> str:
    return chr(ord(letter) + 0xFEE0)


@given(written_letters())
def test_any_letters_in_any_order_width_case_and_separator_are_read_back(
    case: tuple[str, set[str]],
) -> None:
    text, chosen = case
    assert read_letters(text).letters == chosen


PIECES = r"""
    a C ｅ h z 26 1,130 . 、 答え： Answer: and ** ( ) \boxed{ } <think> </think> [THINK] [/THINK]
"""
PARTS = st.lists(st.sampled_from(PIECES.split()), max_size=12)


@settings(deadline=None)
@given(st.text(max_size=60) | PARTS.map("".join) | PARTS.map(" ".join))
def test_arbitrary_text_never_raises_and_only_letters_in_use_are_read(text: str) -> None:
    assert read_letters(text).letters <= set("abcdefgh")
    assert bool(read_letters(text).letters) == bool(read_letters(text).rule)
    assert all(c in "+-." or c.isdecimal() for c in read_number(text).number)
    assert "\n" not in published_prediction(text)


@pytest.mark.parametrize(
    "response",
    [
        "x" * 10_000,
        "<think>" * 2_000,
        "1," * 2_000,
        "a" + " " * 200 + "x",
        "a" + "\n" * 200 + "理由",
        "答え" + " " * 400 + "x",
    ],
)
def test_long_responses_are_read_in_no_time(response: str) -> None:
    with cpu_seconds(0.25):
        read_letters(response)
        read_number(response)
