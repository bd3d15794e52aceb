"""The published predictions pass and fail as their publisher reports."""

import json
from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main

PASSES = {
    "gpt4": True,
    "student-majority": True,
    "chatgpt": False,
    "chatgpt-en": False,
    "gpt3": False,
}
PROHIBITED = {
    "gpt4": [1, 1, 0, 0, 1],
    "student-majority": [1, 0, 0, 0, 0],
    "chatgpt": [4, 5, 3, 4, 3],
    "chatgpt-en": [6, 3, 2, 2, 2],
    "gpt3": [10, 5, 4, 3, 6],
}


@pytest.mark.parametrize("model", PASSES)
def test_five_verdicts_of_each_model(
    model: str, igakuqa_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(igakuqa_files / "baseline_results")
    main(["rescore", "igakuqa", folder, "--model", model, "--verdict", "--json"])
    for rule, verdicts in json.loads(capsys.readouterr().out)["verdicts"].items():
        assert [verdict["sitting"] for verdict in verdicts] == ["112", "113", "114", "115", "116"]
        assert [verdict["passed"] for verdict in verdicts] == [PASSES[model]] * 5, rule
        assert {verdict["asked"] for verdict in verdicts} == {400}
        if rule == "published":
            assert [verdict["prohibited"] for verdict in verdicts] == PROHIBITED[model]


def test_the_table_says_why_in_both_languages(
    igakuqa_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = str(igakuqa_files / "baseline_results" / "2022")
    for language, words in (
        ("ja", ("不合格", "必修 106 < 158", "禁忌肢 (参考値) 6 > 3", "参考値")),
        ("en", ("FAIL", "required 106 < 158", "prohibited (unofficial) 6 > 3", "unofficial")),
    ):
        main(["rescore", "igakuqa", files, "--model", "gpt3", "--verdict", "--lang", language])
        table = " ".join(capsys.readouterr().out.split())
        assert all(word in table for word in words), (language, table)
