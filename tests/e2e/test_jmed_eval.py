"""`jmed eval`: what is refused before lm-eval starts, and a run against a chat server."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import lm_eval_tasks.cli.eval as run_lm_eval_module
from lm_eval_tasks.cli.eval import check_arguments
from lm_eval_tasks.errors import JmedError
from tests.e2e.lm_eval_run import Run, run_lm_eval
from tests.e2e.servers import ChatServer

CHAT = ("--model", "local-chat-completions")
LETTERS, COT = "jmed_sample_letters", "jmed_sample_cot"


def refusal(*arguments: str) -> str:
    """The message with which the arguments are refused."""
    with pytest.raises(JmedError) as caught:
        check_arguments(arguments)
    return str(caught.value)


@pytest.fixture(autouse=True)
def data_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments alone are checked here; test_missing_data.py has the exams' data."""
    monkeypatch.setattr(run_lm_eval_module, "_require_data", lambda tasks, options: None)


def write_config(folder: Path, content: str) -> str:
    file = folder / "run.yaml"
    file.write_text(content, encoding="utf-8")
    return str(file)


def test_chat_model_is_refused_log_likelihood_tasks_by_name() -> None:
    message = refusal(*CHAT, "--tasks", "jmed_sample_*")
    assert "local-chat-completions gives no log-likelihoods" in message
    assert "jmed_sample_letters_mc, jmed_sample_mc." in message
    assert "Ask for generated answers instead: --tasks " in message
    assert "jmed_igakuqa" not in message


@pytest.mark.parametrize(
    "tasks",
    [
        ["--tasks", LETTERS, "jmed_sample_mc"],
        ["--tasks", f"{LETTERS},jmed_sample_mc"],
        [f"--tasks={LETTERS},jmed_sample_mc"],
        ["-t", "jmed_sample_mc"],
        ["-tjmed_sample_mc"],
        ["--tasks", LETTERS, "--tasks", "jmed_sample_mc"],
        ["--tasks", "jmed_sample_m[c]", "--limit", "2"],
        ["--limit", "2", "--tasks", "*_mc"],
    ],
    ids=" ".join,
)
def test_tasks_are_found_however_they_are_given(tasks: Sequence[str]) -> None:
    assert "jmed_sample_mc" in refusal(*CHAT, *tasks)
    assert "jmed_sample_mc" in refusal(*tasks, "-M", "openai-chat-completions")
    check_arguments([*tasks, "--model", "hf"])


def test_tasks_of_every_repetition_count() -> None:
    assert "jmed_sample_mc" in refusal(*CHAT, "--tasks", "jmed_sample_mc", "--tasks", LETTERS)


@pytest.mark.parametrize(
    "arguments",
    [
        [*CHAT, "--task", "jmed_sample_mc"],
        ["--model=local-chat-completions", "--ta=jmed_sample_mc"],
        ["--include", "mine", "--tasks", LETTERS],
    ],
    ids=" ".join,
)
def test_shortened_flags_are_refused_as_whole_ones(arguments: Sequence[str]) -> None:
    refusal(*arguments)


@pytest.mark.parametrize(
    "model",
    [
        "anthropic-chat",
        "anthropic-chat-completions",
        "litellm-chat",
        "litellm-chat-completions",
        "local-chat-completions",
        "openai-chat-completions",
        "anthropic-completions",
        "azure-openai-chat-completions",
        "litellm",
    ],
)
def test_every_model_of_lm_eval_without_log_likelihoods_is_known(model: str) -> None:
    assert model in refusal("--model", model, "--tasks", "jmed_sample_mc")


@pytest.mark.parametrize(
    "tasks", [LETTERS, "jmed_sample_letters", f"{LETTERS},jmed_*_paper", "arc_*"]
)
def test_chat_model_may_take_the_rest_without_a_refusal(tasks: str) -> None:
    check_arguments([*CHAT, "--tasks", tasks])


def test_alternative_that_the_refusal_offers_is_allowed() -> None:
    offered = refusal(*CHAT, "--tasks", "jmed_*").rpartition("--tasks ")[2].strip("'")
    check_arguments([*CHAT, "--tasks", offered])


