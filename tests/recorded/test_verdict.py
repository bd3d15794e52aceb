"""The published predictions pass and fail as their publisher reports."""

import hashlib
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

# of all verdicts as programs read them, since before other professions had any
SHA256 = {
    "gpt4": "b37077d30b8216a80cc21b1f360edd936a8a98aba148b3fa6d98bf34cf5c4c8b",
    "student-majority": "b8736b48cfe08d1eb435a868463f95a4b08e534333f5ed614af1d4fd73fde709",
    "chatgpt": "37fd72e30973b3fceae9b06d21fdf320dedb008cbbf0210a3dccbdcc542c3d46",
    "chatgpt-en": "da3f62c303d5bceca6b334487b348d1f42ef074044addbc0cfbaf06a560f374c",
    "gpt3": "90ee355b1aeed06a2aa035f7e823f3abbee3d10f09de865e0ebfaa1cde676dfc",
}


@pytest.mark.parametrize("model", PASSES)
def test_five_verdicts_of_each_model(
    model: str, igakuqa_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(igakuqa_files / "baseline_results")
    main(["rescore", "igakuqa", folder, "--model", model, "--verdict", "--json"])
    found = json.loads(capsys.readouterr().out)["verdicts"]
    written = json.dumps(found, ensure_ascii=False).encode()
    assert hashlib.sha256(written).hexdigest() == SHA256[model]
    for rule, verdicts in found.items():
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
