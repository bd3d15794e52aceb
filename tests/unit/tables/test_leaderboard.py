"""`jmed leaderboard`: one row for each run, in the same order, and nothing private in it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.results.model_name import model_names, public_name
from lm_eval_tasks.results.records import Metadata, Questions, TaskConfig
from lm_eval_tasks.results.result import Result
from lm_eval_tasks.results.weights import has_adapter
from lm_eval_tasks.tables.leaderboard import leaderboard
from lm_eval_tasks.tables.leaderboard_files import END, START, as_html, as_markdown
from lm_eval_tasks.words import read_words
from tests.invented import Invented, scored, written

YES, NO = True, False
RUNS = [
    Invented([YES] * 20 + [NO] * 20),
    Invented([YES] * 30 + [NO] * 10, model_args="pretrained=org/base,peft=org/adapter"),
    Invented([YES] * 25 + [NO] * 15, task="jmed_sample_mc", model_args="pretrained=org/base"),
    Invented([YES] * 5, model_args="pretrained=org/small", changes={"chat_template": "x"}),
    Invented([YES] * 6, model_args="pretrained=org/small", times=3),
    Invented([YES] * 159, model_args="pretrained=org/big,dtype=float16"),
]


def write(folder: Path, *runs: Invented) -> str:
    for place, run in enumerate(runs):
        written(folder / str(place), run)
    return str(folder)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["leaderboard", *arguments])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["leaderboard", *arguments])
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message.count("\n") == 1
    return message


def test_a_row_says_how_a_score_came_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, write(tmp_path, *RUNS), "--lang", "en")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert rows[0][:5] == ["model", "adapter", "exam", "score ± standard error (%)", "protocol"]
    rows = rows[2:]
    assert rows[0][0] == "org/big (dtype=float16)"
    assert rows[0][3:] == [
        *("100.0 ± 0.0", "letters 1.0", "3", "acc\\_lenient", "159/163", "159/159", "1 of 1"),
    ]
    assert rows[1][:6] == [
        *("org/base", "org/adapter", "sample", "75.0 ± 6.9‡", "letters 1.0", "3"),
    ]
    assert [row[7] for row in rows if "small" in row[0]] == ["5/9", "2/6 × 3"]
    protocols = ["letters 1.0, chat template", "letters 1.0, permute 3", "mc 1.0"]
    assert [row[4] for row in rows[-3:]] == protocols
    assert "‡: no training record (run.json) was found beside the adapter" in text
    assert "(org/adapter: sample)" in text
    assert "参考値" in text


def test_a_limited_run_says_so_and_has_no_verdict() -> None:
    run = scored(RUNS[0])
    config = TaskConfig(metadata=Metadata(questions=Questions(asked=100, published=44)))
    limited = replace(run, run=replace(run.run, config=config))
    worse = scored(Invented([YES] * 5 + [NO] * 35))
    row, last = leaderboard([limited, worse, scored(RUNS[5])])[-2:]
    assert not row.incomplete  # the others are sorted before it, worse ones too
    assert row.score < last.score
    japanese, english = last.cells(read_words("ja")), last.cells(read_words("en"))
    assert japanese["asked/published"] == "40/44 (--limit: 100 問中 40 問のみ)"
    assert english["asked/published"] == "40/44 (--limit: only 40 of 100 docs)"
    assert (japanese["points for reference"], japanese["sittings passed"]) == ("–", "–")
    assert (last.values["points for reference"], last.values["sittings passed"]) == (-1, -1)
    assert "末尾" in as_markdown([last], read_words("ja"))
    assert "末尾" not in as_markdown([row], read_words("ja"))
    assert as_html([row, last], read_words("ja")).count('<tr class="incomplete">') == 1


def test_sittings_passed_carry_the_mark_of_contamination() -> None:
    run = replace(RUNS[5], model_args="pretrained=org/base,peft=org/adapter")
    (row,) = leaderboard([scored(run)])
    assert (
        row.cells(read_words("ja"))["points for reference"],
        row.cells(read_words("ja"))["sittings passed"],
    ) == ("159/159‡", "1/1 回‡")
    assert row.cells(read_words("en"))["sittings passed"] == "1 of 1‡"


def test_the_score_comes_before_how_it_came_about() -> None:
    page = as_html(leaderboard([scored(RUNS[0])]), read_words("ja"))
    assert page.index("スコア") < page.index("shots")
    assert "得点率" not in page
    assert re.search(r"th, td \{ white-space: nowrap; \}", page)


def test_local_models_called_alike_are_numbered() -> None:
    paths = ["/data/b/model", "/data/a/model", "/data/a/model/", "org/model", "/data/a/other"]
    runs = [
        scored(Invented([YES], model_args=f"pretrained={path},peft={place % 2}/lora"))
        for place, path in enumerate(paths)
    ]
    named = [name.model for name in model_names([run.run for run in runs], show_local=True)]
    assert named == ["model (2)", "model (1)", "model (1)", "org/model", "other"]
    backwards = [
        name.model for name in model_names([run.run for run in runs[::-1]], show_local=True)
    ]
    assert backwards == named[::-1]
    assert "/data" not in as_markdown(leaderboard(runs), read_words("ja"))


def test_adapters_called_alike_are_numbered() -> None:
    arguments = [f"pretrained=org/base,peft=/data/{folder}/lora" for folder in "ab"]
    runs = [scored(Invented([YES], model_args=text)).run for text in arguments]
    names = [str(name) for name in model_names(runs, show_local=True)]
    assert names == ["org/base + lora (1)", "org/base + lora (2)"]
    assert str(model_names(runs[1:], show_local=True)[0]) == "org/base + lora"


def test_a_model_of_the_hub_is_one_wherever_its_cache_is() -> None:
    cached = "/h/.cache/models--org--m-7B/snapshots/0ab1"
    runs = [scored(Invented([YES], model_args=f"pretrained={m}")).run for m in (cached, "org/m-7B")]
    assert {str(name) for name in model_names(runs, show_local=True)} == {"org/m-7B"}


@pytest.mark.parametrize("argument", ["peft", "lora_local_path", "delta"])
@pytest.mark.parametrize("record", [True, False])
def test_an_adapter_is_one_whatever_the_engine_calls_it(
    argument: str, record: bool, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    found = {"sample": {"rows": 7, "questions": 5}}
    text = json.dumps({"overlap": {"found": found, "compared": [], "not_here": []}})
    if record:
        (adapter / "run.json").write_text(text, encoding="utf-8")
    run = scored(Invented([YES] * 4, model_args=f"pretrained=org/base,{argument}={adapter}"))
    (row,) = leaderboard([run])
    assert (row.adapter, row.mark.sign) == ("local adapter", "†" if record else "‡")
    assert str(model_names([run.run], show_local=True)[0]) == "org/base + adapter"
    assert has_adapter(run.run.results)


def test_contamination_is_a_footnote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter = tmp_path / "trained" / "milestone_50"
    adapter.mkdir(parents=True)
    overlap = {"found": {"sample": {"rows": 7, "questions": 5}}, "compared": [], "not_here": []}
    (adapter.parent / "run.json").write_text(json.dumps({"overlap": overlap}), encoding="utf-8")
    run = replace(RUNS[1], model_args=f"pretrained=org/base,peft={adapter}")
    folder = write(tmp_path / "out", run)
    assert "| local adapter |" in shown(capsys, folder)
    text = shown(capsys, folder, "--lang", "en", "--show-local")
    assert "75.0 ± 6.9†" in text
    assert "7 training rows hold 5 questions of this exam" in text
    assert "| trained/milestone\\_50 |" in text
    assert str(tmp_path) not in text


SCORED = [scored(run) for run in RUNS]
BOARD = as_markdown(leaderboard(SCORED), read_words("ja"))


@settings(max_examples=25)
@given(st.permutations(SCORED))
def test_the_order_is_the_same_however_the_runs_are_found(results: list[Result]) -> None:
    assert as_markdown(leaderboard(results), read_words("ja")) == BOARD


def test_a_readme_is_changed_between_its_markers_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "out", *RUNS)
    readme = tmp_path / "README.md"
    before = f"# 題\r\n\r\n{START}\r\nold\r\n{END}\r\n\r\nafter\r\n".encode()
    readme.write_bytes(before)
    shown(capsys, folder, "-o", str(readme))
    once = readme.read_bytes()
    shown(capsys, folder, "-o", str(readme))
    assert readme.read_bytes() == once
    assert once.startswith("# 題\r\n\r\n<!-- jmed leaderboard -->\r\n\r\n| モデル".encode())
    assert once.endswith(b"<!-- /jmed leaderboard -->\r\n\r\nafter\r\n")
    assert b"old" not in once
    assert once.count(b"\n") == once.count(b"\r\n")
    assert {file.name for file in tmp_path.iterdir()} == {"out", "README.md"}


def test_a_new_file_can_be_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = write(tmp_path / "out", *RUNS), tmp_path / "new.md"
    shown(capsys, folder, "-o", str(file))
    once = file.read_text(encoding="utf-8")
    shown(capsys, folder, "-o", str(file))
    assert file.read_text(encoding="utf-8") == once


@pytest.mark.parametrize("text", ["", "# mine\n", START, f"{END} {START}", (START + END) * 2])
def test_a_readme_without_markers_is_left_alone(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    file.write_text(text, encoding="utf-8")
    assert "once each" in refused(capsys, write(tmp_path / "out", RUNS[0]), "-o", str(file))
    assert file.read_text(encoding="utf-8") == text


def test_files_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "out", RUNS[0])
    assert "allowed: .md" in refused(capsys, folder, "-o", str(tmp_path / "a.csv"))
    (tmp_path / "b.html").mkdir()
    assert "b.html: cannot be" in refused(capsys, folder, "-o", str(tmp_path / "b.html"))
    assert "no results of a jmed task" in refused(capsys, str(tmp_path / "nowhere"))


def test_the_page_needs_no_network() -> None:
    page = as_html(leaderboard(map(scored, RUNS)), read_words("en"))
    assert not re.search(r"(?:src|href|@import|url\()", page)
    assert "http" not in page
    assert '<html lang="en">' in page
    assert page.count("<tr>") == 1 + len(RUNS)


def test_names_cannot_break_the_table_or_leave_it() -> None:
    nasty = Invented([YES, NO], model_args=f"pretrained=/x/a|b<script>{END}*_`")
    rows = leaderboard([scored(nasty)])
    markdown, page = as_markdown(rows, read_words("en")), as_html(rows, read_words("en"))
    assert END not in markdown
    assert "<script>*" not in page
    assert page.count("<script>") == 1
    assert len({line.count(" | ") for line in markdown.splitlines() if line.startswith("|")}) == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("org/model-7B", "org/model-7B"),
        ("gpt2", "gpt2"),
        ("/home/someone/models/Model-7B", "Model-7B"),
        ("/home/someone/models/Model-7B/", "Model-7B"),
        ("./Model-7B", "Model-7B"),
        ("../secret/Model-7B", "Model-7B"),
        ("C:\\Users\\someone\\Model-7B", "Model-7B"),
        ("~/Model-7B", "Model-7B"),
        ("/h/.cache/huggingface/hub/models--org--m-7B/snapshots/0ab1", "org/m-7B"),
    ],
)
def test_of_local_paths_the_last_part_alone_is_shown(given: str, name: str) -> None:
    assert public_name(given) == name


def test_a_local_folder_is_no_name_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert public_name("secret/model") == "model"
