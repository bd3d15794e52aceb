from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.readers import jmmlu

CARD = read_card("jmmlu_med")


def read(folder: Path, text: str) -> list[Question]:
    file = folder / "botany.csv"
    file.write_text(text, encoding="utf-8")
    return list(jmmlu.read(CARD, {"JMMLU/botany.csv": file}))


def test_a_row_without_header_is_a_question(tmp_path: Path) -> None:
    text = '\ufeff最も高い木は？ , 松, 杉,"樫,\n古い",桜,B\n青い葉は？,松,杉,樫,桜,D\n'
    tall, blue = read(tmp_path, text)
    assert (tall.id, tall.category, tall.gold) == ("botany-1", "botany", "b")
    assert (tall.stem, tall.choices) == ("最も高い木は？", ("松", "杉", "樫,\n古い", "桜"))
    assert (blue.id, blue.gold, blue.sitting) == ("botany-2", "d", "")


@pytest.mark.parametrize("answer", ["E", "b", "", "AB"])
def test_an_answer_that_is_no_letter_of_four_is_named(answer: str, tmp_path: Path) -> None:
    with pytest.raises(JmedError) as error:
        read(tmp_path, f"木は？,松,杉,樫,桜,A\n木は？,松,杉,樫,桜,{answer}\n")
    message = str(error.value)
    assert f"botany.csv, item 2: field 'answer': found {answer!r}; allowed: one of ABCD" in message


@pytest.mark.parametrize("text", ["", "木は？,松,杉,樫,桜\n", "木は？,松,杉,樫,桜,A,\n"])
def test_a_file_of_another_shape_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"botany\.csv"):
        read(tmp_path, text)
