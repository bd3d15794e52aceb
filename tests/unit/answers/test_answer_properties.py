"""What no response may be read as, and what no way of writing may change."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lm_eval_tasks.answers.reading import read_letters, read_number
from lm_eval_tasks.answers.reasoning import MARKS, Marks
from tests.unit.cpu_seconds import cpu_seconds

LETTER = st.sampled_from("abcde")
DISEASE = st.sampled_from(["肺炎", "気胸", "肺塞栓症", "急性虫垂炎", "尿路結石"])
DISEASE_EN = st.sampled_from(["pneumonia", "pneumothorax", "appendicitis", "a pulmonary embolism"])


def filled(*templates: str) -> st.SearchStrategy[str]:
    """A sentence by one of the templates, with letters and names of diseases in its places."""
    return st.builds(
        lambda template, one, two, name, english: template.format(
            a=one, b=two, A=one.upper(), B=two.upper(), name=name, english=english
        ),
        st.sampled_from(templates),
        LETTER,
        LETTER,
        DISEASE,
        DISEASE_EN,
    )


REFUSALS = [
    "申し訳ありませんが、画像がないため回答できません。",
    "画像が示されていないため、a～eのいずれが正しいか判断できません。",
    "I'm sorry, but I can't help with medical questions.",
    "I cannot determine the answer without figure ({A}) or figure ({B}).",
    "わかりません。",
    "答え：不明",
    "正解なし",
]
DISCUSSIONS = [
    "選択肢{a}の{name}について検討する。",
    "{a}は{name}でみられる所見である。",
    "{a}と{b}を比較すると、{name}の頻度が異なる。",
    "{a}の{name}では発熱を認めることが多い。",
    "写真（{a}）では異常を認めない。",
    "Option {A} describes {english}.",
    "Let us compare {A} and {B}.",
    "With option {A}, one would expect {english}.",
    "まず問題文を整理する。",
    "The options are A, B, C, D, and E.",
    "選択肢はaからeまである。",
]
DENIALS = [
    "{a}は誤り。",
    "{a}は適切ではない。",
    "{a}ではない。",
    "{a}は正しくない。",
    "{a}は考えにくい。",
    "{a}は除外できる。",
    "{a}と{b}は不適切である。",
    "{a}：誤り。",
    "選択肢{a}は間違いである。",
    "この問題の正解は{a}ではない。",
    "この問題の答えは{a}とは言えない。",
    "{a}以外が正解である。",
    "誤っているのは{a}である。",
    "適切でないのは{a}である。",
    "{A} is not correct.",
    "Option {A} is incorrect.",
    "The answer is not {A}.",
    "{A} and {B} are wrong.",
    "It is neither {A} nor {B}.",
    "Option {A} can be excluded.",
]
HEDGES = [
    "{a}か{b}で迷う。",
    "答えは{a}または{b}と考えられる。",
    "答えは{a}かもしれない。",
    "正解は{a}でしょうか。",
    "もし答えが{a}なら、{name}を伴うはずである。",
    "仮に正解が{a}だとすると矛盾する。",
    "一見{a}が正解に見えるが、根拠に乏しい。",
    "{a}が正しいかどうかを考える。",
    "The answer might be {A}.",
    "The answer is {A} or {B}.",
    "Maybe the answer is {A}.",
    "If the patient were pregnant, the answer would be {A}.",
    "Is the answer {A}?",
    "It could be {A}.",
    "Either {A} or {B} is correct.",
]
EXAMPLES = [
    "例えば「答え：{a}」のように書く。",
    "（例：答え：{a}）",
    "たとえば答え：{a}という形式で答える。",
    'For example, "Answer: {A}".',
    'Write your answer as "Answer: {A}".',
    "「答え：」に続けて記号だけを書く。",
]
NO_LETTERS = [
    "A 65-year-old man presents with {english}.",
    "A patient with hepatitis B needs vitamin D.",
    "B型肝炎ウイルスの感染を疑う。",
    "C反応性蛋白とD-ダイマーが上昇している。",
    "ビタミンAの欠乏による夜盲である。",
    "A群β溶血性連鎖球菌が検出された。",
    "E. coli was cultured at 38 °C.",
    "The diagnosis is {english}.",
    "体温は38 ℃で、投与量は5 dLである。",
    "Deaf and bad, a cab faded.",
]
SAYS_NOTHING = filled(*REFUSALS, *DISCUSSIONS, *DENIALS, *HEDGES, *EXAMPLES, *NO_LETTERS)
JOINS = st.sampled_from(["", " ", "\n", "\n\n", "\n- "])


@st.composite
def unanswered(draw: st.DrawFn) -> str:
    """A response that discusses, denies, doubts, but names no choice as its answer."""
    sentences = draw(st.lists(SAYS_NOTHING, min_size=1, max_size=8))
    return "".join(sentence + draw(JOINS) for sentence in sentences)


@settings(deadline=None, max_examples=400)
@given(unanswered(), st.integers(1, 3))
def test_a_response_that_names_no_choice_as_its_answer_is_never_read_as_one(
    response: str, n_select: int
) -> None:
    reading = read_letters(response, n_select)
    assert (reading.letters, reading.rule) == (frozenset(), "")


THINKING = st.lists(filled(*DISCUSSIONS, *DENIALS, *NO_LETTERS), min_size=1, max_size=6)
ANSWER_LINE = st.sampled_from(["答え：{}", "正解は {} です。", "Answer: {}", "The answer is {}."])


@settings(deadline=None, max_examples=200)
@given(THINKING, ANSWER_LINE, LETTER, st.data())
def test_thinking_that_breaks_off_before_the_answer_line_is_not_read(
    thinking: list[str], answer_line: str, letter: str, data: st.DataObject
) -> None:
    thought = "選択肢を順に検討する。" + "".join(thinking) + "\n"
    whole = thought + answer_line.format(letter)
    assert read_letters(whole).letters == {letter}
    cut = whole[: data.draw(st.integers(0, len(thought)))]
    assert not read_letters(cut).letters


def decorated(letters: str) -> list[str]:
    """The same letters, as chat models decorate them."""
    upper = letters.upper()
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in letters)
    return [
        letters,
        upper,
        wide,
        wide.upper(),
        f"**{letters}**",
        f"**{upper}**",
        f"「{letters}」",
        f"『{letters}』",
        f"“{letters}”",
        f"`{letters}`",
        f"({letters})",
        f"（{wide}）",
        f"[{letters}]",
        f"【{letters}】",
        f"${letters}$",
        rf"\({letters}\)",
        rf"\text{{{letters}}}",
        rf"\boxed{{{letters}}}",
        rf"$\boxed{{\text{{{upper}}}}}$",
        f"<b>{letters}</b>",
        f" {letters} ",
        f"{letters}。",
    ]


SENTENCES = [
    "{}",
    "答え：{}",
    "答えは{}",
    "正解は、{}です。",
    "Answer: {}",
    "## 正解\n\n{}\n",
    "**答え：** {}",
]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("letters", ["c", "a", "a,c", "c, a", "a、b、d"])
def test_width_case_and_decoration_change_nothing(sentence: str, letters: str) -> None:
    meant = set(letters) & set("abcde")
    readings = {d: read_letters(sentence.format(d), len(meant)).letters for d in decorated(letters)}
    assert readings == dict.fromkeys(readings, meant)


@settings(deadline=None)
@given(st.permutations("abcde"), st.integers(2, 4), st.sampled_from(["、", ",", "と", " and "]))
def test_the_order_of_letters_changes_nothing(order: list[str], count: int, join: str) -> None:
    listed = join.join(order[:count])
    for sentence in ("答え：{}", "正解は{}です。", "{}が正しい。"):
        assert read_letters(sentence.format(listed), count).letters == set(order[:count])


def openings(marks: Marks) -> list[str]:
    return [*marks.open, *(f"\n{mark.upper()} " for mark in marks.open if mark[0] in "<[")]


@pytest.mark.parametrize("marks", MARKS, ids=lambda marks: marks.close[0])
def test_what_is_thought_between_marks_is_no_answer(marks: Marks) -> None:
    thought = "まず a を考える。答え：a\n**Answer: a**\n\\boxed{a}"
    for close in marks.close:
        for opening in openings(marks):
            assert read_letters(f"{opening}{thought}{close}\n答え：c").letters == {"c"}
            assert read_letters(f"{opening}thought\n{thought}{close}c").letters == {"c"}
            assert read_letters(f"{opening}{thought}\n\n{thought}").letters == set()
            assert read_letters(f"{opening}{thought}{close}").letters == set()
            twice = f"{opening}{thought}{close}{opening.strip()}{thought}{close}"
            assert marks.open[0][0] not in "<[◁" or read_letters(f"{twice}c").letters == {"c"}
        assert read_letters(f"{thought}{close}\n答え：c").letters == {"c"}
        assert read_letters(f"{thought}{close}").letters == set()


@pytest.mark.parametrize("marks", [m for m in MARKS if m.open and m.open[0][0] in "<[◁"],
                         ids=lambda marks: marks.open[0])  # fmt: skip
def test_a_mark_in_quotes_is_spoken_of(marks: Marks) -> None:
    response = f"The tag `{marks.open[0]}` is not used here.\nAnswer: c"
    assert read_letters(response).letters == {"c"}


ADVERSARIAL = [
    *("<", "<think>", "</think>", "<think ", "[THINK]", "◁", "<|channel|>", "assistantfinal"),
    *(
        "\\boxed{",
        "\\text{",
        "答え：",
        "答えは",
        "正解は、",
        "Answer: ",
        "The answer is ",
        "a",
        "a, ",
    ),
    *(
        "aと",
        "(a",
        "a)",
        "a：",
        "a：誤り ",
        "aは正しい。",
        "aが正しい ",
        "a is ",
        "a. ",
        "よって、a。",
    ),
    *("\n", "\n\n", " ", "|", "\n|", "*", "**", "- ", "1. ", "1,", "1.", "= ", "① ", "\ue000"),
    *(
        "\ue001",
        "以下の2つです。",
        "問題：",
        "\n問題：",
        "例えば",
        "if ",
        "not ",
        "の",
        "、",
        "。",
        "(",
    ),
    *(")", "→", '{"answer": [', "most likely ", "i choose "),
]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(ADVERSARIAL), min_size=1, max_size=4),
    st.sampled_from(["", "x", "\nc"]),
)
@example(["答え：", "1,"], "")
def test_a_long_response_takes_time_in_proportion_to_its_length(
    pieces: list[str], end: str
) -> None:
    unit = "".join(pieces)
    response = unit * (8_000 // len(unit)) + end
    with cpu_seconds(2.0):  # a quadratic pattern takes minutes
        read_letters(response)
        read_letters(response, 2)
        read_number(response)
