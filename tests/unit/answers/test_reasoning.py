"""What is left of a response after its reasoning, form by form."""

import pytest

from lm_eval_tasks.answers.reasoning import MARKS, strip_reasoning

STRIPPED = {
    "blocks: repeated, nested, unfinished, opened in the prompt": [
        ("<think>x</think>b<think>y</think>c", "bc"),
        ("<think>x<think>y</think>z</think>c", "c"),
        ("<think>x<think>y</think>c", ""),
        ("<think>x", ""),
        ("c<think>x", "c"),
        ("x</think>c", "c"),
        ("x</think>y</think>c", "c"),
        ("<think>x</thinking>c", ""),
        ("<seed:think>x<seed:cot_budget_reflect>y</seed:cot_budget_reflect></seed:think>c", "c"),
    ],
    "tags: case, blanks, attributes, lines": [
        ("<THINK>x</Think>c", "c"),
        ("< think >x< / think >c", "c"),
        ('<thinking budget="low">x</thinking>c', "c"),
        ("<think>\n\nx\n</think>\n\nc", "c"),
        ("<think>\n\n</think>\n\nc", "c"),
    ],
    "harmony, with its special tokens": [
        (
            "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>c",
            "c",
        ),
        ("<|channel|>commentary<|message|>x<|end|><|channel|>final<|message|>c<|return|>", "c"),
        ("<|channel|> analysis<|message|> x<|end|><|channel|> final<|message|> c", "c"),
        ("<|channel|>final <|constrain|>json<|message|>{}", "{}"),
        ("x<|end|><|start|>assistant<|channel|>final<|message|>c", "c"),
        ("<|channel|>analysis<|message|>x", ""),
        ("<|start|>assistant<|channel|>commentary to=functions.a<|message|>x", ""),
    ],
    "harmony, special tokens skipped": [
        ("analysisWe think.assistantfinalc", "c"),
        ("analysisWe think.assistantcommentaryMore.assistantfinalc", "c"),
        ("analysis We think. assistant final c", "c"),
        ("We think.assistantfinalc", "c"),
        ("finalc", "c"),
        ("final答え：c", "答え：c"),
        ("analysisWe think", ""),
        ("analysis患者は", ""),
    ],
    "what only looks like a mark": [
        ("x < y, y > z", "x < y, y > z"),
        ("finally, c", "finally, c"),
        ("final answer: c", "final answer: c"),
        ("analysis of the options: c", "analysis of the options: c"),
        ("The tag `<think>` is not used: c", "The tag `<think>` is not used: c"),
        ("My thought process: c", "My thought process: c"),
        ("考え方：c", "考え方：c"),
        ("<thinker>c", "<thinker>c"),
        ("[thinking] c", "[thinking] c"),
    ],
    "tokens of a chat template": [
        ("<|im_start|>assistant\nc<|im_end|>", "c"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nc<|eot_id|>", "c"),
        ("assistant\n\nc", "c"),
        ("<start_of_turn>model\nc<end_of_turn>", "c"),
        ("c</s>", "c"),
        ("thought\nc", "c"),
    ],
}


@pytest.mark.parametrize(
    ("response", "rest"), [case for cases in STRIPPED.values() for case in cases]
)
def test_what_is_left(response: str, rest: str) -> None:
    assert strip_reasoning(response) == rest


def test_each_line_of_the_table_says_who_writes_it_and_where_that_is_written_down() -> None:
    marks = [mark for row in MARKS for mark in (*row.open, *row.close)]
    assert len(marks) == len(set(marks))
    assert all(mark.strip() for mark in marks)
    assert all(row.close and row.models and row.source for row in MARKS)