@pytest.mark.parametrize("tasks", ["jmed_sample_*", f"[{LETTERS}, jmed_sample_mc]"])
def test_config_file_counts(tmp_path: Path, tasks: str) -> None:
    config = write_config(tmp_path, f"model: local-chat-completions\ntasks: {tasks}\n")
    assert "jmed_sample_mc" in refusal("--config", config)
    assert "jmed_sample_mc" in refusal("-C", config)
    check_arguments(["--config", config, "--model", "hf"])
    check_arguments(["--config", config, "--tasks", LETTERS])


@pytest.mark.parametrize("tasks", [LETTERS, "jmed"])
def test_include_path_of_a_users_own_is_refused_for_our_tasks(tmp_path: Path, tasks: str) -> None:
    config = write_config(tmp_path, "include_path: mine\n")
    for given in (["--include_path", "mine"], ["--include_path=mine"], ["--config", config]):
        assert "jmed link" in refusal(*given, "--tasks", tasks)
        assert check_arguments([*given, "--tasks", "jmed_mine_letters"]) == "mine"


def test_broken_config_file_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path, "a: b: c\n")
    assert f"--config {config}" in refusal("--config", config)
    assert f"--config {tmp_path}/none" in refusal("--config", f"{tmp_path}/none")
    assert f"--config {tmp_path}" in refusal("--config", str(tmp_path))


def test_config_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_bytes("model: モデル".encode("shift_jis"))
    assert "--config" in refusal("--config", f"{tmp_path}/run.yaml")


def test_config_file_with_tasks_of_another_type_is_refused(tmp_path: Path) -> None:
    assert "tasks" in refusal("--config", write_config(tmp_path, "tasks: 5\n"))


def test_command_refuses_with_one_line_and_status_2() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "jmed"), "eval", *CHAT, "--tasks", "jmed_sample_*",
         "--model_args", "model=none,base_url=http://127.0.0.1:9/v1/chat/completions"],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("jmed: local-chat-completions gives no log-likelihoods")


@pytest.fixture(scope="module")
def chat() -> Iterator[ChatServer]:
    """A reasoning model that always answers a."""
    with ChatServer("<think>x</think>\n答え：a") as server:
        yield server


@pytest.fixture(scope="module")
def run(chat: ChatServer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of eight questions of each task against the chat server."""
    pytest.importorskip("tenacity", reason="needs lm_eval[api]")
    address = f"{chat.address}/v1/chat/completions"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        return run_lm_eval(
            "lm_eval_tasks.cli", tmp_path_factory.mktemp("chat"), "eval", *CHAT,
            "--model_args", f"model=mock,base_url={address},num_concurrent=1",
            "--tasks", f"{LETTERS},{COT}", "--limit", "8", "--apply_chat_template",
        )  # fmt: skip


@pytest.mark.parametrize("task", [LETTERS, COT])
def test_answers_behind_the_reasoning_are_read(run: Run, task: str) -> None:
    metrics = run.metrics(task)
    assert metrics["extracted"] == 1.0
    right = sum(sample["doc"]["gold"] == "a" for sample in run.samples[task])
    assert 0 < right < 8
    assert metrics["acc"] == metrics["acc_lenient"] == right / 8


def test_each_question_is_sent_once(run: Run, chat: ChatServer) -> None:
    asked = [conversation[-1]["content"] for conversation in chat.conversations]
    assert len(asked) == len(set(asked)) == 16
    for task in (LETTERS, COT):
        assert all(
            any(sample["doc"]["stem"] in text for text in asked) for sample in run.samples[task]
        )


def test_worked_examples_are_turns_of_their_own(run: Run, chat: ChatServer) -> None:
    roles = [[turn["role"] for turn in conversation] for conversation in chat.conversations]
    shots = ["user", "assistant"] * 3
    assert sorted(roles) == [["user"]] * 8 + [[*shots, "user"]] * 8, run.output[-2000:]
    for conversation in (c for c in chat.conversations if len(c) == 7):
        assert [turn["content"] for turn in conversation[1::2]] == ["b", "a,d", "e"]
        assert all(turn["content"].endswith("答え：") for turn in conversation[::2])


@pytest.mark.parametrize("task", [LETTERS, COT])
def test_results_tell_how_many_questions_were_kept(run: Run, task: str) -> None:
    questions = run.questions(task)
    assert questions["kept"] + sum(questions["left_out"].values()) == questions["published"] == 120
