"""Runs of exams whose parts go by the printed number: the verdict is made when they are read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting.doc import Doc, Whole, to_doc
from tests.invented import UNREAD, Run, key, question, turned, write

SECTIONS = {"A": 90, "B": 60, "C": 45, "D": 50, "E": 40, "F": 60}


def sheet(sitting: str = "105", skip: int = 0) -> list[Question]:
    """Invented questions of a pharmacists' exam, without every `skip`th."""
    places = [(s, n) for s, last in SECTIONS.items() for n in range(1, last + 1)]
    return [
        question(n, "yakugakuqa", sitting, id=f"{sitting}{s}{n:03}", section=s, required=False)
        for place, (s, n) in enumerate(places, 1)
        if not skip or place % skip
    ]


@dataclass(frozen=True)
class Sheet(Run):
    """As lm-eval logs it: docs without pass marks, which count a question one point.

    points: of the sitting, as the exam's file has them.
    """

    task: str = "jmed_yakugakuqa_letters"
    questions: Sequence[Question] = field(default_factory=sheet)
    points: int = 345

    def _docs(self) -> list[Doc]:
        if self.permute:
            return turned(self.questions, self.permute, "yakugakuqa")
        whole = Whole("", self.asked or len(self.questions), 0, self.points, 0)
        return [to_doc(one, rule="yakugakuqa", whole=whole) for one in self.questions]


def judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    main(["verdict", str(folder), "--json"])
    (run,) = json.loads(capsys.readouterr().out)
    found: list[dict[str, object]] = run["verdicts"]
    return found


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(["verdict", str(folder)])
    return capsys.readouterr().err


def test_a_whole_sitting_is_judged_in_points_of_the_ministry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, Sheet(questions=sheet(skip=3)))  # 230 of 345 asked, as without figures
    (verdict,) = judged(tmp_path, capsys)
    assert (verdict["total"], verdict["total_asked"], verdict["total_possible"]) == (460, 460, 690)
    assert (verdict["required"], verdict["required_possible"]) == (120, 180)
    assert (verdict["passed"], verdict["failed"]) == (False, ["required 120 < 126"])
    main(["verdict", str(tmp_path), "--lang", "en"])
    shown = capsys.readouterr().out
    assert "460/690 (≥ 426)" in shown
    assert "120/180 (≥ 126)" in shown
    assert "gorogorooboeru" in shown


def test_all_right_passes_and_nothing_read_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"right": key, "unread": lambda doc: UNREAD}
    for number, (name, answer) in enumerate(answers.items()):
        write(tmp_path / name, Sheet(answer=answer), number)
    assert [judged(tmp_path / name, capsys)[0]["passed"] for name in answers] == [True, False]


def test_a_run_cut_short_and_permuted_choices_have_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "cut", Sheet(questions=sheet()[:100], asked=345))
    (verdict,) = judged(tmp_path / "cut", capsys)
    assert verdict["passed"] is None
    assert str(verdict["failed"]).startswith("['incomplete: 100 of 345")
    write(tmp_path / "permuted", Sheet(questions=sheet()[:9], permute=2))
    assert "no run here has a verdict" in refused(tmp_path / "permuted", capsys)


def test_two_sittings_are_judged_apart_in_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @dataclass(frozen=True)
    class Two(Sheet):
        def _docs(self) -> list[Doc]:
            return [*Sheet(questions=sheet("105"))._docs(), *Sheet(questions=sheet("99"))._docs()]

    write(tmp_path, Two(questions=[*sheet("105"), *sheet("99")]))
    found = judged(tmp_path, capsys)
    # the 99th has no mark, and one question less than this sheet
    assert [(one["sitting"], one["passed"]) for one in found] == [("99", None), ("105", True)]


def test_a_question_of_another_sitting_is_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = question(1, "yakugakuqa", "105", id="104A001", section="A")
    write(tmp_path, Sheet(questions=[*sheet()[1:], strange]))
    told = refused(tmp_path, capsys)
    assert "damaged: 104A001: no question of the sitting '105' has the number '104A001'" in told


@pytest.mark.parametrize("points", [690, 343])
def test_other_points_than_the_marks_are_not_judged(
    points: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, Sheet(questions=sheet()[:300], points=points))
    (verdict,) = judged(tmp_path, capsys)
    assert verdict["passed"] is None
    assert "this exam is not" in str(verdict["failed"])


def test_pages_and_tables_take_the_total_and_the_subjects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"base": key, "other": lambda doc: UNREAD if int(doc["id"][-3:]) % 3 else key(doc)}
    for name, answer in answers.items():
        arguments = {"pretrained": f"org/{name}"}
        write(tmp_path / name, Sheet(answer=answer, model_args=arguments))
    folders = [str(tmp_path / name) for name in ("base", "other")]
    page = tmp_path / "page.html"
    main(["report", *folders, "-o", str(page), "--lang", "en"])
    text = page.read_text(encoding="utf-8")
    for said in ("total 690/690 (≥ 426)", "total 228 &lt; 426", "required: hygiene", "6/20 (≥6)"):
        assert said in text
    capsys.readouterr()
    main(["compare", *folders, "--lang", "en"])
    row = next(line for line in capsys.readouterr().out.splitlines() if " 690 " in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")][1:] == [
        *("105", "690", "228", "690", "PASS", "FAIL"),
    ]
