"""A real training and a real lm_eval run end in files that can be published as they are."""

import getpass
import json
import platform
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from jsonschema import Draft7Validator

from demo.tiny_model import build
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.main import main
from lm_eval_tasks.submission.check import SCHEMAS
from tests.e2e.lm_eval_run import Run, run_lm_eval
from tests.e2e.sft_run import recipe_of, write_recipe, write_rows
from trainer.recipe.recipe import read_recipe
from trainer.training.run import run

TASKS = ["jmed_sample_letters", "jmed_sample_mc", "jmed_sample_paper"]
IDS = ["--model-id", "acme/tiny", "--adapter-id", "acme/tiny-lora", "--licence", "apache-2.0"]


def trained(place: Path) -> Path:
    build(place / "base", "gpt_neox")
    write_rows(place / "rows.jsonl")
    recipe = recipe_of(place / "base", place / "rows.jsonl", place / "lora")
    run(read_recipe(write_recipe(place / "lora.yaml", recipe)), resume=False)
    return place / "lora"


def scored(place: Path, adapter: Path) -> Run:
    return run_lm_eval(
        "tests.e2e.oracle", place / "out", "--model", "oracle",
        "--include_path", str(TASKS_PATH), "--tasks", ",".join(TASKS),
        "--model_args", f"pretrained={place / 'base'},peft={adapter},dtype=float32,token=hf_none",
    )  # fmt: skip


def exam_text(samples: list[dict[str, Any]]) -> set[str]:
    docs = [sample["doc"] for sample in samples]
    texts = {doc["stem"] for doc in docs} | {choice for doc in docs for choice in doc["choices"]}
    return {text for text in texts if len(text) > 6}


def test_an_adapter_is_published_valid_and_scrubbed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = trained(tmp_path)
    evaluated = scored(tmp_path, adapter)
    out = tmp_path / "published"
    main(["submission", str(tmp_path / "out"), *IDS, "--eval-results", "-o", str(out)])
    capsys.readouterr()
    main(["submission", "check", str(out)])
    assert capsys.readouterr().out.count(": valid") == len(TASKS) + 1
    schema = json.loads((SCHEMAS / "every_eval_ever.json").read_text(encoding="utf-8"))
    for file in (out / "every_eval_ever").rglob("*.json"):
        record = json.loads(file.read_text(encoding="utf-8"))
        assert list(Draft7Validator(schema).iter_errors(record)) == []
        task = record["eval_library"]["additional_details"]["task"]
        for result in record["evaluation_results"]:
            metric = result["evaluation_result_id"].rpartition(".")[2]
            if metric in evaluated.metrics(task):
                stated = evaluated.metrics(task)[metric]
                assert result["score_details"]["score"] == pytest.approx(stated)
                error = result["score_details"]["uncertainty"]["standard_error"]["value"]
                assert error == pytest.approx(evaluated.metrics(task)[f"{metric}_stderr"])
    card = (out / "README.md").read_text(encoding="utf-8")
    head = ModelCard(card).data.to_dict()
    assert head["base_model"] == "acme/tiny"
    assert len(head["model-index"][0]["results"]) == len(TASKS)
    recorded = json.loads((adapter / "run.json").read_text(encoding="utf-8"))
    assert f"| steps | {recorded['result']['steps']} |" in card
    assert f"| trainable parameters | {recorded['trainable_parameters']:,} |" in card
    assert recorded["settings"]["train_data_sha256"] in card
    assert "none found; exact detectors" in card
    secrets = {str(tmp_path), tmp_path.name, platform.node(), "hf_none", "rows.jsonl"}
    secrets |= {f"/{getpass.getuser()}/"} | exam_text(evaluated.samples["jmed_sample_letters"])
    for file in (file for file in out.rglob("*") if file.is_file()):
        text = file.read_text(encoding="utf-8")
        assert not [secret for secret in secrets if secret in text], file
