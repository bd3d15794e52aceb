"""Each family: planned, trained alone and by two ranks, reloaded as lm_eval does, merged."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText
from trl.trainer.utils import add_fused_lm_head

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.errors import JmedError
from tests.e2e.families import FAMILIES, TRAINED, as_mxfp4, make
from tests.e2e.families_table import table
from tests.e2e.sft_run import NF4, ROOT, environment, free_port, losses, recipe_of, write_recipe
from trainer.__main__ import main
from trainer.model.base_model import load_model, read_config
from trainer.patches import name_for_trl
from trainer.planning.activations import FUSED, planned_model, saved_bytes
from trainer.planning.sizes import count_sizes
from trainer.recipe.recipe import Model, read_recipe
from trainer.training.run import run

pytestmark = pytest.mark.usefixtures("sample_exam_alone")

DOCS = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
EXACT = 1e-4
"""float32: the order of additions differs between one process and two."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All checkpoints, and rows of messages for those with a template of their own."""
    folder = tmp_path_factory.mktemp("families")
    tokenizer = build_tokenizer()
    for name in FAMILIES:
        make(folder / name, name, tokenizer)
    turns = [
        [{"role": "user", "content": f"{i}番の箱に入っているものはどれか。" + "玉。" * i},
         {"role": "assistant", "content": f"札{i}"}]
        for i in range(8)
    ]  # fmt: skip
    lines = (json.dumps({"messages": messages}, ensure_ascii=False) + "\n" for messages in turns)
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


CASES = [*TRAINED, "qwen3_moe+experts", "gemma3+full"]
"""Families; with an adapter on the experts as well; with all parameters that read text."""


def recipe(place: Path, name: str, run_name: str, **train: Any) -> dict[str, Any]:
    name, _, variant = name.partition("+")
    made = recipe_of(
        place / name, place / "rows.jsonl", place / run_name, max_steps=2, max_length=512,
        learning_rate=1.0e-2, per_device_train_batch_size=2, gradient_checkpointing=True, **train,
    )  # fmt: skip
    made["train_batch_size"] = 4
    made["data"]["protocol"] = "letters"
    if variant == "experts":
        made["adapter"]["target_parameters"] = list(FAMILIES[name].target_parameters)
    if variant == "full":
        del made["adapter"]
        made["train"]["learning_rate"] = 1.0e-3
    return made


def alone(place: Path, name: str) -> Path:
    """The run folder of a family trained in this process, once."""
    folder = place / f"{name}_run"
    if not (folder / "run.json").is_file():
        file = write_recipe(place / f"{name}_run.yaml", recipe(place, name, f"{name}_run"))
        run(read_recipe(file), resume=False)
    return folder


def scored(pretrained: Path, peft: Path | None = None) -> torch.Tensor:
    """Logits of some text through lm_eval's own hf, as far as the tokenizer goes."""
    given = {"peft": str(peft)} if peft else {}
    lm = HFLM(pretrained=str(pretrained), device="cpu", dtype="float32", batch_size=1, **given)
    ids = torch.tensor([lm.tok_encode("玉の入った箱はどれか。札の入った箱はどれか。")])
    logits: torch.Tensor = lm._model_call(ids)[0, :, : len(lm.tokenizer)]
    return logits.float()


