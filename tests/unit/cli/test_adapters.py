"""--model_args that name several adapters: the calls of lm-eval that come of them."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lm_eval._cli.utils import MergeDictAction

from lm_eval_tasks.cli.adapters import LmEvalParser, split_adapters
from lm_eval_tasks.cli.eval import run_lm_eval
from lm_eval_tasks.errors import JmedError

JMED_HF = ("--model", "jmed_hf", "--tasks", "x", "--model_args")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training with milestones, as the trainer leaves it, and another."""
    monkeypatch.chdir(tmp_path)
    for name in ("run", "run/step-900", "run/step-30", "run/step-3000", "other/step-30", "a,b=c"):
        adapter(Path(name))
    Path("run/tensorboard").mkdir()
    Path("run/step-notes.txt").write_text("x")


def adapter(folder: Path, **settings: Any) -> None:
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "base_model_name_or_path": "org/base", **settings}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"")


def calls(*arguments: str) -> list[dict[str, Any]]:
    """What lm-eval reads of --model_args in each call."""
    parser = LmEvalParser(add_help=False)
    parser.add_argument("--model")
    parser.add_argument("--model_args", "-a", nargs="+", action=MergeDictAction)
    found = []
    for run in split_adapters(arguments):
        args, others = parser.parse_known_args(run.arguments)
        assert args.model == "jmed_hf"
        assert others == ["--tasks", "x"]
        assert run.adapter == args.model_args.get("peft")
        found.append(args.model_args)
    return found


def refusal(*arguments: str) -> str:
    with pytest.raises(JmedError) as caught:
        split_adapters(arguments)
    return str(caught.value)


def test_each_adapter_has_a_call_as_it_would_have_alone() -> None:
    given = "pretrained=org/base,dtype=float32,peft=None,peft=run/step-30,peft=other/step-30"
    rest = {"pretrained": "org/base", "dtype": "float32"}
    wanted = [rest, {**rest, "peft": "run/step-30"}, {**rest, "peft": "other/step-30"}]
    assert calls(*JMED_HF, given) == wanted
    assert [list(one) for one in calls(*JMED_HF, given)] == [list(one) for one in wanted]


@pytest.mark.parametrize(
    "given",
    [
        ["pretrained=org/base,peft=None,peft=run/step-*"],
        ["pretrained=org/base", "peft=None", "peft=run/step-*"],
        ["pretrained=org/base,peft=None", "--model_args", "peft=run/step-*"],
        ["peft=None,pretrained=org/base", "-a", "peft=run/step-*"],
        ["pretrained=org/base,peft=[None,'run/step-*']"],
        ['{"pretrained": "org/base", "peft": [null, "run/step-*"]}'],
        ['{"pretrained": "org/base", "peft": null}', "--model_args", '{"peft": ["run/step-*"]}'],
    ],
    ids=" ".join,
)
def test_forms_mean_the_same(given: Sequence[str]) -> None:
    found = calls(*JMED_HF, *given)
    assert [one.get("peft") for one in found] == [
        None, "run/step-30", "run/step-900", "run/step-3000",
    ]  # fmt: skip
    assert all({**one, "peft": 0} == {"pretrained": "org/base", "peft": 0} for one in found)
    assert "peft" not in found[0]  # lm-eval would call the results folder None


def test_a_config_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("model: jmed_hf\nmodel_args: {pretrained: org/base, peft: [null, run]}\n")
    first, second = split_adapters(["--config", str(file), "--limit", "3"])
    assert first.arguments == ["--limit", "3", "--config", str(file), "--model_args",
                               '{"pretrained": "org/base"}']  # fmt: skip
    assert second.arguments == [*first.arguments, "--model_args", '{"peft": "run"}']


def test_a_path_that_lm_eval_would_read_otherwise_arrives() -> None:
    given = json.dumps({"pretrained": "org/base", "peft": ["a,b=c", "run"]})
    assert [one["peft"] for one in calls(*JMED_HF, given)] == ["a,b=c", "run"]


@pytest.mark.parametrize(
    "given",
    [
        ["--model", "hf", "--model_args", "pretrained=x,peft=run", "--tasks", "x"],
        ["--model", "jmed_hf", "--model_args", "pretrained=x,peft=None", "--tasks", "x"],
        ["--tasks", "x", "--model_args", "pretrained=x", "--model_args", "pretrained=x"],
        ["--tasks", "x", "-M", "vllm", "-a", "pretrained=x,max_lora_rank=4"],
    ],
)
def test_one_model_is_left_to_lm_eval_as_it_is(given: list[str]) -> None:
    (run,) = split_adapters(given)
    assert run.arguments == given


@pytest.mark.parametrize("model", ["hf", "vllm", "jmed_hf_multimodal"])
def test_other_models_do_not_take_the_last_of_several_in_silence(model: str) -> None:
    given = ("--model", model, "--model_args")
    twice = refusal(*given, "pretrained=x,peft=run,peft=other/step-30")
    assert "peft stands 2 times (run, other/step-30)" in twice
    assert "--model jmed_hf" in twice
    assert "--model jmed_hf" in refusal(*given, "pretrained=x,peft=run/step-*")
    assert "--model jmed_hf" in refusal(*given, '{"pretrained": "x", "peft": ["run"]}')


