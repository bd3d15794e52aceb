from collections.abc import Sequence

import pytest

from lm_eval_tasks.answers.reasoning import MARKS, Marks
from lm_eval_tasks.models.early_stop import answered, protocol_of
from lm_eval_tasks.models.row_ends import Ends


@pytest.mark.parametrize(
    ("task", "protocol"),
    [
        ("jmed_igakuqa_letters", "letters"),
        ("jmed_sample_cot", "cot"),
        ("jmed_igakuqa_paper", ""),
        ("jmed_igakuqa_paper_1shot", ""),
        ("jmed_igakuqa_letters_mc", ""),
        ("arc_letters", ""),
    ],
)
def test_only_tasks_that_ask_for_letters_may_stop(task: str, protocol: str) -> None:
    assert protocol_of(task) == protocol


@pytest.mark.parametrize(
    "response", ["b\n", " b\n解説", "a,c\n", "a、c\n\n", "ａ\n", "\nb\n", "答え：b\nx", "120\n"]
)
def test_a_finished_line_of_letters_is_an_answer(response: str) -> None:
    assert answered(response, "letters")


@pytest.mark.parametrize("response", ["", "b", "b,", "bか\n", "心不全\n", "b: 心不全\n",
                                      "<think>\nb\n", "まず\nb\n"])  # fmt: skip
def test_what_is_unfinished_or_more_than_letters_is_none(response: str) -> None:
    assert not answered(response, "letters")


@pytest.mark.parametrize("response", ["考える。\n答え：b\n", "答え: a,c\n次", "Answer: d\n"])
def test_a_chain_of_thought_ends_with_its_answer_line(response: str) -> None:
    assert answered(response, "cot")


@pytest.mark.parametrize("response", ["b\n", "答え：b", "答えはまだ\n", "<think>答え：b\n"])
def test_without_an_answer_line_it_goes_on(response: str) -> None:
    assert not answered(response, "cot")


@pytest.mark.parametrize("marks", [m for m in MARKS if m.open], ids=lambda marks: marks.open[0])
@pytest.mark.parametrize("protocol", ["letters", "cot"])
def test_a_thought_that_goes_on_is_no_answer_yet(marks: Marks, protocol: str) -> None:
    assert not answered(f"{marks.open[0]}\n答え：b\nb\n", protocol)
    assert answered(f"{marks.open[0]}\nまず a を考える。{marks.close[0]}\n答え：b\n", protocol)


class Characters:
    """A tokenizer whose tokens are characters; 0 is special."""

    def decode(self, tokens: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return "".join("" if t == 0 and skip_special_tokens else chr(t) for t in tokens)


def length(text: str, *strings: str, protocol: str = "") -> int:
    return Ends(Characters(), frozenset({0}), strings, protocol).length_of([*map(ord, text)])


def test_a_row_ends_at_its_first_stop() -> None:
    assert length("ab\0cd") == 3
    assert length("abXYcd", "XY") == 4
    assert length("abXY\0", "XY") == 4
    assert length("a\0bXY", "XY") == 2
    assert length("abXcYd", "Y", "X") == 3
    assert length("ab\0", "b\0") == 3
    assert length("", "X") == length("abX", "XY") == length("ab", "") == -1


def test_a_row_ends_where_its_answer_is_stated_if_that_is_asked_for() -> None:
    assert length("b\n解説\n", "問題", protocol="letters") == 2
    assert length("b\n解説\n", "問題") == -1
