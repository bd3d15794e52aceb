"""What pass_marks.yaml says of single questions is what the published files say."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.exams.sources import is_local
from lm_eval_tasks.scoring.pass_marks import TOTAL, read_examination

PHARMACIST, DENTIST = read_examination("pharmacist"), read_examination("dentist")


@pytest.fixture(scope="module")
def pharmacists() -> tuple[Question, ...]:
    return questions("yakugakuqa")


def questions(exam: str) -> tuple[Question, ...]:
    card = read_card(exam)
    if not is_local(card):
        pytest.skip(f"{card.source} is not here: set JMED_MIRROR")
    return tuple(load_exam(exam).questions)


def test_the_struck_out_questions_are_those_without_a_right_answer(
    pharmacists: tuple[Question, ...],
) -> None:
    assert PHARMACIST.struck == {one.id for one in pharmacists if one.points == 0}
    sizes = Counter((one.sitting, one.section) for one in pharmacists)
    for sitting in read_card("yakugakuqa").published:
        assert {s: sizes[sitting, s] for s in "ABCDEF"} == PHARMACIST.questions
        points = sum(one.points for one in pharmacists if one.sitting == sitting)
        assert 2 * points == PHARMACIST.possible(TOTAL, sitting)


def test_subjects_stand_where_the_publisher_says(pharmacists: tuple[Question, ...]) -> None:
    subjects = [part for part in PHARMACIST.parts if part != "required"]
    sciences = {"Physics": "Science", "Chemistry": "Science", "Biology": "Science"}
    names = ["Science", "Hygiene", "Pharmacology", "Pharmacy", "Pathology", "Law", "Practice"]
    folder = Path(os.environ.get("JMED_MIRROR", "")) / read_card("yakugakuqa").source.replace(
        "@", "/"
    )
    files = sorted(folder.glob("data/*/metadata_*.jsonl"))
    if not files:
        pytest.skip(f"{folder} has no metadata_*.jsonl, which no run needs")
    assert len(files) == 13
    for file in files:
        said = {
            int(row["problem_id"][-3:]): sciences.get(row["category"], row["category"])
            for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())
        }
        first = [(said[number], number) for number in range(1, 91)]
        spans = [
            (name, (numbers[0], numbers[-1]))
            for name, group in groupby(first, key=lambda pair: pair[0])
            for numbers in [[number for _, number in group]]
        ]
        assert spans == [
            (name, PHARMACIST.parts[part]["A"])
            for name, part in zip(names, subjects, strict=True)
        ]  # fmt: skip


def test_an_area_of_dentists_is_not_the_questions_up_to_45() -> None:
    """Why there is no verdict: cases, of 3 points, stand among those that area A would be."""
    found = questions("denqa")
    numbers = Counter((one.sitting, one.section) for one in found)
    assert set(numbers.values()) == {90}
    cases = [one for one in found if re.search("歳の(男|女)", one.stem)]
    assert {sitting: len(spread) for sitting, spread in by_sitting(cases)} == CASES
    early = [one for one in cases if 20 < int(one.id[4:]) <= 45]
    assert {sitting: len(spread) for sitting, spread in by_sitting(early)} == EARLY_CASES


CASES = {"116": 101, "117": 100}
EARLY_CASES = {"116": 32, "117": 33}


def by_sitting(found: list[Question]) -> Iterator[tuple[str, list[Question]]]:
    for sitting, group in groupby(found, key=lambda one: one.sitting):
        yield sitting, [*group]


def key_verdicts(
    known: Iterable[Question], folder: Path, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    """Of whoever answers these questions by the key, and no others."""
    file = folder / "key.jsonl"
    rows = [{"problem_id": one.id, "prediction": one.gold} for one in known]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    main(["rescore", "yakugakuqa", str(file), "--verdict", "--missing", "unanswered", "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["verdicts"]["lenient"]
    return found


def test_the_key_passes_where_a_mark_is_known(
    pharmacists: tuple[Question, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = key_verdicts(pharmacists, tmp_path, capsys)
    assert [one["sitting"] for one in verdicts] == [str(n) for n in range(97, 110)]
    assert [one["passed"] for one in verdicts] == [None] * 4 + [True] * 9
    for one in verdicts[4:]:
        known = [q for q in pharmacists if q.sitting == one["sitting"] and q.scorable]
        assert one["total"] == 2 * sum(question.points for question in known)


def test_without_the_figures_it_passes_four(
    pharmacists: tuple[Question, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = [one for one in pharmacists if not one.has_figure and not one.unusable]
    verdicts = key_verdicts(text, tmp_path, capsys)
    assert [one["sitting"] for one in verdicts if one["passed"]] == ["101", "102", "103", "109"]
