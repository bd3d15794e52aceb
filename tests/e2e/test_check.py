"""`python -m trainer check` as a user runs it: what it prints, what it refuses, what it leaves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trl

from demo.tiny_model import build
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc
from tests.e2e.sft_run import ROOT, environment, recipe_of, write_recipe, write_rows


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check")
    build(folder / "base")
    write_rows(folder / "rows.jsonl", 100)
    return folder


def checked(
    place: Path, recipe: dict[str, Any], *flags: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    file = write_recipe(place / "recipe.yaml", recipe)
    return subprocess.run(
        [sys.executable, "-m", "trainer", "check", str(file), *flags],
        capture_output=True, text=True, cwd=ROOT, env=environment(**variables), check=False,
        timeout=300,
    )  # fmt: skip


def test_it_says_what_the_run_will_do(place: Path) -> None:
    recipe = recipe_of(place / "base", place / "rows.jsonl", place / "run")
    recipe["data"]["eval_fraction"] = 0.1
    recipe["train"] |= {
        "eval_strategy": "steps",
        "deepspeed": str(ROOT / "ds_configs" / "zero2.json"),
    }
    done = checked(place, recipe, "--gpu", "l4", "--gpus", "2", "--show", "1")
    assert done.returncode == 0, done.stderr
    screen = done.stdout[done.stdout.index("With other files of ds_configs/") :].splitlines()
    assert len(screen) < 40  # what it concludes, at the end
    for line in (
        "100 read from",
        "10 held out",
        "90 to train on",
        "batch 8 = 4 per device × 1 accumulation × 2 processes",
        "zero2  ← this recipe",
        "largest that fits",
        "This run on 2 × l4 (22.5 GiB)",
        "of 22.5 GiB: fits",
        "6 = 0.50 epochs of 12",
        "min, likely between",
        "GPU memory",
        "host memory",
        "are free in",
        "no published run on this card stands behind it",
        "compared: sample",
        "zero2.json: valid for 2 processes",
        "Everything was checked.",
    ):
        assert line in done.stdout
    assert "Traceback" not in done.stderr
    assert not (place / "run").exists()


def test_packing_is_counted_and_hours_need_a_card(place: Path) -> None:
    recipe = recipe_of(place / "base", place / "rows.jsonl", place / "run", packing=True)
    done = checked(place, recipe, "--gpu", "24GB")
    assert "hours: name the card, --gpu a100-80, or its rate, --tflops" in done.stdout
    assert "likely" not in done.stdout
    assert "packing: 100 examples in " in done.stdout
    assert "% full" in done.stdout


def test_a_thought_that_would_be_closed_is_said_before_it_is_trained(place: Path) -> None:
    """With Qwen3's chat template; and which setting avoids it."""
    base = place / "thinking"
    shutil.copytree(place / "base", base)
    template = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"
    text = template.read_text(encoding="utf-8").replace("<|im_end|>", "</s>")
    (base / "chat_template.jinja").write_text(text, encoding="utf-8")
    recipe = recipe_of(base, place / "rows.jsonl", place / "run", max_length=2048)
    recipe["data"] = {
        "datasets": [{"exam": "sample"}], "protocol": "letters", "apply_chat_template": True,
        "may_overlap": ["sample"],
    }  # fmt: skip
    done = checked(place, recipe)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "116 answers have no thought" in words
    assert "data.chat_template_kwargs: {enable_thinking: false} puts that into the prompt" in words
    assert "4 left out of exam sample: needs a figure" in words
    recipe["data"]["chat_template_kwargs"] = {"enable_thinking": False}
    assert "have no thought" not in " ".join(checked(place, recipe).stdout.split())


def test_rows_that_hold_an_exam_stop_it_and_are_named(place: Path) -> None:
    """The sample exam's own prompts as training rows."""
    docs = [to_doc(q) for q in load_exam("sample").questions if q.choices and not q.unusable]
    rows = [{"prompt": prompts.paper(doc), "completion": prompts.paper_target(doc)} for doc in docs]
    file = place / "leaked.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = recipe_of(place / "base", file, place / "run", max_length=2048)
    done = checked(place, recipe)
    assert done.returncode == 2
    assert "may_overlap: [sample]" in done.stderr
    assert f"{file}:1" in done.stderr
    recipe["data"]["may_overlap"] = ["sample"]
    declared = checked(place, recipe)
    assert declared.returncode == 0, declared.stderr
    assert "declared in data.may_overlap" in declared.stdout


def test_what_is_not_here_is_said_and_the_rest_is_planned(place: Path) -> None:
    recipe = recipe_of(place / "base", place / "absent.jsonl", place / "run")
    recipe["model"]["model_name_or_path"] = "Qwen/Qwen3-8B"
    done = checked(place, recipe, "--tflops", "100")
    assert done.returncode == 0, done.stderr
    assert "at 100 TFLOP/s a GPU (--tflops)" in done.stdout
    assert "Not checked" in done.stdout
    assert "absent.jsonl: no such file" in done.stdout
    assert "tokenizer cannot be had" in " ".join(done.stdout.split())
    assert "8,190,735,360 parameters" in " ".join(done.stdout.split())


def test_an_unreachable_hub_is_found_out_once_and_fast(place: Path) -> None:
    """The client's own five tries for each file would print "Retrying"."""
    recipe = recipe_of(place / "base", place / "rows.jsonl", place / "run")
    recipe["model"]["model_name_or_path"] = "Qwen/Qwen3-8B"
    endpoint = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = checked(place, recipe, **endpoint)
    assert done.returncode == 0, done.stderr
    assert "the Hub cannot be reached" in done.stderr
    assert "Retry" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--gpu", "big"], "--gpu: found 'big'; allowed: the memory of one card (24GB), or one of"),
        (["--set", "train.learning_rte=1"], "did you mean 'learning_rate'"),
        (["--gpus", "3"], "not a multiple of 4 per device × 3"),
    ],
)
def test_a_fault_is_one_line(place: Path, flags: list[str], message: str) -> None:
    recipe = recipe_of(place / "base", place / "rows.jsonl", place / "run")
    done = checked(place, recipe, *flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("trainer: ")
    assert "Traceback" not in done.stderr
