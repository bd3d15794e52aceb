"""`jmed eval --resume FOLDER`: a run that was killed goes on, and ends as if it never had been."""

import json
import logging
import os
import re
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import lm_eval
import lm_eval.models
import lm_eval.models.huggingface  # for all children at once
import pytest
from lm_eval.tasks import TaskManager

from demo.tiny_model import build
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.resume import split_off
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models import jmed_hf
from lm_eval_tasks.resume import resumed
from lm_eval_tasks.resume.wrapped import resuming
from tests.e2e.lm_eval_run import run_lm_eval
from tests.e2e.servers import ChatServer

TASKS = ["jmed_sample_letters", "jmed_sample_mc"]
QUESTIONS = 8
TAKEN = re.compile(r"--resume: (\d+) of (\d+) (\w+) requests")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    build(folder)
    return folder


@cache
def manager() -> TaskManager:
    return TaskManager(include_path=str(TASKS_PATH), include_defaults=False)


def evaluate(model: Path, backend: str) -> dict[str, Any]:
    kind = {"hf": lm_eval.models.huggingface.HFLM, "jmed_hf": jmed_hf.JmedHF}[backend]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lm_eval.api.registry.get_model", lambda name: kind)
        found: dict[str, Any] = lm_eval.simple_evaluate(
            model=backend, model_args={"pretrained": str(model), "dtype": "float32"},
            tasks=TASKS, task_manager=manager(), limit=QUESTIONS, batch_size=4, device="cpu",
            bootstrap_iters=0,
        )  # fmt: skip
    return found


def score(
    model: Path, folder: Path, kept: Path, backend: str = "hf", dies_at: int = 0
) -> tuple[str, dict[str, int]] | None:
    """Score in a process of its own.

    Args:
        dies_at: it is killed at the n-th time that it brings something to the disk, with the last
            bytes not written.

    Returns:
        Samples and results, as text, and how many answers were taken from `kept`; None if killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manager()
    child = os.fork()
    if child == 0:
        try:
            _score(model, folder, kept, backend, dies_at)
        except BaseException:
            logging.getLogger("lm_eval").exception("the run failed")
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    log = (folder / "log").read_text(encoding="utf-8")
    assert os.waitstatus_to_exitcode(status) == 0, log[-3000:]
    taken = {kind: int(count) for count, _, kind in TAKEN.findall(log)}
    return (folder / "found").read_text(encoding="utf-8"), taken


def _score(model: Path, folder: Path, kept: Path, backend: str, dies_at: int) -> None:
    # lm-eval's own logger, which other tests of this process may have had set up
    logger = logging.getLogger("lm_eval")
    logger.handlers = [logging.FileHandler(folder / "log")]
    logger.setLevel("INFO")
    resumed.PART |= {"generate_until": 2, "loglikelihood": 8}
    _watch(dies_at)
    with resuming(kept):
        found = evaluate(model, backend)
    logged = {"samples": found["samples"], "results": found["results"]}
    (folder / "found").write_text(json.dumps(logged, default=str), encoding="utf-8")
    os._exit(0)


def _watch(dies_at: int) -> None:
    done, real = 0, os.fsync

    def fsync(handle: int) -> None:
        nonlocal done
        done += 1
        if done == dies_at:
            os.ftruncate(handle, os.fstat(handle).st_size - 9)
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync  # type: ignore[assignment]


@pytest.fixture(scope="module")
def never_killed(
    model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[str, dict[str, int]] | None]:
    @cache
    def done(backend: str) -> tuple[str, dict[str, int]] | None:
        folder = tmp_path_factory.mktemp("never")
        return score(model, folder, folder / "kept", backend)

    return done


@pytest.mark.parametrize(
    ("backend", "dies_at"),
    [
        ("hf", 4),
        ("jmed_hf", 7),
        *(pytest.param("hf", n, marks=pytest.mark.thorough) for n in (1, 3, 5, 8)),
        *(pytest.param("jmed_hf", n, marks=pytest.mark.thorough) for n in (1, 3, 4, 8)),
    ],
)
def test_a_run_killed_anywhere_goes_on_to_the_same_numbers(
    model: Path, never_killed: Any, tmp_path: Path, backend: str, dies_at: int
) -> None:
    """Of 8 writes: two of model_*.json, then two parts of generations, four of choices."""
    kept = tmp_path / "kept"
    assert score(model, tmp_path / "first", kept, backend, dies_at) is None
    done = score(model, tmp_path / "second", kept, backend)
    assert done is not None
    assert done[0] == never_killed(backend)[0]
    assert never_killed(backend)[1] == {"generate_until": 0, "loglikelihood": 0}
    assert done[1] == {
        "generate_until": 4 * min(max(dies_at - 3, 0), 2),
        "loglikelihood": 10 * max(dies_at - 5, 0),
    }


def test_the_command_keeps_and_takes_what_a_run_in_python_does(model: Path, tmp_path: Path) -> None:
    """A real process: of all that the first part of another one kept, it asks nothing again."""
    kept = tmp_path / "kept"
    assert score(model, tmp_path / "first", kept, dies_at=8) is None
    arguments = ("--model", "hf", "--model_args", f"pretrained={model},dtype=float32")
    limited = ("--tasks", ",".join(TASKS), "--limit", str(QUESTIONS), "--batch_size", "4")
    run = run_lm_eval(
        "lm_eval_tasks.cli", tmp_path / "out", "eval", *arguments, *limited,
        "--device", "cpu", "--resume", str(kept),
    )  # fmt: skip
    taken = {kind: int(count) for count, _, kind in TAKEN.findall(run.output)}
    assert taken == {"generate_until": 8, "loglikelihood": 30}
    assert run.results["config"]["use_cache"] == str(kept / "answers")
    assert [len(run.samples[task]) for task in TASKS] == [8, 8]


def chat(address: str, kept: Path, limit: int, **more: object) -> float:
    """Ask a server, by lm-eval's own class, and return what share of the answers could be read."""
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    arguments = {"model": "m", "base_url": f"{address}/v1/chat/completions", **more}
    with resuming(kept):
        found = lm_eval.simple_evaluate(
            model="local-chat-completions", model_args=arguments, apply_chat_template=True,
            tasks=TASKS[:1], task_manager=manager(), limit=limit, bootstrap_iters=0,
        )  # fmt: skip
    share: float = found["results"][TASKS[0]]["extracted,none"]
    return share


