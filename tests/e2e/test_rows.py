"""python -m trainer rows: documents in, rows out, whatever happens to the process or the server."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval_tasks.files.rows import read_rows
from tests.e2e.invented_documents import DISEASES, write_documents
from tests.e2e.scripted_model import NAME, ScriptedModel
from tests.e2e.servers import wait_until
from tests.e2e.sft_run import ROOT, environment
from trainer.__main__ import main
from trainer.mark import file_sha256
from trainer.rows import server
from trainer.rows.card import read_card

pytest.importorskip("docx", reason="[rows] is not installed")
RECORDED = ROOT / "tests" / "recorded" / "rows"
FILES = ("rows.jsonl", "dropped.jsonl")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents") / "folder"
    write_documents(folder)
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No exam but the embedded one, whatever this machine holds; no second between two tries."""
    monkeypatch.delenv("JMED_MIRROR", raising=False)
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(server, "BACKOFF", 0.01)


def command(documents: Path, out: Path, url: str, *more: str) -> list[str]:
    return ["rows", str(documents), "-o", str(out), "--model", NAME, "--base-url", url, *more]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command that ends with status 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trainer:")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("fails", ["", "500", "cut"])
def test_rows_and_reasons_are_as_recorded(documents: Path, tmp_path: Path, fails: str) -> None:
    with ScriptedModel(fails=fails) as model:
        main(command(documents, tmp_path / "out", model.url))
    asked_twice = sum(count > 1 for count in model.asked.values())
    assert bool(asked_twice) == bool(fails)
    for name in FILES:
        found = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert found == (RECORDED / name).read_text(encoding="utf-8")


def test_every_reason_is_recorded_and_counted(documents: Path, tmp_path: Path) -> None:
    with ScriptedModel() as model:
        main(command(documents, tmp_path / "out", model.url, "--concurrency", "1"))
    card = read_card(tmp_path / "out" / "rows.card.json")
    assert set(card.dropped) >= {
        "answer is no JSON",
        "answer cut off at max_tokens",
        "row lacks a field or has another form",
        "not 5 choices with one or two right",
        "a choice stands twice",
        "too short",
        "not in Japanese",
        "names a text that its reader does not see",
        "personal data: name",
        "a number that is not in the passage",
        "words that are not in the passage",
        "not answerable from its passage",
        "answer not supported by its passage",
        "nearly the same as another row",
        "holds a question of sample",
    }
    assert sum(card.dropped.values()) == len(list(read_rows(tmp_path / "out" / "dropped.jsonl")))
    assert card.rows == len(list(read_rows(tmp_path / "out" / "rows.jsonl")))
    assert "山田花子" not in "".join(
        path.read_text(encoding="utf-8")
        for path in (tmp_path / "out").glob("*.jsonl")
        if path.name != "answers.jsonl"
    )


def test_every_row_leads_to_its_sentence(documents: Path, tmp_path: Path) -> None:
    with ScriptedModel() as model:
        main(command(documents, tmp_path / "out", model.url))
    pages: dict[tuple[str, int | None], str] = {}
    for row in read_rows(tmp_path / "out" / "rows.jsonl"):
        source = row.values["source"]
        disease = DISEASES[int(Path(source["document"]).stem)]
        # columns of a table stand in the text with their names, items of a list with their mark
        sentence = re.sub(r"^- |(?:疾患|診断|治療)：", "", source["sentence"])
        assert sentence.removeprefix(f"{disease.name}、") in disease.text
        assert disease.name in row.values["instruction"]
        pages[Path(source["document"]).suffix, source["page"]] = source["sentence"]
    # the second page of these begins with the treatment
    assert "第一選択薬は" in pages[".pdf", 2]
    assert {(".pdf", 1), (".docx", None), (".txt", None), (".csv", None)} <= pages.keys()


