"""Questions with images asked of a chat server, which looks at what it is sent, knows the key."""

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lm_eval import evaluator, simple_evaluate
from lm_eval.tasks import TaskManager
from PIL import Image

from lm_eval_tasks.cli.main import main
from tests.conftest import local_exams
from tests.e2e.lm_eval_run import Run, run_lm_eval
from tests.e2e.vision_exam import NAME, SHOWN, TASK, TEXT_TASK, pictures, write_vision_exam
from tests.e2e.vision_server import Asked, VisionServer, answers_of, pixels_of

PUBLISHED = "naoto-iwase/JMLE2026-Bench/76c4b29475d3008072a77a091a0d27df049dadcd"
WHOLE = "jmedvision_jmle120_letters"


@dataclass(frozen=True)
class Served:
    """A run, what the server was asked in it, where it lies, and the server's complaints."""

    run: Run
    asked: list[Asked]
    faults: list[str]
    out: Path


def serve(exam: str, out: Path, *arguments: str, max_images: int = 2, at_once: int = 1) -> Served:
    """Run `jmed eval` against a server that answers as the exam's key does."""
    with VisionServer(answers_of(exam)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        address = f"{server.address}/v1/chat/completions"
        run = run_lm_eval(
            "lm_eval_tasks.cli", out, "eval", "--model", "local-chat-completions", "--model_args",
            f"model=key,base_url={address},max_images={max_images},num_concurrent={at_once}",
            "--apply_chat_template", *arguments,
        )  # fmt: skip
        return Served(run, server.asked, server.faults, out)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    return write_vision_exam(tmp_path_factory.mktemp("sheet"))


@pytest.fixture(scope="module")
def shown(exam: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Four requests at a time, by the real command."""
    where = ("--include_path", str(exam), "--tasks", TASK)
    out = tmp_path_factory.mktemp("shown")
    return serve(str(exam / f"{NAME}.card"), out, *where, at_once=4)


def ask(exam: Path, options: dict[str, Any], *others: str) -> tuple[list[Asked], dict[str, Any]]:
    """What the server is asked, and what the results say of the images, of a run in this process.

    Args:
        others: tasks that are asked before it in the same call.

    lm-eval's own tasks are left out, which take a command the most of its time.
    """
    tasks = TaskManager(include_path=str(exam), include_defaults=False, metadata={"jmed": options})
    with VisionServer(answers_of(str(exam / f"{NAME}.card"))) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NO_PROXY", "127.0.0.1")
            patch.setattr(evaluator, "add_env_info", lambda results: None)
            address = f"{server.address}/v1/chat/completions"
            found = simple_evaluate(
                model="local-chat-completions",
                model_args=f"model=key,base_url={address},max_images=2",
                tasks=[*others, TASK],
                task_manager=tasks,
                apply_chat_template=True,
                bootstrap_iters=0,
            )
        assert not server.faults
        return server.asked, found["configs"][TASK]["metadata"]["questions"]["images"]


def by_number(asked: list[Asked]) -> dict[int, Asked]:
    """Number of the invented question -> its request; each comes once."""
    found = {number: a for a in asked for number in range(1, 9) if f"山{number}に" in a.text}
    assert len(asked) == len(found) == 8
    return found


def test_each_question_comes_with_its_images_in_their_order(shown: Served) -> None:
    """Those without any have none, also next to those with some."""
    sent = {name: pixels_of(picture) for name, picture in pictures().items()}
    for number, asked in by_number(shown.asked).items():
        wanted = [sent[name] for name in SHOWN[number - 1].split(",") if name]
        assert list(asked.pictures) == wanted
        assert asked.text.count("<image>") == len(wanted)
        assert asked.earlier == 6  # the worked examples, which are texts
    assert not shown.faults


def test_answers_stand_at_their_questions(shown: Served) -> None:
    metrics = shown.run.metrics(TASK)
    assert metrics["acc_lenient"] == metrics["extracted"] == 1.0


def test_the_results_file_says_what_was_shown(shown: Served) -> None:
    images = shown.run.questions(TASK)["images"]
    size = images.pop("bytes")
    assert size > 100_000
    assert images == {"withheld": False, "questions": 4, "files": 4, "most": 2, "max_pixels": 0}


def test_max_pixels_reaches_the_server(exam: Path) -> None:
    """Shapes are kept, and what is small enough is not touched."""
    requests, images = ask(exam, {"max_pixels": 3000})
    asked = by_number(requests)
    (large,), (small,) = asked[7].pictures, asked[5].pictures
    assert large.size == (63, 47)
    assert small == pixels_of(pictures()["c"])
    assert all(p.size[0] * p.size[1] <= 3000 for a in requests for p in a.pictures)
    assert images["max_pixels"] == 3000


def test_blind_asks_the_same_questions_without_images(shown: Served, exam: Path) -> None:
    requests, images = ask(exam, {"figures": "blind"})
    assert not any(asked.pictures for asked in requests)
    bare = {asked.text.replace("<image>", "").lstrip("\n") for asked in shown.asked}
    assert {asked.text for asked in requests} == bare
    assert len(requests) == 8
    assert images["withheld"] is True


def test_lm_eval_drops_all_images_beside_a_text_task(exam: Path) -> None:
    """Why `jmed eval` refuses such a call. Where this fails lm-eval has mended it."""
    requests, images = ask(exam, {}, TEXT_TASK)
    assert len(requests) == 4 + 8
    assert sum("<image>" in asked.text for asked in requests) == images["questions"] == 4
    assert not any(asked.pictures for asked in requests)


@pytest.fixture(scope="module")
def folder() -> Path:
    """The published repository of the 120th exam with its images, or a skip."""
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    found = Path(os.environ.get("JMED_MIRROR", "")) / PUBLISHED
    if "jmle120" not in local_exams() or not (found / "images").is_dir():
        pytest.skip(f"JMED_MIRROR has no {PUBLISHED}/images: published images are not here")
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["shown", "blind"])
def whole(
    folder: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Served, bool]:
    """All 400 questions of the 120th exam."""
    blind = request.param
    options = ("--metadata", '{"jmed": {"figures": "blind"}}') if blind else ()
    out = tmp_path_factory.mktemp("whole")
    return serve("jmle120", out, "--tasks", WHOLE, *options, at_once=4), blind


def test_the_119th_exam_ends_in_a_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its marks are published. Blind, since few machines have its images."""
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    if "jmle119" not in local_exams():
        pytest.skip("JMED_MIRROR has no jmle119: published data is not here")
    options = ("--metadata", '{"jmed": {"figures": "blind"}}')
    served = serve("jmle119", tmp_path, "--tasks", "jmedvision_jmle119_letters", *options)
    assert (len(served.asked), served.faults) == (392, [])
    main(["verdict", str(tmp_path), "--json"])
    (run,) = json.loads(capsys.readouterr().out)
    assert run["verdicts"][0]["passed"] is True
    main(["verdict", str(tmp_path)])
    assert "合格" in capsys.readouterr().out


def rows_of(folder: Path) -> list[dict[str, Any]]:
    files = [f for f in folder.rglob("*.json") if "images" not in f.parts]
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    return [row for row in rows if isinstance(row, dict) and "clinical_images" in row]


def test_all_of_the_120th_exam_is_asked_and_ends_in_a_verdict(
    whole: tuple[Served, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose own pass marks are not published, so that it says those of the year before."""
    served, blind = whole
    assert not served.faults
    assert len(served.asked) == 400
    questions = served.run.questions(WHOLE)
    assert (questions["kept"], questions["images"]["withheld"]) == (400, blind)
    main(["verdict", str(served.out), "--json"])
    (run,) = json.loads(capsys.readouterr().out)
    (verdict,) = run["verdicts"]
    assert (verdict["required"], verdict["general"]) == (200, 300)
    main(["verdict", str(served.out)])
    assert "400/400" in capsys.readouterr().out


def test_the_images_sent_are_those_that_the_source_gives(
    whole: tuple[Served, bool], folder: Path
) -> None:
    """Read from its rows and files, past our readers."""
    served, blind = whole
    samples = served.run.samples[WHOLE]
    found = {sample["doc"]["id"]: sample["doc"]["images"] for sample in samples}
    if blind:
        assert not any(found.values())
        assert not any(asked.pictures for asked in served.asked)
        return
    sent = Counter(picture for asked in served.asked for picture in asked.pictures)
    rows = rows_of(folder)
    named = {row["question_id"]: row["clinical_images"] for row in rows if row["clinical_images"]}
    assert sum(map(len, named.values())) == 123
    assert len(named) == 98
    files = {name: Path(name).name for names in named.values() for name in names}
    pixels = {
        name: pixels_of(Image.open(folder / "images" / file).convert("RGB"))
        for name, file in files.items()
    }
    for number, names in named.items():
        assert {Path(name).name for name in names} <= {
            Path(image["file"]).name for image in found[number]
        }
    wanted = Counter(pixels[name] for names in named.values() for name in names)
    # one follow-up more, of whose case's figure its text speaks
    assert (sent - wanted).total() == 1
    assert not wanted - sent
