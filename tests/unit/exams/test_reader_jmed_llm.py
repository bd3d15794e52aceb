"""JMED-LLM's two kinds of table, in invented rows."""

from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import jmed_llm

CHOICES, LISTS = read_card("rrtnm"), read_card("nrner")
HEAD = "tag,question,optionA,optionB,optionC,answer\n"


def read(folder: Path, text: str) -> list[Question]:
    file = folder / "leaves.csv"
    file.write_text(text, encoding="utf-8")
    card = CHOICES if "option" in text else LISTS
    return list(jmed_llm.read(replace(card, name="leaves"), {"datasets/leaves.csv": file}))


def test_a_row_has_as_many_choices_as_columns_are_filled(tmp_path: Path) -> None:
    three, two = read(tmp_path, f'{HEAD}N,"葉は？\n三つ",松,杉,樫,C\nM,花は？,菊,"桜,\n梅",,B\n')
    assert (three.id, three.category, three.choices) == ("001", "N", ("松", "杉", "樫"))
    assert (three.stem, three.gold) == ("葉は？\n三つ", "c")
    assert (two.id, two.choices, two.gold, two.n_select) == ("002", ("菊", "桜,\n梅"), "b", 1)


def test_without_choices_the_answer_is_a_list(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "tag,question,answer\nd,色は？,\"['赤い', 'あ\\u3000お']\"\n")
    assert one.entities == ("赤い", "あ\u3000お")
    assert one.scorable
    assert not one.choices
    assert one.gold == "['赤い', 'あ\\u3000お']"


def test_a_table_without_tags_has_no_categories(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "question,optionA,optionB,answer\n色は？,赤,青,A\n")
    assert one.category == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}N,葉は？,松,杉,樫,D\n", "field 'answer': found 'D'; allowed: one of ABC"),
        (f"{HEAD}N,葉は？,松,杉,,C\n", "allowed: one of AB"),
        (f"{HEAD}N,葉は？,松,,樫,A\n", "field 'optionB'"),
        (f"{HEAD}N,葉は？,松,杉,樫\n", "item 1: found 5 columns; allowed: 6"),
        (HEAD, "no rows"),
        ("", "no rows"),
        ("question,optionA,answr\nx,y,A\n", "found the columns question, optionA, answr"),
        ("question,question,answer\nx,y,z\n", "found the columns"),
        ("question,answer\n色は？,赤\n", "a list of different expressions"),
        ("question,answer\n色は？,[]\n", "a list of different expressions"),
        ("question,answer\n色は？,\"['赤', '赤']\"\n", "a list of different expressions"),
        ("question,answer\n色は？,\"['赤', 1]\"\n", "a list of different expressions"),
        ("question,answer\n色は？,__import__('os')\n", "a list of different expressions"),
    ],
)
def test_what_is_no_such_table_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, text)
    assert "leaves.csv" in str(error.value)
    assert message in str(error.value)
