"""The key of every exam that is here, as predictions, is right wherever a key is known."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from tests.conftest import local_exams

# medLLM_QA_benchmark's program can count no answer to it: its key holds a comma of its own
NEVER_RIGHT = {"jjsimqa": 1}


def rescored(
    name: str, answers: Mapping[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> dict[str, int]:
    """rule -> right answers of the whole exam"""
    file = folder / "key.jsonl"
    rows = [{"problem_id": key, "prediction": answer} for key, answer in answers.items()]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    main(["rescore", name, str(file), "--json"])
    scores = json.loads(capsys.readouterr().out)
    total = {score["rule"]: score for score in scores if score["sitting"] == "all"}
    assert {score["questions"] for score in total.values()} == {len(answers)}
    return {rule: score["correct"] for rule, score in total.items()}


def printed(question: Question) -> str:
    """The printed key: where more letters are right than asked for, all of them."""
    alone = not question.accepted or read_card(question.exam).published_rule in (
        "igakuqa",
        "jmle119",
    )
    return question.gold if alone else ",".join(sorted(frozenset().union(*question.accepted)))


@pytest.mark.parametrize("name", local_exams())
def test_the_key_is_right(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = load_exam(name).questions
    scorable = sum(question.scorable for question in questions)
    found = rescored(name, {q.id: q.gold for q in questions}, tmp_path, capsys)
    assert found["lenient"] == scorable
    if not read_card(name).published_rule:
        assert set(found) == {"lenient"}
        return
    found = rescored(name, {q.id: printed(q) for q in questions}, tmp_path, capsys)
    assert found["published"] == scorable - NEVER_RIGHT.get(name, 0)