@pytest.mark.parametrize("name", ["pretrained", "lora_local_path", "model", "delta"])
def test_other_names_of_models_stand_once(name: str) -> None:
    for model in ("hf", "jmed_hf"):
        message = refusal("--model", model, "--model_args", f"{name}=a,{name}=b")
        assert f"{name} stands 2 times (a, b)" in message


def test_a_repeated_key_of_json_is_refused() -> None:
    assert "peft" in refusal(*JMED_HF, '{"pretrained": "x", "peft": "run", "peft": "other"}')


@pytest.mark.parametrize(
    ("peft", "why"),
    [
        ("peft=run,peft=./run/", "peft=./run/: stands twice"),
        ("peft=run,peft=run", "peft=run: stands twice"),
        ("peft=None,peft=None", "peft=None: stands twice"),
        ("peft=run/none-*", "peft=run/none-*: no such folders"),
        ("peft=run,peft=", "found ''"),
        ("peft=run,peft=5", "found 5"),
        ("peft=run,peft=gone", "peft=gone: no such folder"),
        ("peft=run/*", "peft=run/tensorboard: holds neither adapter_model.safetensors nor"),
        ("peft=run,peft=other,delta=x", "delta and several adapters"),
        ("peft=run,peft=other/step-30,autogptq=True", "autogptq"),
        ("peft=run,peft=other/step-30,tp_plan=auto", "tp_plan"),
    ],
)
def test_what_cannot_be_scored_is_said_before_anything_is_loaded(peft: str, why: str) -> None:
    assert why in refusal(*JMED_HF, f"pretrained=org/base,{peft}")


def test_every_adapter_that_is_refused_is_named() -> None:
    message = refusal(*JMED_HF, "pretrained=org/base,peft=gone,peft=run,peft=run/tensorboard")
    assert message.splitlines()[0] == "nothing was run:"
    assert [line.split(":")[0] for line in message.splitlines()[1:]] == [
        "  peft=gone", "  peft=run/tensorboard",
    ]  # fmt: skip


def test_results_of_two_would_not_lie_in_one_folder() -> None:
    adapter(Path("other__step-30"))
    message = refusal(*JMED_HF, "pretrained=org/base,peft=other/step-30,peft=other__step-30")
    assert "one folder with those of other/step-30 (other__step-30)" in message


def test_lm_evals_cache_is_refused_for_it_knows_no_adapter() -> None:
    several = (*JMED_HF, "pretrained=org/base,peft=None,peft=run")
    assert "--resume" in refusal(*several, "--use_cache", "x")
    assert "--resume" in refusal(*several, "-c", "x")


@pytest.mark.parametrize(
    ("trained", "scored", "is_other"),
    [
        ("org/base", "org/base", False),
        ("org/base", "org/base-chat", True),
        ("unsloth/Base-8B-unsloth-bnb-4bit", "org/base-8b", False),
        ("org/base", "/cache/models--org--base/snapshots/abc", False),
        ("org/base", "/cache/models--org--other/snapshots/abc", True),
        ("org/base", "weights", False),  # which may be a copy
        ("/gone/base", "org/other", False),
        ("weights", "copy", False),
        ("weights", "changed", True),
        ("", "org/base", False),
    ],
)
def test_another_base_is_refused_where_it_is_surely_another(
    trained: str, scored: str, is_other: bool
) -> None:
    for folder, content in (("weights", b"a" * 99), ("copy", b"a" * 99), ("changed", b"b" * 99)):
        Path(folder).mkdir()
        Path(folder, "model.safetensors").write_bytes(content)
    adapter(Path("tuned"), base_model_name_or_path=trained)
    given = (*JMED_HF, f"pretrained={scored},peft=None,peft=tuned")
    if is_other:
        assert f"peft=tuned: is of the base {trained}" in refusal(*given)
    else:
        assert len(calls(*given)) == 2


def test_a_run_that_fails_leaves_those_before_it_and_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def cli_evaluate() -> None:
        asked.append(sys.argv)
        if len(asked) == 2:
            raise RuntimeError("out of memory")

    monkeypatch.setattr("lm_eval.__main__.cli_evaluate", cli_evaluate)
    with pytest.raises(RuntimeError, match="out of memory"):
        run_lm_eval([*JMED_HF, "pretrained=org/base,peft=None,peft=run,peft=run/step-30"])
    assert [argv[-1] for argv in asked] == ["pretrained=org/base", '{"peft": "run"}']
    assert capsys.readouterr().err.splitlines() == [
        "jmed: 1 of 3: the base",
        "jmed: 2 of 3: peft=run",
        "jmed: ended at 2 of 3: peft=run; the results of those before are written",
    ]


def test_help_tells_of_what_lm_eval_does_not_know(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lm_eval.__main__.cli_evaluate", lambda: None)
    run_lm_eval(["--help"])
    said = capsys.readouterr().out
    assert "--resume FOLDER" in said
    assert "peft=None,peft=RUN/step-*" in said


@pytest.mark.parametrize("model", ["hf", "jmed_hf", "vllm"])
def test_what_lm_eval_drops_behind_a_json_object_is_refused(model: str) -> None:
    """It would score the base."""
    behind = ["--model_args", '{"pretrained": "org/base"}', "peft=run"]
    with pytest.raises(JmedError, match="drops what stands behind a JSON object: peft=run"):
        split_adapters(["--model", model, *behind])
    apart = ["--model_args", '{"pretrained": "org/base"}', "--model_args", "peft=run"]
    assert split_adapters(["--model", model, *apart])[0].arguments == ["--model", model, *apart]