def test_killed_five_times_the_rows_are_the_same(documents: Path, tmp_path: Path) -> None:
    answers = tmp_path / "out" / "answers.jsonl"
    with ScriptedModel(seconds=0.05) as model:
        arguments = command(documents, tmp_path / "out", model.url, "--concurrency", "2")
        started = [sys.executable, "-m", "trainer", *arguments]
        environ = environment(JMED_CACHE=str(tmp_path / "cache"))
        environ.pop("JMED_MIRROR", None)
        for killed in range(1, 6):
            process = subprocess.Popen(
                started, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            wait_until(lines_of(answers, 12 * killed))
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not (tmp_path / "out" / "rows.jsonl").exists()
        # half a line, as a kill in the middle of a write leaves it
        with answers.open("ab") as journal:
            journal.write(b'{"key":"00')
        before = sum(model.asked.values())
        main(arguments)
    for name in FILES:
        found = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert found == (RECORDED / name).read_text(encoding="utf-8")
    # what was answered is not asked again: at most the two in flight at each kill
    assert sum(model.asked.values()) <= len(model.asked) + 5 * 2
    assert before > 60


def lines_of(file: Path, count: int) -> Callable[[], bool]:
    return lambda: file.is_file() and file.read_bytes().count(b"\n") >= count


def test_again_asks_nothing_and_leaves_what_people_wrote(documents: Path, tmp_path: Path) -> None:
    with ScriptedModel() as model:
        main(command(documents, tmp_path / "out", model.url))
        asked = sum(model.asked.values())
        sheet = tmp_path / "out" / "review.xlsx"
        sheet.write_bytes(sheet.read_bytes() + b" ")
        main(command(documents, tmp_path / "out", model.url))
        assert sum(model.asked.values()) == asked
        assert sheet.read_bytes().endswith(b" ")
        # other rows: the sheet that somebody may have begun is set aside
        main(command(documents, tmp_path / "out", model.url, "--forms", "summary"))
    assert [path for path in (tmp_path / "out").glob("review-old-*") if path.read_bytes()[-1] == 32]


def test_another_prompt_is_asked_anew(documents: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for name in ("qa", "faithful"):
        file = ROOT / "trainer" / "rows" / "prompts" / f"{name}.yaml"
        (prompts / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with ScriptedModel() as model:
        arguments = command(documents, tmp_path / "out", model.url, "--forms", "qa", "--limit", "2")
        main([*arguments, "--prompts", str(prompts)])
        asked = len(model.asked)
        qa = prompts / "qa.yaml"
        qa.write_text(qa.read_text("utf-8").replace("編集者です", "記者です"), encoding="utf-8")
        main([*arguments, "--prompts", str(prompts)])
    # the writing is asked again, the checks of the same rows are not
    assert asked < len(model.asked) <= 2 * asked
    assert read_card(tmp_path / "out" / "rows.card.json").prompts["qa"] == file_sha256(qa)


def test_a_dry_run_asks_nothing(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*command(documents, tmp_path / "out", "http://127.0.0.1:1/v1"), "--dry-run"])
    printed = capsys.readouterr().out
    assert "12 passages" in printed
    assert "36 questions to write rows" in printed
    assert not (tmp_path / "out").exists()


def test_a_server_that_is_not_there_refuses_or_stops(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    told = refused(command(documents, out, "http://127.0.0.1:1/v1"), capsys)
    assert "no server answers there" in told
    with ScriptedModel(status=401) as model:
        assert "refused with 401" in refused(command(documents, out, model.url), capsys)
        assert sum(model.asked.values()) <= 8
    with ScriptedModel(status=503) as model:
        told = refused(command(documents, out, model.url, "--retries", "2"), capsys)
        assert "no answer after 3 tries (503" in told
        assert "goes on from there" in told
    assert not (out / "rows.jsonl").exists()
    with ScriptedModel() as model:
        arguments = command(documents, out, model.url)
        arguments[arguments.index(NAME)] = "another"
        assert "has no 'another'; allowed: scripted" in refused(arguments, capsys)


@pytest.mark.parametrize(
    "url", ["https://8.8.8.8/v1", "http://[2001:4860:4860::8888]/v1", "http://[::ffff:8.8.8.8]/v1"]
)
def test_a_server_elsewhere_is_refused(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert "not on this machine nor in a private network" in refused(
        command(documents, tmp_path / "out", url), capsys
    )


def test_no_proxy_sees_the_documents(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedModel() as proxy, ScriptedModel() as model:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("KEY", "secret")
        more = ("--limit", "1", "--api-key-env", "KEY")
        main(command(documents, tmp_path / "out", model.url, *more))
    assert not proxy.headers
    assert {headers["Authorization"] for headers in model.headers} == {"Bearer secret"}


def test_the_output_cannot_lie_among_the_documents(
    documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in (documents, documents / "rows"):
        told = refused(command(documents, out, "http://127.0.0.1:1/v1"), capsys)
        assert "lies among the documents" in told


def test_a_model_that_is_not_here_is_said(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("nobody/has-this", "models/no folder/of that name"):
        given = ["rows", str(documents), "-o", str(tmp_path / "out"), "--model", name]
        told = refused(given, capsys)
        assert f"--model {name}: no such folder, and no model in the Hub's cache" in told


def test_documents_that_hold_an_exam_stop_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = ROOT / "lm_eval_tasks" / "tasks" / "sample" / "900-A.jsonl"
    stems = [json.loads(line)["problem_text"] for line in questions.read_text("utf-8").splitlines()]
    (tmp_path / "old.txt").write_text("\n".join(stems), encoding="utf-8")
    with ScriptedModel() as model:
        told = refused(command(tmp_path / "old.txt", tmp_path / "out", model.url), capsys)
        assert "questions of exams on this machine (sample): old.txt" in told
        assert "--may-overlap sample" in told
        assert not model.asked


def test_an_interrupt_keeps_what_was_answered(documents: Path, tmp_path: Path) -> None:
    answers = tmp_path / "out" / "answers.jsonl"
    with ScriptedModel(seconds=0.2) as model:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainer", *command(documents, tmp_path / "out", model.url)],
            cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lines_of(answers, 8))
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "trainer: interrupted"
    assert answers.read_bytes().endswith(b"\n")
