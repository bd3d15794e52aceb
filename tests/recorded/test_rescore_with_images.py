"""A run that asked all 400 questions of the 120th exam, with their images, is scored whole."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.sources import is_local
from lm_eval_tasks.prompting.doc import to_doc
from lm_eval_tasks.prompting.docs import sitting_wholes
from tests.invented import seen
from tests.written_results import sample

EXAM = "jmle120"
MARK = {"required": 160, "general": 221, "like": "119"}


@pytest.fixture(scope="module")
def questions() -> Sequence[Question]:
    if not is_local(read_card(EXAM)):
        pytest.skip(f"{EXAM}: not all of its files are in JMED_MIRROR")
    return load_exam(EXAM).questions


def rescored(file: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The lenient score over all, and its verdict."""
    main(["rescore", EXAM, str(file), "--verdict", "--json"])
    found = json.loads(capsys.readouterr().out)
    (score,) = (
        one for one in found["scores"] if (one["rule"], one["sitting"]) == ("lenient", "all")
    )
    (verdict,) = found["verdicts"]["lenient"]
    return {**score, "verdict": verdict}


def test_predictions_as_the_publisher_leaves_them(
    questions: Sequence[Question], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key for all, but an empty answer to ten of the 98 questions with images."""
    missed = [question for question in questions if question.has_figure][:10]
    rows = [
        {
            "question_id": question.id,
            "predicted": [] if question in missed else question.gold.split(","),
            "raw_response": "" if question in missed else question.gold,
        }
        for question in questions
    ]
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"results": rows}), encoding="utf-8")
    found = rescored(file, capsys)
    lost = sum(question.points for question in missed)
    assert (found["questions"], found["missing"], found["correct"]) == (400, 0, 390)
    assert (found["points"], found["points_possible"]) == (500 - lost, 500)
    assert (found["required_possible"], found["general_possible"]) == (200, 300)
    assert found["required"] + found["general"] == 500 - lost
    assert (found["text_only_correct"], found["text_only"]) == (302, 302)
    verdict = found["verdict"]
    assert (verdict["answered"], verdict["asked"]) == (400, 400)
    assert {key: verdict["mark"][key] for key in MARK} == MARK
    assert verdict["passed"] is None


def test_samples_of_a_task_with_images(
    questions: Sequence[Question], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exam = load_exam(EXAM)
    whole = sitting_wholes(exam, questions)["120"]
    docs = [
        seen(to_doc(one, rule=exam.card.published_rule, whole=whole), one, blind=False)
        for one in questions
    ]
    rows = [
        sample("jmedvision_jmle120_letters", place, doc, doc["gold"])
        for place, doc in enumerate(docs)
    ]
    file = tmp_path / "samples_jmedvision_jmle120_letters_2026-01-02T03-04-05.000006.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = rescored(file, capsys)
    assert (found["questions"], found["missing"], found["correct"]) == (400, 0, 400)
    assert (found["points"], found["required"], found["general"]) == (500, 200, 300)
    assert (found["text_only_points"], found["text_only"]) == (382, 302)