@pytest.mark.parametrize("name", TRAINED)
def test_the_adapter_acts_where_it_is_scored_and_merges(
    place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = alone(place, name)
    base, adapter = scored(place / name), scored(place / name, folder)
    assert float((adapter - base).abs().max()) > 1e-3
    main(["merge", str(folder), "-o", str(place / f"{name}_merged")])
    merged = scored(place / f"{name}_merged")
    assert float((merged - adapter).abs().max()) < 0.01 * float((adapter - base).abs().max())
    zero3 = f"train.deepspeed={ROOT / 'ds_configs' / 'zero3.json'}"
    main(["check", str(place / f"{name}_run.yaml"), "--gpus", "2", "--set", zero3])
    told = capsys.readouterr()
    assert "Everything was checked." in told.out


@pytest.fixture(scope="module")
def by_two(place: Path) -> Path:
    """All families trained by two ranks under torchrun, in one process group."""
    files = [
        write_recipe(place / f"{name}_two.yaml", recipe(place, name, f"{name}_two", ddp_timeout=90))
        for name in CASES
    ]
    command = [
        str(Path(sys.executable).parent / "torchrun"), "--nproc_per_node", "2", "--master_port",
        free_port(), "-m", "tests.e2e.runs_in_turn", *map(str, files),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    (place / "by_two.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    return place


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_reach_the_losses_of_one(by_two: Path, name: str) -> None:
    if (failed := by_two / f"{name}_two.yaml.error").is_file():
        raise AssertionError(failed.read_text(encoding="utf-8"))
    together, one = losses(by_two / f"{name}_two"), losses(alone(by_two, name))
    assert together == pytest.approx(one, abs=EXACT)
    record = json.loads((by_two / f"{name}_two" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    effect = record["effect"]
    assert effect.get("largest_logit_difference", effect.get("changed_tensors")) > 1e-3


@pytest.mark.parametrize("name", ["qwen3_moe", "gpt_oss", "llama4"])
def test_experts_are_adapted_where_the_recipe_names_them(place: Path, name: str) -> None:
    folder = alone(place, f"{name}+experts")
    saved = load_file(folder / "adapter_model.safetensors")
    moved = [key for key, tensor in saved.items() if "experts" in key and "lora_B" in key]
    assert moved
    assert all(bool(saved[key].any()) for key in moved)
    main(["merge", str(folder), "-o", str(place / f"{name}_experts_merged")])
    base, adapter = scored(place / name), scored(place / name, folder)
    merged = scored(place / f"{name}_experts_merged")
    assert float((merged - adapter).abs().max()) < 0.01 * float((adapter - base).abs().max())


@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_that_trl_fuses_is_the_models_own(place: Path, name: str) -> None:
    """Scales and caps that a family's head puts on its logits are TRL's to know."""
    model = load_model(Model(model_name_or_path=str(place / name)))
    name_for_trl(model)
    model.config.get_text_config().output_router_logits = False
    ids = torch.arange(40, 90)[None]
    own = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss
    add_fused_lm_head(model)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
    assert float(model(**given, fused_lm_head=True).loss) == pytest.approx(float(own), rel=1e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_the_plan_counts_what_the_model_has(place: Path, name: str) -> None:
    real = load_model(Model(model_name_or_path=str(place / name)))
    config = read_config(Model(model_name_or_path=str(place / name)))
    assert count_sizes(planned_model(config, None, torch.float32)) == count_sizes(real)


@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("name", ["qwen3_moe", "qwen3_5", "gemma3", "gemma4", "granitemoehybrid"])
def test_the_plan_keeps_what_the_model_keeps(place: Path, name: str, checkpointing: bool) -> None:
    given = Model(model_name_or_path=str(place / name), attn_implementation=FUSED)
    kept = [
        saved_bytes(model, 2, 64, checkpointing=checkpointing)
        for model in (load_model(given), planned_model(read_config(given), None, torch.float32))
    ]
    assert kept[0] == kept[1] > 0


def test_experts_are_said_with_figures(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = recipe(place, "qwen3_moe", "told")
    made["model"]["dtype"] = "bfloat16"
    made["quantization"] = NF4
    made["train"]["bf16"] = True
    main(["check", str(write_recipe(place / "told.yaml", made))])
    told = " ".join(capsys.readouterr().out.split())
    assert "(2 of 4 experts)" in told
    assert "of them stay unquantised" in told
    assert "experts have no adapter: 17% of the parameters" in told


def test_a_class_that_lm_eval_cannot_load_is_refused_and_its_text_part_trained(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines under Families in docs/training.md, run."""
    with pytest.raises(JmedError, match=FAMILIES["mistral3"].refused):
        run(
            read_recipe(write_recipe(place / "m.yaml", recipe(place, "mistral3", "m"))),
            resume=False,
        )
    with pytest.raises(SystemExit):
        main(["check", str(place / "m.yaml")])
    assert "MistralForCausalLM" in capsys.readouterr().err
    (code,) = [b for b in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL) if "Mistral3" in b]
    code = code.replace("mistralai/Mistral-Small-3.2-24B-Instruct-2506", str(place / "mistral3"))
    exec(code.replace('"mistral-small-text"', repr(str(place / "mistral3_text"))), {})
    whole = AutoModelForImageTextToText.from_pretrained(place / "mistral3")
    ids = torch.arange(40, 60)[None]
    text = load_model(Model(model_name_or_path=str(place / "mistral3_text")))
    assert torch.equal(whole(input_ids=ids).logits, text(input_ids=ids).logits)
    made = recipe(place, "mistral3_text", "mistral3_text_run")
    run(read_recipe(write_recipe(place / "mistral3_text.yaml", made)), resume=False)


def test_mxfp4_is_dequantised_trained_and_merged(place: Path) -> None:
    base = as_mxfp4(make(place / "mxfp4", "gpt_oss"))
    made = recipe(place, "mxfp4", "mxfp4_run", bf16=True)
    made["model"]["dtype"] = "bfloat16"
    with pytest.raises(JmedError, match="MXFP4, which cannot be trained as it is"):
        run(read_recipe(write_recipe(place / "mxfp4.yaml", made)), resume=False)
    made["quantization"] = {"quant_method": "mxfp4", "dequantize": True}
    run(read_recipe(write_recipe(place / "mxfp4.yaml", made)), resume=False)
    main(["merge", str(place / "mxfp4_run"), "-o", str(place / "mxfp4_merged")])
    saved = load_file(place / "mxfp4_merged" / "model.safetensors")
    packed = load_file(base / "model.safetensors")
    assert not [name for name in saved if name.endswith(("_blocks", "_scales"))]
    assert {name.removesuffix("_blocks") for name in packed if "_scales" not in name} == set(saved)


def test_the_table_in_the_documentation_is_current() -> None:
    found = DOCS.partition("<!-- python -m tests.e2e.families_table -->\n")[2].partition("\n\n")[0]
    assert found.splitlines() == list(table())
