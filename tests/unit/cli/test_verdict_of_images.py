"""`jmed verdict` and `jmed leaderboard` on runs with images, without them, and on text."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from tests.invented import Invented, written

WHOLE = Invented(
    [True] * 159,
    task="jmedvision_jmle120_letters",
    rule="jmle120",
    figures=[1] * 40,
    changes={"model_source": "hf-multimodal"},
)
BLIND = replace(WHOLE, right=[n >= 40 for n in range(159)], blind=True)
UNPUBLISHED = replace(
    WHOLE, task="jmedvision_jmle119_letters", not_asked={"its figure is not published": 2}
)
TEXT = Invented([True] * 119, task="jmed_jmle120_letters", rule="jmle120")


def shown(folder: Path, run: Invented, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """What is printed, its blanks and lines of tables as one blank."""
    written(folder, run)
    main(["verdict", str(folder), *more])
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_the_whole_exam_with_its_images_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(tmp_path, WHOLE, capsys)
    assert "jmedvision_jmle120_letters · org/base · 画像あり" in text
    assert "900 合格 80/80 (≥ 64) 79/79 (≥ 55)" in text
    assert "公表 159 問中 159 問を出題 (画像あり)" in text
    assert "画像が要る問題 40/40 100.0% 40/40 画像が要らない問題 119/119 100.0% 119/119" in text
    assert "無解答" not in text
    assert "伏せ" not in text


def test_a_verdict_without_the_images_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(tmp_path, BLIND, capsys, "--lang", "en")
    assert "org/base · images withheld" in text
    assert "900 FAIL 40/80 (≥ 64) 79/79 (≥ 55)" in text
    assert "required 40 < 64; asked without the images" in text
    assert "159 of 159 published questions asked, images withheld" in text
    passed = shown(tmp_path / "passed", replace(BLIND, right=[True] * 159), capsys)
    assert "合格 80/80" in passed
    assert "画像を伏せて出題した結果" in passed.replace(" ", "")


def test_what_no_run_with_images_can_ask_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(tmp_path, UNPUBLISHED, capsys)
    assert "公表 161 問中 159 問を出題 (画像あり)。" in text
    assert "出題しなかったもの: 画像が公開されていない 2" in text
    assert "無解答として数える" in text


def test_a_run_on_text_is_pointed_to_the_task_that_shows_the_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(tmp_path / "a", TEXT, capsys)
    assert "画像が要る問題は jmedvision_jmle120_letters が画像を示して出題する" in text
    assert "画像の要否" not in text
    without = replace(TEXT, task="jmed_igakuqa_letters", rule="igakuqa")
    assert "jmedvision" not in shown(tmp_path / "b", without, capsys)
    keeping = replace(TEXT, not_asked={"another sitting": 4})
    assert "jmedvision" not in shown(tmp_path / "c", keeping, capsys)


@pytest.mark.parametrize(
    ("run", "images", "parts"),
    [
        (WHOLE, "images shown", ["needs a figure", "needs no figure"]),
        (BLIND, "images withheld", ["needs a figure", "needs no figure"]),
        (TEXT, "text only", []),
    ],
)
def test_json_says_what_was_seen(
    run: Invented,
    images: str,
    parts: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(tmp_path, run)
    main(["verdict", str(tmp_path), "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [one["images"] for one in found] == [images]
    groups = found[0]["breakdowns"].get("figures", [])
    assert [group["name"] for group in groups] == parts


def test_rows_of_the_leaderboard_say_what_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smaller = replace(WHOLE, max_pixels=1_000_000, model_args="pretrained=org/other")
    for place, run in enumerate((TEXT, BLIND, WHOLE, smaller)):
        written(tmp_path / str(place), run)
    main(["leaderboard", str(tmp_path), "--lang", "en"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| org/")]
    assert [(row[4], row[7]) for row in rows] == [
        ("letters 1.0", "119/123"),
        ("letters\\_vision 1.0, images shown", "159/159"),
        ("letters\\_vision 1.0, images shown, max\\_pixels 1000000", "159/159"),
        ("letters\\_vision 1.0, images withheld", "159/159"),
    ]
