"""Result files as publishers leave them give the publishers' own figures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import LETTERS, Question
from lm_eval_tasks.exams.sources import is_local

IGAKUQA119 = "docto-rin/IgakuQA119/2d942397cbaa1031ca139184bc4af16e1ffa202d"
# results/leaderboard.json there: points, right answers, and the same without images
LEADERBOARD = {
    "qwen2_5-72b": ("Qwen2.5-72B", (398, 314), (311, 241)),
    "pfn-medllm-qwen-72b": ("Preferred-MedLLM-Qwen-72B", (332, 272), (261, 209)),
}
LENIENT = {"qwen2_5-72b": (398, 314), "pfn-medllm-qwen-72b": (335, 275)}


def rescored(
    capsys: pytest.CaptureFixture[str], exam: str, *arguments: object
) -> dict[tuple[str, str], dict[str, Any]]:
    """(rule, sitting) -> score"""
    main(["rescore", exam, *map(str, arguments), "--json"])
    scores = json.loads(capsys.readouterr().out)
    return {(score["rule"], score["sitting"]): score for score in scores}


def here(name: str) -> list[Question]:
    if not is_local(read_card(name)):
        pytest.skip(f"{name}: not all of its files are in JMED_MIRROR")
    return list(load_exam(name).questions)


@pytest.mark.parametrize("model", LEADERBOARD)
def test_the_leaderboard_of_igakuqa119(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    repository = Path(os.environ.get("JMED_MIRROR", "")) / IGAKUQA119
    if not (repository / "answers" / "demo").is_dir():
        pytest.skip(f"JMED_MIRROR has no {IGAKUQA119}/answers/demo: published data is not here")
    entry, overall, no_image = LEADERBOARD[model]
    found = rescored(capsys, "jmle119", repository / "answers" / "demo", "--model", model)
    score = found["published", "119"]
    assert (score["points"], score["correct"]) == overall
    assert (score["text_only_points"], score["text_only_correct"]) == no_image
    assert (score["points_possible"], score["questions"]) == (500, 400)
    assert (score["text_only_points_possible"], score["text_only"]) == (383, 297)
    lenient = found["lenient", "119"]
    assert (lenient["points"], lenient["correct"]) == LENIENT[model]
    text = (repository / "results" / "leaderboard.json").read_text(encoding="utf-8")
    told = json.loads(text)[entry]
    assert (told["overall_score"], told["overall_correct"]) == overall
    assert (told["no_image_score"], told["no_image_correct"]) == no_image


def key_letters(question: Question) -> list[str]:
    return sorted({letter for accepted in question.accepted for letter in accepted})


def test_all_of_yakugakuqa_in_its_published_digits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the keys, every seventh made wrong; ids number each sitting through, 1 to 345."""
    questions, wrong = here("yakugakuqa"), set[str]()
    places: dict[str, int] = {}
    for question in questions:
        number = places[question.sitting] = places.get(question.sitting, 0) + 1
        digits = [str(LETTERS.index(letter) + 1) for letter in key_letters(question)]
        if number % 7 == 0 and digits:
            wrong.add(question.id)
            digits = digits[1:] or [str(int(digits[0]) % 5 + 1)]
        key = f"{int(question.sitting):03}{number:03}"
        row = {"problem_id": key, "prediction": ",".join(digits) or "解なし", "explanation": "…"}
        with (tmp_path / f"{int(question.sitting):03}_made.jsonl").open("a") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    found = rescored(capsys, "yakugakuqa", tmp_path, "--model", "made")
    scorable = [question for question in questions if question.scorable]
    right = [question for question in scorable if question.id not in wrong]
    assert len(wrong) > 600
    assert found["published", "all"]["questions"] == 4485
    assert found["published", "all"]["correct"] == len(right)
    # all letters of a key of which some are asked for are no answer to the question as it is put;
    # and a key less one letter may be
    asked = [q for q in scorable if frozenset(key_letters(q)) in q.accepted and q.id not in wrong]
    some = [q for q in scorable if len(q.accepted) > 1 and q.id in wrong]
    assert 0 <= found["lenient", "all"]["correct"] - len(asked) <= len(some)
    text_only = [question for question in right if not question.has_figure]
    assert found["published", "all"]["text_only_correct"] == len(text_only)
    assert all(found["published", sitting]["missing"] == 0 for sitting in places)


def test_jmle2026_files_are_scored_as_they_are_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the keys; every fifth response lacks the mark that the publisher looks for."""
    questions, results, unmarked = here("jmle120"), list[dict[str, Any]](), 0
    for place, question in enumerate(questions):
        answer = question.gold.split(",")
        marked = place % 5 > 0
        unmarked += not marked
        results.append({
            "question_id": question.id, "predicted": answer if marked else [], "gold": [],
            "raw_response": f"{'【回答】' if marked else '正解は'}{question.gold}",
            "parse_success": marked, "error": None, "correct": marked,
        })  # fmt: skip
    file = tmp_path / "org_model.json"
    file.write_text(json.dumps({"metadata": {}, "summary": {}, "results": results}, indent=1))
    found = rescored(capsys, "jmle120", file)
    assert unmarked == 80
    assert found["published", "120"]["correct"] == 320
    assert found["lenient", "120"]["correct"] == 400
    assert found["lenient", "120"]["points"] == 500
