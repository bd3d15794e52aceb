"""What is refused of engines whose scores would be wrong."""

import json
from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli import engines
from lm_eval_tasks.cli.eval import OWN_MODELS, check_arguments
from lm_eval_tasks.errors import JmedError

LETTERS, MC, LETTERS_MC = (f"jmed_sample_{name}" for name in ("letters", "mc", "letters_mc"))
ADAPTER = "pretrained=x,lora_local_path=y"


@pytest.fixture(autouse=True)
def vllm_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: name)


def refusal(model: str, model_args: str, tasks: str) -> str:
    with pytest.raises(JmedError) as caught:
        check_arguments(["--model", model, "--model_args", model_args, "--tasks", tasks])
    return str(caught.value)


@pytest.mark.parametrize("tasks", [MC, LETTERS_MC, f"{LETTERS},{MC}", "jmed_sample_*"])
def test_log_likelihoods_of_an_adapter_on_vllm_are_refused(tasks: str) -> None:
    message = refusal("vllm", ADAPTER, tasks)
    assert "vllm-project/vllm#51594" in message
    assert "trainer merge" in message
    assert "--model jmed_hf" in message


def test_labels_of_an_adapter_on_jmed_vllm_are_allowed() -> None:
    check_arguments(["--model", "jmed_vllm", "--model_args", ADAPTER, "--tasks", LETTERS_MC])
    assert f"({MC})" in refusal("jmed_vllm", ADAPTER, f"{LETTERS_MC},{MC}")


@pytest.mark.parametrize("model", ["hf", "vllm", "jmed_vllm"])
def test_generated_answers_and_merged_models_are_allowed(model: str) -> None:
    check_arguments(["--model", model, "--model_args", ADAPTER, "--tasks", LETTERS])
    check_arguments(["--model", model, "--model_args", "pretrained=x", "--tasks", MC])


@pytest.mark.parametrize("model", ["hf", "jmed_hf", "vllm", "jmed_vllm"])
def test_thinking_before_a_log_likelihood_is_refused(model: str) -> None:
    message = refusal(model, "pretrained=x,enable_thinking=True,think_end_token=y", LETTERS_MC)
    assert "before any thought: jmed_sample_letters_mc" in message
    offered = message.rpartition("--tasks ")[2]
    given = "pretrained=x,enable_thinking=True,think_end_token=y"
    check_arguments(["--model", model, "--model_args", given, "--tasks", offered])
    off = "pretrained=x,enable_thinking=False"
    check_arguments(["--model", model, "--model_args", off, "--tasks", MC])


def test_thinking_among_the_arguments_of_the_template_counts() -> None:
    on = json.dumps({"pretrained": "x", "chat_template_args": {"enable_thinking": True}})
    assert "before any thought" in refusal("hf", on, MC)
    for model, tasks in (("vllm", LETTERS), ("jmed_vllm", MC)):
        assert "drops enable_thinking" in refusal(model, on, tasks)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "vllm", "-a", "pretrained=x", "lora_local_path=y"],
        ["--model", "vllm", "--model_args", '{"pretrained": "x", "lora_local_path": "y"}'],
        ["--model", "vllm", "--model_args", "pretrained=x", "--model_args", "lora_local_path=y"],
    ],
    ids=" ".join,
)
def test_arguments_count_however_they_are_given(arguments: Sequence[str]) -> None:
    with pytest.raises(JmedError, match="lora_local_path"):
        check_arguments([*arguments, "--tasks", MC])


@pytest.mark.parametrize("form", ["{pretrained: x, lora_local_path: y}", ADAPTER])
def test_arguments_of_a_config_file_count(form: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"model: vllm\nmodel_args: {form}\ntasks: {MC}\n", encoding="utf-8")
    with pytest.raises(JmedError, match="lora_local_path"):
        check_arguments(["--config", str(file)])
    # as in lm-eval, those of the command line take the place of the file's
    check_arguments(["--config", str(file), "--model_args", "pretrained=x"])


@pytest.mark.parametrize("model", ["vllm", "jmed_vllm"])
def test_an_environment_without_vllm_is_told(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert "pip install 'lm_eval[vllm]'" in refusal(model, "pretrained=x", LETTERS)
    check_arguments(["--model", "hf", "--model_args", "pretrained=x", "--tasks", LETTERS])


def test_malformed_model_args_are_refused() -> None:
    assert "expected `key=value`" in refusal("vllm", "pretrained", MC)


def test_our_models_are_those_of_setup_cfg() -> None:
    config = ConfigParser()
    config.read(TASKS_PATH.parents[1] / "setup.cfg", encoding="utf-8")
    lines = config["options.entry_points"]["lm_eval.models"].split("\n")
    assert dict(line.split(" = ") for line in lines if line) == OWN_MODELS
    assert set(OWN_MODELS) & set(engines.VLLM) == {"jmed_vllm"}


def test_the_tasks_of_a_private_exam_count(tmp_path: Path) -> None:
    (tmp_path / "jmed_stones_mc.yaml").write_text("task: jmed_stones_mc\n", encoding="utf-8")
    where = ["--include_path", str(tmp_path), "--tasks", "jmed_stones_*"]
    with pytest.raises(JmedError, match=r"#51594.*merge"):
        check_arguments(["--model", "vllm", "--model_args", ADAPTER, *where])
    with pytest.raises(JmedError, match=r"gives no log-likelihoods.*jmed_stones_letters"):
        check_arguments(["--model", "local-chat-completions", *where])


def test_braces_within_pairs_are_one_message_that_says_how() -> None:
    message = refusal("hf", 'pretrained=x,chat_template_args={"enable_thinking":true}', LETTERS)
    assert 'one JSON object: {"pretrained"' in message
    assert "Traceback" not in message
