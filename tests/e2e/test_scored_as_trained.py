"""The commands that a run prints, run as they are printed: they ask what was trained."""

import json
import os
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import trl
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from demo.tiny_model import build
from tests.e2e.sft_run import environment, recipe_of, write_recipe
from trainer.data.dataset import Prepared, prepare
from trainer.data.mixture import mix
from trainer.recipe.recipe import read_recipe
from trainer.training.run import run

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
END = "<|im_end|>"
SETTINGS: dict[str, dict[str, Any]] = {
    "no thought": {
        "protocol": "letters",
        "fewshot_as_multiturn": False,
        "system_instruction": "医師として、'記号'だけを答える。",
        "chat_template_kwargs": {"enable_thinking": False},
    },
    "closing the thought": {"protocol": "paper", "num_fewshot": 1},
}


@pytest.fixture(autouse=True)
def no_other_exam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real exams hold questions of the sample's kind, which would be a reason to stop."""
    monkeypatch.setenv("JMED_MIRROR", "")
    monkeypatch.setenv("JMED_CACHE", "/nonexistent")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with Qwen3's chat template, whose turns do not end in the tokenizer's eos."""
    folder = tmp_path_factory.mktemp("scored") / "base"
    build(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": [END]})
    tokenizer.chat_template = (TEMPLATES / "qwen3.jinja").read_text(encoding="utf-8")
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.config.max_position_embeddings = 512  # half of them is the room to think, below
    model.save_pretrained(folder)
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(END)]
    GenerationConfig(eos_token_id=ends).save_pretrained(folder)
    return folder


def recipe_file(base: Path, folder: Path, data: dict[str, Any], **train: Any) -> Path:
    """Two steps on the sample exam."""
    more = {"max_steps": 2, "max_length": 2048, **train}
    recipe = recipe_of(base, Path("unused"), folder / "run", **more)
    recipe["data"] = {
        "datasets": [{"exam": "sample"}], "apply_chat_template": True, "may_overlap": ["sample"],
        **data,
    }  # fmt: skip
    return write_recipe(folder / "recipe.yaml", recipe)


def trained(base: Path, folder: Path, data: dict[str, Any]) -> tuple[dict[str, Any], Prepared, Any]:
    """The record of a run, what it was trained on, and its tokenizer."""
    read = read_recipe(recipe_file(base, folder, data))
    run(read, resume=False)
    tokenizer = AutoTokenizer.from_pretrained(base)
    prepared = prepare(read, mix(read.data, 3), tokenizer)
    return json.loads((folder / "run" / "run.json").read_text("utf-8")), prepared, tokenizer


@pytest.mark.parametrize(("name", "number"), [("no thought", 0), ("closing the thought", 1)])
def test_a_printed_command_asks_what_was_trained(
    base: Path, tmp_path: Path, name: str, number: int
) -> None:
    """The adapter's command of one run, the base's of another."""
    record, prepared, tokenizer = trained(base, tmp_path, SETTINGS[name])
    assert prepared.thinks == (name == "closing the thought")
    command = record["scoring_commands"][number]
    assert ("peft=" in command or '"peft"' in command) == (number == 0)
    done = subprocess.run(
        ["bash", "-c", f"{command} --limit 2 --batch_size 2 --device cpu"],
        capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path,
        env={**environment(), "TQDM_DISABLE": "1", "PYTHONPATH": os.fspath(Path.cwd())},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (file,) = tmp_path.rglob("samples_*.jsonl")
    samples = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    learnt = {example.where: example for example in prepared.train.examples}
    for sample in samples:
        tokens = learnt[f"sample:{sample['doc']['id']}"]
        asked = sample["arguments"]["gen_args_0"]["arg_0"]
        assert tokenizer(asked).input_ids == tokens.ids[: tokens.learnt_from]
        assert tokenizer.decode(tokens.ids[tokens.learnt_from :]).endswith(f"{END}\n")
    settings = samples[0]["arguments"]["gen_args_0"]["arg_1"]
    if prepared.thinks:
        assert (settings["until"], settings["max_gen_toks"]) == ([], 256)
    else:
        assert settings["max_gen_toks"] == 64


class LongAgo(date):
    """A clock that stood still."""

    @classmethod
    def today(cls) -> "LongAgo":
        return cls(2026, 1, 31)


def test_a_run_is_resumed_on_another_day(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Llama 3.2's template writes the date into every prompt; the tokens stay the first day's."""
    dated = tmp_path / "base"
    shutil.copytree(base, dated)
    template = (TEMPLATES / "llama3_2.jinja").read_text(encoding="utf-8")
    (dated / "chat_template.jinja").write_text(template.replace("<|eot_id|>", END), "utf-8")
    file = recipe_file(dated, tmp_path, {}, save_strategy="steps", save_steps=1)
    with monkeypatch.context() as then:
        then.setattr("trainer.data.dataset.date", LongAgo)
        run(read_recipe(file), resume=False)
    folder = tmp_path / "run"
    record = json.loads((folder / "run.json").read_text("utf-8"))
    assert record["data"]["template_day"] == "2026-01-31"
    assert "2026-01-31 here" in record["data"]["notes"][0]
    (folder / "run.json").write_text(json.dumps({**record, "state": "running"}), "utf-8")
    shutil.rmtree(folder / "checkpoint-2")
    run(read_recipe(file), resume=True)
    again = json.loads((folder / "run.json").read_text("utf-8"))
    assert again["state"] == "finished"
    assert again["settings"] == record["settings"]