def test_a_server_is_asked_each_question_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faster on the way is no other model; another name is, at the same address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ChatServer("答え：a") as server:
        assert chat(server.address, tmp_path, 4) == 1
        assert len(server.conversations) == 4
        assert chat(server.address, tmp_path, 8, num_concurrent=2, timeout=50) == 1
        asked = [conversation[-1]["content"] for conversation in server.conversations]
        assert len(asked) == len(set(asked)) == 8
        assert chat(server.address, tmp_path, 8, model="other") == 1
        assert len(server.conversations) == 16
    assert chat(server.address, tmp_path, 8) == 1  # without a server


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--resume"], "no folder; allowed: --resume FOLDER"),
        (["--resume", ""], "no folder; allowed: --resume FOLDER"),
        (["--resume="], "no folder; allowed: --resume FOLDER"),
        (["--resume", "--tasks", "jmed"], "no folder"),
        (["--resume", "a", "--resume=b"], "stands 2 times"),
        (["--resume", __file__], "is a file; allowed: a folder"),
    ],
)
def test_the_flag_is_refused_before_anything_is_loaded(arguments: list[str], reason: str) -> None:
    with pytest.raises(JmedError, match=re.escape(reason)):
        split_off(arguments)


def test_the_flag_is_taken_out_of_lm_evals_own() -> None:
    given = ["--tasks", "jmed", "--resume", "kept", "--limit", "2"]
    assert split_off(given) == (Path("kept"), ["--tasks", "jmed", "--limit", "2"])
    assert split_off(["--resume=kept"]) == (Path("kept"), [])
    assert split_off(["--tasks", "jmed"]) == (None, ["--tasks", "jmed"])
    assert split_off(["--res", "x"]) == (None, ["--res", "x"])


def test_a_folder_that_cannot_be_used_is_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "answers_rank0.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(JmedError, match="line 1 is damaged"), resuming(tmp_path):
        lm_eval.simple_evaluate(model="hf", model_args="pretrained=/nonexistent", tasks=["x"])


def test_lm_evals_own_cache_is_refused_beside_it(model: Path, tmp_path: Path) -> None:
    with pytest.raises(JmedError, match="leave --use_cache out"), resuming(tmp_path):
        lm_eval.simple_evaluate(model="hf", model_args="", use_cache="x")
    assert lm_eval.simple_evaluate.__module__ == "lm_eval.evaluator"
