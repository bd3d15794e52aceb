"""The key of every exam that is here, as predictions, is right wherever one can answer."""

import json
from pathlib import Path

import pytest

from lm_eval_tasks.cli import main
from lm_eval_tasks.load import load_exam
from tests.conftest import local_exams


@pytest.mark.parametrize("name", local_exams())
def test_the_key_is_right(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = load_exam(name).questions
    file = tmp_path / "key.jsonl"
    rows = [{"problem_id": q.id, "prediction": q.gold} for q in questions]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    main(["rescore", name, str(file), "--json"])
    total = [score for score in json.loads(capsys.readouterr().out) if score["sitting"] == "all"]
    usable = sum(not question.unusable for question in questions)
    # more letters are right than asked for: the publisher's rule knows only the printed key
    alternatives = sum(len(question.accepted) > 1 for question in questions)
    lenient = next(score for score in total if score["rule"] == "lenient")
    published = next(score for score in total if score["rule"] == "published")
    assert lenient["questions"] == len(questions)
    assert lenient["correct"] == usable
    assert usable - alternatives <= published["correct"] <= usable
