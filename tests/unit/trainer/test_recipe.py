"""Recipes are read strictly: one message that names the place, what was found, what is allowed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from trainer.planning.schedule import plan_schedule
from trainer.recipe.batch import split_batch
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.recipe import needs_hub, read_recipe

GOOD: dict[str, Any] = {
    "model": {"model_name_or_path": "org/base"},
    "adapter": {"r": 8, "target_modules": "all-linear"},
    "data": {"datasets": [{"path": "rows.jsonl"}]},
    "train_batch_size": 8,
    "train": {"output_dir": "runs/x", "max_length": 512, "max_steps": 100},
}


def written(folder: Path, changes: dict[str, Any]) -> Path:
    """GOOD with "section.key" -> value; None takes the key away."""
    recipe = yaml.safe_load(yaml.safe_dump(GOOD))
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = recipe
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return file


def test_a_good_recipe_is_read(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, {}))
    check_recipe(recipe)
    assert recipe.output_dir == Path("runs/x")
    assert recipe.data.protocol == "paper"
    assert needs_hub(recipe)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modell": {}}, "unknown key 'modell'; did you mean 'model'"),
        ({"data.datset": []}, "unknown key 'datset'; did you mean 'datasets'"),
        ({"train_batch_size": "8"}, "'8' is text to YAML: write 8"),
        ({"train_batch_size": 0}, "train_batch_size: found 0"),
        ({"model.dtype": "bf16"}, "model.dtype: found 'bf16'; allowed: 'auto'"),
        ({"data.overlength": False}, "data.overlength: found False; allowed: 'error'"),
        ({"data.datasets": []}, "data.datasets"),
        (
            {"data.protocol": "letter"},
            "data.protocol: found 'letter'; allowed: 'paper', 'paper_1shot'",
        ),
        ({"data.learn": "first"}, "data.learn: found 'first'; allowed: 'last' or 'all'"),
        ({"data.num_fewshot": -1}, "data.num_fewshot: found -1"),
        ({"data.system_instruction": ""}, "data.system_instruction: found ''"),
        ({"data.datasets": [{"path": "a.jsonl", "exam": "igakuqa"}]}, "either `path`"),
        ({"data.datasets": [{}]}, "either `path`"),
        ({"data.datasets": [{"path": "a.csv", "split": "test"}]}, "only with a dataset of the Hub"),
        ({"data.datasets": [{"path": "a.csv", "weight": 0}]}, "weight: found 0"),
        ({"train.output_dir": None}, "train.output_dir: missing"),
        ({"model": None}, "model: missing"),
        ({"milestones": [0]}, r"milestones.0: found 0"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(JmedError, match=message):
        read_recipe(written(tmp_path, changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.num_train_epochs": 1}, "exactly one of max_steps and num_train_epochs"),
        ({"train.max_steps": None}, "exactly one of max_steps and num_train_epochs"),
        ({"train.gradient_accumulation_steps": 2}, "it follows from train_batch_size"),
        ({"train.max_length": None}, "train.max_length: missing"),
        ({"train.packing": True, "paper": "Table 1"}, "not with `paper`"),
        ({"train.packing": True, "train.packing_strategy": "wrapped"}, "wrapped lets documents"),
        (
            {"train.packing": True, "model.attn_implementation": "acme/fused-attention"},
            "not known to keep packed examples apart",
        ),
        ({"train.padding_free": True}, "packing: true"),
        ({"train.eval_strategy": "steps"}, "data.eval_fraction is 0"),
        ({"data.eval_fraction": 0.1}, "train.eval_strategy is no"),
        ({"train.load_best_model_at_end": True}, "needs train.eval_strategy"),
        ({"early_stopping.early_stopping_patience": 2}, "needs train.load_best_model_at_end"),
        ({"train.save_total_limit": 1}, "2 or more"),
        ({"adapter": None, "quantization.load_in_4bit": True}, "cannot be trained"),
        (
            {"quantization": {"load_in_4bit": True, "load_in_8bit": True}},
            "one of load_in_4bit and load_in_8bit",
        ),
        ({"quantization": {"bnb_4bit_quant_type": "nf4"}}, "leave the section out"),
        ({"train.bf16": True, "train.fp16": True}, "one of bf16 and fp16"),
        ({"adapter.target_modules": None}, "adapter.target_modules: missing"),
        ({"adapter.task_type": "SEQ_CLS"}, "allowed: CAUSAL_LM"),
        ({"milestones": [100]}, "not below train.max_steps 100"),
        ({"train.max_steps": 0}, "train.max_steps: found 0"),
        ({"train.max_length": "512"}, "train.max_length: found '512'"),
        ({"train.per_device_train_batch_size": 0}, "found 0; allowed: a whole number"),
        ({"train.learning_rate": -1.0}, "train.learning_rate: found -1.0"),
        ({"train.save_only_model": True}, "--resume needs the optimizer"),
        ({"train.eos_token": "<pad>"}, "the tokenizer's own end token"),
        ({"adapter.target_modules": 3}, "target_modules: found 3"),
        ({"adapter.target_modules": []}, r"target_modules: found \[\]"),
        ({"train.assistant_only_loss": True}, r"use data\.learn"),
        ({"data.fewshot_as_multiturn": True}, "turns need data.apply_chat_template"),
        ({"data.protocol": "cot", "data.num_fewshot": 3}, "whatever --num_fewshot says"),
        ({"data.protocol": "mc", "data.num_fewshot": 1}, "asks mc without worked examples"),
        ({"data.chat_template_kwargs": {"tokenize": True}}, "tokenize: no variable of a template"),
        (
            {"data.datasets": [{"exam": "sample"}], "data.chat_template_kwargs": {"a": 1}},
            r"no effect without data\.apply_chat_template",
        ),
        (
            {"data.protocol": "mc", "data.chat_template_kwargs": {"enable_thinking": True}},
            "mc scores given answers",
        ),
        ({"data.source_max_len": 512}, "both of source_max_len and target_max_len"),
        (
            {"data.source_max_len": 512, "data.target_max_len": 512},
            "found 512; allowed beside .* their sum, 1024",
        ),
        (
            {"data.source_max_len": 256, "data.target_max_len": 256, "data.learn": "all"},
            "target_max_len is the length of one",
        ),
        ({"data.may_overlap": ["igakuq"]}, "did you mean 'igakuqa'"),
        ({"data.datasets": [{"exam": "igakuq"}]}, "did you mean 'igakuqa'"),
    ],
)
def test_settings_that_cancel_each_other_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    recipe = read_recipe(written(tmp_path, changes))
    with pytest.raises(JmedError, match=message):
        check_recipe(recipe)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing"),
        ("- a\n", "found a list"),
        ("a: [", "not YAML"),
        ("model: {}\nmodel: {}\n", "the key 'model' stands twice"),
        ("model: &a {}\ndata:\n  <<: *a\n", "write the keys out"),
        ("train:\n  seed: 2026-06-31\n", "not YAML"),
    ],
)
def test_what_is_no_recipe_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(JmedError, match=message) as caught:
        read_recipe(file)
    assert str(file) in str(caught.value)


def test_other_encodings_and_missing_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_bytes("paper: 論文\n".encode("cp932"))
    with pytest.raises(JmedError, match="not UTF-8"):
        read_recipe(file)
    with pytest.raises(JmedError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")


@given(st.text(max_size=200))
def test_no_text_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "recipe.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(JmedError):
        read_recipe(file)


def test_set_changes_one_value(tmp_path: Path) -> None:
    file = written(tmp_path, {})
    changes = [
        "train.max_steps=7",
        "quantization.load_in_4bit=true",
        "data.datasets.0.path=o.csv",
        "adapter.target_modules=[q_proj, v_proj]",
    ]
    recipe = read_recipe(file, changes)
    assert recipe.train["max_steps"] == 7
    assert recipe.quantization == {"load_in_4bit": True}
    assert recipe.data.datasets[0].path == "o.csv"
    assert recipe.adapter
    assert recipe.adapter["target_modules"] == ["q_proj", "v_proj"]


@pytest.mark.parametrize("change", ["train", "=1", "data.datasets.5.path=x", "model.a.b.c=1"])
def test_set_of_no_place_is_refused(tmp_path: Path, change: str) -> None:
    with pytest.raises(JmedError, match=r"--set|unknown key"):
        read_recipe(written(tmp_path, {}), [change])


@given(st.integers(1, 64), st.integers(1, 16), st.integers(1, 16))
def test_a_batch_is_split_exactly_or_refused(total: int, micro: int, processes: int) -> None:
    if total % (micro * processes):
        with pytest.raises(JmedError, match="allowed"):
            split_batch(total, micro, processes)
    else:
        batch = split_batch(total, micro, processes)
        assert batch.micro * batch.accumulation * batch.processes == total


def test_what_a_refused_batch_allows_is_allowed() -> None:
    with pytest.raises(JmedError, match=r"per_device_train_batch_size: 1, 2, 4$"):
        split_batch(8, 3, 2)
    assert split_batch(8, 4, 2).accumulation == 1


def test_steps_are_counted_as_transformers_counts_them(tmp_path: Path) -> None:
    """101 rows, 4 at a time: 26 micro-batches, 13 steps of two; three epochs are 39."""
    changes = {"train.max_steps": None, "train.num_train_epochs": 3}
    recipe = read_recipe(written(tmp_path, changes))
    plan = plan_schedule(recipe, rows=101, tokens=1010, batch=split_batch(8, 4, 1))
    assert (plan.per_epoch, plan.steps, plan.epochs, plan.tokens) == (13, 39, 3, 3030)
