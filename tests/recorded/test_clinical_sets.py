"""Clinical sets on the mirror: what the key, silence and the commonest answer score, to the row."""

import pytest

from lm_eval_tasks.exams.card import clinical_names, read_card
from lm_eval_tasks.exams.examples import read_examples
from lm_eval_tasks.exams.load import Exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.protocols import PROTOCOLS, task_name
from lm_eval_tasks.scoring.floor import floors
from tests.recorded.test_exam_counts import loaded

CHECKED = [name for name in clinical_names() if (one := read_card(name).clinical) and one.majority]


def first_task(exam: Exam) -> str:
    assert exam.card.clinical
    return task_name(exam.card.name, exam.card.clinical.protocols[0])


@pytest.mark.parametrize("name", CHECKED)
def test_the_key_scores_one_and_silence_nothing(name: str) -> None:
    exam = loaded(name)
    selection, table = floors(first_task(exam), Options())
    assert len(selection.kept) == sum(exam.card.published.values())
    assert not selection.left_out
    assert table["gold"] == dict.fromkeys(table["gold"], 1.0)
    assert table["empty"] == dict.fromkeys(table["empty"], 0.0)


@pytest.mark.parametrize("name", CHECKED)
def test_the_commonest_answer_scores_what_the_card_says(name: str) -> None:
    exam = loaded(name)
    assert exam.card.clinical
    found = floors(first_task(exam), Options())[1]["majority"]
    assert found == pytest.approx(exam.card.clinical.majority, abs=5e-5)


@pytest.mark.parametrize("name", CHECKED)
def test_by_likelihood_the_key_scores_one_too(name: str) -> None:
    exam = loaded(name)
    assert exam.card.clinical
    for protocol in exam.card.clinical.protocols:
        if PROTOCOLS[protocol].answer == "loglikelihood":
            table = floors(task_name(name, protocol), Options())[1]
            assert table["gold"] == dict.fromkeys(table["gold"], 1.0)


@pytest.mark.parametrize("name", CHECKED)
def test_no_worked_example_is_a_published_row(name: str) -> None:
    exam = loaded(name)
    assert {q.category for q in exam.questions} - {""} == {*exam.card.categories}
    for example in read_examples(exam.card):
        shared = [row.id for row in exam.questions if _quotes(row, example)]
        assert not shared, (name, example.stem)


def _quotes(row: Question, example: Question) -> bool:
    """Whether a row has a line of the example, other than the short ones that any text may have."""
    lines = [line for line in example.stem.splitlines() if len(line) > 12]
    return any(line in row.stem for line in lines)
