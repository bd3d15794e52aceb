"""Real models, built on the spot, scored by real lm_eval processes."""

import json
from pathlib import Path

import pytest

from demo.tiny_model import build
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.protocols import split_task
from tests.conftest import local_exams
from tests.e2e.lm_eval_run import Run, run_lm_eval, run_module
from tests.recorded.record_prompts import tasks_of

HERE = ("--include_path", str(TASKS_PATH), "--device", "cpu", "--batch_size", "8")
TASKS = tasks_of(local_exams(), vision=False)


@pytest.fixture(scope="module", params=["llama", "gpt_neox"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    build(folder, request.param)
    return folder


def score(model: Path, out: Path, *arguments: str) -> Run:
    asked = ("--model", "hf", "--model_args", f"pretrained={model}", *HERE, *arguments)
    return run_lm_eval("lm_eval", out, *asked)


def test_every_task_runs(model: Path, tmp_path: Path) -> None:
    # all exams take minutes; one architecture is enough for those that differ in their data only
    few = [task for task in TASKS if split_task(task)[0] in ("sample", "igakuqa", "igakuqa_en")]
    tasks = TASKS if "llama" in model.name else few
    asked = ("--tasks", ",".join(tasks), "--limit", "2", "--gen_kwargs", "max_gen_toks=16")
    run = score(model, tmp_path, *asked)
    for task in tasks:
        assert len(run.samples[task]) == 2
        metrics = run.metrics(task)
        read = task.endswith(
            ("_letters", "_cot")
        )  # where there is no published rule: lenient alone
        name = "gestalt_acc" if "_paper" in task else "acc_lenient" if read else "acc"
        assert 0 <= metrics[name] <= 1
        assert f"{name}_stderr" in metrics


def test_the_paper_generates_256_tokens_and_scores_its_own_definition(
    model: Path, tmp_path: Path
) -> None:
    run = score(model, tmp_path, "--tasks", "jmed_sample_paper", "--limit", "4")
    (settings,) = {json.dumps(s["arguments"]["gen_args_0"]["arg_1"])
                   for s in run.samples["jmed_sample_paper"]}  # fmt: skip
    assert json.loads(settings)["max_gen_toks"] == 256
    assert json.loads(settings)["until"] == ["</s>"]
    assert all(len(s["resps"][0][0]) > 256 for s in run.samples["jmed_sample_paper"])


def test_chat_template_makes_turns_of_the_worked_examples(model: Path, tmp_path: Path) -> None:
    run = score(model, tmp_path, "--tasks", "jmed_sample_letters,jmed_sample_letters_mc",
                "--limit", "4", "--apply_chat_template")  # fmt: skip
    for task in ("jmed_sample_letters", "jmed_sample_letters_mc"):
        prompt = run.samples[task][0]["arguments"]["gen_args_0"]["arg_0"]
        assert prompt.count("<|user|>") == 4
        assert prompt.count("<|assistant|>") == 4
        assert prompt.endswith("<|assistant|>\n")


def test_a_run_can_choose_sittings_and_context(tmp_path: Path, igakuqa_files: Path) -> None:
    assert igakuqa_files.is_dir()
    options = {"jmed": {"sittings": ["116"], "context": "published", "figures": "keep"}}
    run = run_lm_eval(
        *("lm_eval", tmp_path, "--model", "dummy", "--include_path", str(TASKS_PATH)),
        *("--tasks", "jmed_igakuqa_letters", "--metadata", json.dumps(options)),
    )
    docs = [sample["doc"] for sample in run.samples["jmed_igakuqa_letters"]]
    assert len(docs) == 400
    assert {doc["sitting"] for doc in docs} == {"116"}
    assert {doc["context"] for doc in docs} == {""}
    assert run.questions("jmed_igakuqa_letters")["left_out"] == {"another sitting": 1600}


def test_an_unknown_option_names_the_allowed_ones() -> None:
    options = json.dumps({"jmed": {"figure": "keep"}})
    asked = ("--model", "dummy", "--tasks", "jmed_sample_mc", "--metadata", options)
    done = run_module("lm_eval_tasks.cli", "eval", *asked, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "jmed: --metadata key 'jmed': unknown key 'figure'; did you mean 'figures'? "
        "(allowed: context, figures, max_pixels, permute, seed, sittings)"
    )
