"""A run that changes nothing where it is scored does not finish."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from lm_eval_tasks.errors import JmedError
from tests.e2e.families import make
from tests.e2e.sft_run import recipe_of, write_recipe, write_rows
from trainer.merging.merge import merge
from trainer.model.base_model import load_model, read_config
from trainer.recipe.recipe import Model, read_recipe
from trainer.training import run as run_module
from trainer.training.run import run

pytestmark = pytest.mark.usefixtures("sample_exam_alone")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("effect")
    for name in ("qwen3_5", "qwen3_5_moe", "gemma3", "llama4", "granitemoehybrid", "qwen3_moe"):
        make(folder / name, name)
    write_rows(folder / "rows.jsonl", 8)
    return folder


def recipe(place: Path, base: str, name: str, **train: Any) -> dict[str, Any]:
    return recipe_of(
        place / base,
        place / "rows.jsonl",
        place / name,
        **{"max_steps": 2, "max_length": 512, **train},
    )


def trained(place: Path, given: dict[str, Any]) -> Path:
    folder = Path(given["train"]["output_dir"])
    run(read_recipe(write_recipe(place / f"{folder.name}.yaml", given)), resume=False)
    return folder


def state(folder: Path) -> str:
    found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return str(found["state"])


def first_architecture(model: Model, *_: Any) -> Any:
    """As TRL loads a path: the first class that the checkpoint names (trl 1.16)."""
    kind = getattr(transformers, read_config(model).architectures[0])
    return kind.from_pretrained(model.model_name_or_path)


@pytest.mark.parametrize("base", ["qwen3_5", "qwen3_5_moe"])
def test_an_adapter_on_the_class_that_sees_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    """Its logits differ from the base's in the class that was trained, in the scored one not."""
    monkeypatch.setattr(run_module, "load_model", first_architecture)
    monkeypatch.setattr(run_module, "resolve", lambda adapter, _: adapter)  # names are PEFT's
    given = recipe(place, base, f"{base}_old")
    with pytest.raises(JmedError) as refused:
        trained(place, given)
    seen = read_config(Model(model_name_or_path=str(place / base))).architectures[0]
    scored = type(load_model(Model(model_name_or_path=str(place / base)))).__name__
    assert f"was trained on {seen}; lm_eval's hf loads {scored}" in str(refused.value)
    folder = place / f"{base}_old"
    assert state(folder) == "running"
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps({**record, "state": "finished"}), encoding="utf-8")
    with pytest.raises(JmedError, match=f"lm_eval's hf loads {scored}"):
        merge(folder, place / f"{base}_merged")


def test_a_learning_rate_of_0_does_not_finish(place: Path) -> None:
    with pytest.raises(JmedError, match=r"changes nothing: .* lora_B are 0, .* learning rate 0"):
        trained(place, recipe(place, "qwen3_5", "idle", learning_rate=0.0))
    assert state(place / "idle") == "running"


def test_all_parameters_that_stay_as_they_are_do_not_finish(place: Path) -> None:
    given = recipe(place, "gemma3", "idle_full", learning_rate=0.0)
    del given["adapter"]
    with pytest.raises(JmedError, match=r"none of \d+ trained tensors differs from the base"):
        trained(place, given)
    assert state(place / "idle_full") == "running"


def test_a_run_that_diverges_does_not_finish(place: Path) -> None:
    given = recipe(place, "qwen3_5", "diverged", learning_rate=1.0e30)
    with pytest.raises(JmedError, match="its logits are not numbers: the run diverged"):
        trained(place, given)


def test_what_acted_is_recorded(place: Path) -> None:
    folder = trained(place, recipe(place, "qwen3_5", "acts"))
    effect = json.loads((folder / "run.json").read_text(encoding="utf-8"))["effect"]
    assert effect["trained_class"] == "Qwen3_5ForCausalLM"
    assert effect["largest_logit_difference"] > 1e-3
    assert effect["noise"] == 0.0
    adapter = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert adapter["base_model_name_or_path"] == str(place / "qwen3_5")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("all", "all-linear"), ("list", ["q_proj", "v_proj"]), ("regex", r".*\.q_proj")],
)
def test_no_adapter_is_put_on_what_sees(place: Path, name: str, wanted: Any) -> None:
    """SigLIP's layers have the names of the language model's."""
    given = recipe(place, "gemma3", f"text_only_{name}")
    given["adapter"]["target_modules"] = wanted
    found = load_file(trained(place, given) / "adapter_model.safetensors")
    assert found
    assert all("language_model" in name for name in found)


def test_all_parameters_are_those_that_read_text(place: Path) -> None:
    given = recipe(place, "gemma3", "full", learning_rate=1.0e-3)
    del given["adapter"]
    folder = trained(place, given)
    before = load_file(place / "gemma3" / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert moved
    assert not [name for name in moved if "vision" in name or "projector" in name]


@pytest.mark.parametrize(
    ("base", "change", "message"),
    [
        ("gemma3", {"target_modules": ["fc1"]}, "only outside the language model"),
        ("gemma3", {"target_modules": ["lm_head"]}, "no such layer in gemma3"),
        ("gemma3", {"target_modules": ["q_proj"], "layers_to_transform": [9]}, "leave no layer"),
        ("llama4", {"target_modules": ["router"]}, "is a Llama4Router, no plain Linear"),
        (
            "granitemoehybrid",
            {"target_modules": ["q_proj", "out_proj"]},
            "out_proj: the fused Mamba",
        ),
        (
            "qwen3_moe",
            {"target_modules": ["q_proj", "gate_proj"]},
            r"gate_proj: PEFT puts it on the experts .* \[mlp.experts.down_proj",
        ),
        (
            "llama4",
            {"target_parameters": ["experts.up"]},
            "allowed: feed_forward.experts.down_proj",
        ),
        ("gemma3", {"target_parameters": ["x"]}, "no such experts in gemma3; allowed: none"),
        (
            "llama4",
            {"target_parameters": ["experts.down_proj"], "lora_dropout": 0.05},
            "lora_dropout: found 0.05",
        ),
    ],
)
def test_what_cannot_be_adapted_is_named(
    place: Path, base: str, change: dict[str, Any], message: str
) -> None:
    given = recipe(place, base, "refused")
    given["adapter"] |= change
    with pytest.raises(JmedError, match=message):
        trained(place, given)
    assert not (place / "refused").exists()
