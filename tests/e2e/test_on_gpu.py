"""What only a GPU can show: the same answers on the card as everywhere else.

    python -m pytest tests/e2e/test_on_gpu.py

Skipped without one. A small Qwen3 with heads as wide as the real ones, so that the real kernels of
sdpa and bitsandbytes are met; bfloat16.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file

from lm_eval_tasks.models.jmed_hf import JmedHF
from tests.benchmarks.gpu.recipe_runs import flash
from tests.benchmarks.gpu.scoring import settings
from tests.benchmarks.gpu.wrongs import WRONGS
from tests.e2e.architectures import config_of, model_of, windows
from tests.e2e.sft_run import (
    ROOT,
    environment,
    launcher,
    losses,
    quantized,
    ranks_by_hand,
    recipe_of,
    write_recipe,
    write_rows,
)
from tests.e2e.tiny_pairs import both, make, requests, trained_tokenizer
from trainer.merging.merge import merge
from trainer.recipe.recipe import read_recipe
from trainer.training.run import run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
DS_CONFIGS = sorted((ROOT / "ds_configs").glob("*.json"))
STEPS, SAVED = 8, 3
SLOW = 2.0e-4
"""A learning rate at which rounding does not grow from step to step."""
SIZES: dict[str, Any] = {
    "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 128,
}  # fmt: skip
Note = Callable[[str, object], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    make(folder / "base", "qwen3", **SIZES)
    write_rows(folder / "rows.jsonl")
    return folder


def recipe(place: Path, name: str, method: str = "lora", **train: Any) -> dict[str, Any]:
    given = recipe_of(
        place / "base", place / "rows.jsonl", place / name, max_steps=STEPS,
        lr_scheduler_type="cosine", gradient_checkpointing=True, bf16=True, **train,
    )  # fmt: skip
    given["model"]["dtype"] = "bfloat16"
    given["adapter"]["lora_dropout"] = 0.1
    if method == "full":
        del given["adapter"]
    if method == "int8":
        given["quantization"] = {"load_in_8bit": True}
    return quantized(given) if method == "qlora" else given


def trained(place: Path, given: dict[str, Any], *, resume: bool = False) -> Path:
    """Train in this process and return the run folder."""
    folder = Path(given["train"]["output_dir"])
    run(read_recipe(write_recipe(place / f"{folder.name}.yaml", given)), resume=resume)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    return folder


def torn(place: Path, whole: Path, name: str) -> None:
    """A run's folder as a kill after its first checkpoint leaves it."""
    folder = shutil.copytree(whole, place / name)
    for number in range(SAVED + 1, STEPS + 1):
        shutil.rmtree(folder / f"checkpoint-{number}", ignore_errors=True)
    (folder / "adapter_model.safetensors").unlink()
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps({**record, "state": "running"}), encoding="utf-8")


@pytest.mark.parametrize(
    ("method", "packing"), [("lora", False), ("qlora", False), ("qlora", True), ("int8", False)]
)
def test_resumed_equals_undisturbed_to_the_bit(
    place: Path, method: str, *, packing: bool, record_property: Note
) -> None:
    kept = {"save_strategy": "steps", "save_steps": SAVED, "packing": packing}
    name = f"{method}_{packing}"
    whole = trained(place, recipe(place, name, method, **kept))
    torn(place, whole, f"{name}_resumed")
    again = trained(place, recipe(place, f"{name}_resumed", method, **kept), resume=True)
    record_property("losses", [losses(whole), losses(again)])
    assert losses(again) == losses(whole)
    one, two = (load_file(folder / "adapter_model.safetensors") for folder in (whole, again))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_run_is_repeatable_to_the_bit(place: Path, record_property: Note) -> None:
    first, second = (trained(place, recipe(place, name, "qlora")) for name in ("one", "two"))
    record_property("losses", [losses(first), losses(second)])
    assert losses(first) == losses(second)


def test_merged_on_the_card_is_merged_on_the_cpu_but_for_the_last_bit(
    place: Path, tmp_path: Path, record_property: Note
) -> None:
    finished = trained(place, recipe(place, "merged", "qlora"))
    found = [merge(finished, tmp_path / where, where) for where in ("cuda", "cpu")]
    record_property("merged", [str(each) for each in found])
    card, cpu = (load_file(tmp_path / where / "model.safetensors") for where in ("cuda", "cpu"))
    assert card.keys() == cpu.keys()
    steps = {
        key: (card[key].view(torch.int16).int() - cpu[key].view(torch.int16).int()).abs()
        for key in card
    }
    differing = sum(int((of > 0).sum()) for of in steps.values())
    record_property("differing", [differing, sum(of.numel() for of in steps.values())])
    record_property("steps", max(int(of.max()) for of in steps.values()))
    apart = max(float((card[key].float() - cpu[key].float()).abs().max()) for key in card)
    largest = max(float(cpu[key].abs().max()) for key in cpu)
    record_property("apart", [apart, largest])
    assert differing < 0.01 * sum(of.numel() for of in steps.values())
    assert apart < 2**-7 * largest


@pytest.mark.parametrize("optim", ["paged_adamw_32bit", "paged_adamw_8bit", "adamw_bnb_8bit"])
def test_bitsandbytes_optimizers_learn_as_adamw_does(
    place: Path, optim: str, record_property: Note
) -> None:
    common = {"learning_rate": SLOW}
    plain = trained(place, recipe(place, f"for_{optim}", "qlora", optim="adamw_torch", **common))
    paged = trained(place, recipe(place, optim, "qlora", optim=optim, **common))
    record_property("losses", [losses(plain), losses(paged)])
    assert losses(paged) == pytest.approx(losses(plain), rel=0.02)
    assert losses(paged) != losses(plain)


@pytest.mark.parametrize("attention", ["flex_attention", flash() or "flash_attention_2"])
def test_packed_examples_are_kept_apart_as_sdpa_does(
    place: Path, attention: str, record_property: Note
) -> None:
    if attention.startswith("flash") and not flash():
        pytest.skip("no flash attention is installed")
    found = {}
    for name in ("sdpa", attention):
        given = recipe(place, f"{name}_for_{attention}", "qlora", packing=True, learning_rate=SLOW)
        given["model"]["attn_implementation"] = name
        given["adapter"]["lora_dropout"] = 0.0
        found[name] = losses(trained(place, given))
    record_property("losses", found)
    assert found[attention] == pytest.approx(found["sdpa"], rel=0.01)


def sharded(place: Path, method: str, file: Path) -> list[float]:
    """Losses of a run under a DeepSpeed file, by one process of a process group."""
    name = f"{method}_{file.stem}"
    given = few_steps(recipe(place, name, method, deepspeed=str(file)))
    done = subprocess.run(
        [*launcher(1), str(write_recipe(place / f"{name}.yaml", given))], cwd=ROOT,
        env=environment(**ranks_by_hand(1)[0]), capture_output=True, text=True, timeout=400,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return losses(place / name)


def few_steps(given: dict[str, Any]) -> dict[str, Any]:
    given["train"] |= {"max_steps": 4, "learning_rate": SLOW / 10}
    if "adapter" in given:
        given["adapter"]["lora_dropout"] = 0.0
    return given


def test_every_deepspeed_file_learns_with_qlora_what_one_gpu_learns_without(
    place: Path, record_property: Note
) -> None:
    """Offloaded optimizers are built at their first start, which takes a minute."""
    alone = losses(trained(place, few_steps(recipe(place, "alone", "qlora"))))
    found = {file.stem: sharded(place, "qlora", file) for file in DS_CONFIGS}
    record_property("losses", {"alone": alone, **found})
    for each in found.values():
        assert each == pytest.approx(alone, rel=0.005)


def test_every_deepspeed_file_trains_all_parameters_to_the_same_losses(
    place: Path, record_property: Note
) -> None:
    """To the bit where the optimizer is on the card. Without DeepSpeed they are float32, whose
    losses leave those of bfloat16 within a few steps."""
    found = {file.stem: sharded(place, "full", file) for file in DS_CONFIGS}
    record_property("losses", found)
    assert found["zero1"] == found["zero2"] == found["zero3"]
    for each in found.values():
        assert each == pytest.approx(found["zero1"], rel=0.001)


@pytest.mark.parametrize("task", ["jmed_sample_mc", "jmed_sample_letters_mc"])
def test_jmed_hf_gives_the_numbers_of_hf(place: Path, task: str, record_property: Note) -> None:
    """But for a step of bfloat16, in which lm-eval adds a text's log-probabilities up: for a sum of
    200 that step is 1; and for one of a logit, which is an eighth from 16 on."""
    given = {"device": "cuda", "dtype": "bfloat16", "batch_size": 16}
    asked = requests(task)
    ours, difference, greedy = both(place / "base", asked, **given)
    scores = [score for score, _ in ours.loglikelihood(asked, disable_tqdm=True)]
    record_property("difference", [float(difference.max()), min(scores), greedy])
    assert not ours.fallback
    assert greedy == len(asked)
    assert all(difference <= 2**-7 * torch.tensor(scores).abs() + 2**-3)


def over_copies(kind: str) -> tuple[JmedHF, HFLM]:
    """Both over one model that cannot be packed, in bfloat16 on the card."""
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        config = config_of(kind, len(trained_tokenizer()), **windows(kind, 48))
        model = model_of(config, torch.bfloat16)
    given = {"tokenizer": trained_tokenizer(), **settings(16)}
    return JmedHF(pretrained=model, **given), HFLM(pretrained=model, **given)


@pytest.mark.parametrize("kind", ["gemma3_text", "gpt_oss", "qwen3_next", "granitemoehybrid"])
def test_jmed_hf_gives_the_numbers_of_hf_over_copies_of_the_cache(
    kind: str, record_property: Note
) -> None:
    """Within what one rounding of each logit comes to, or four times what hf moves by itself."""
    ours, stock = over_copies(kind)
    asked = requests("jmed_sample_mc")
    alone = HFLM(pretrained=stock.model, tokenizer=stock.tokenizer, **settings(1))
    a, b, c = (
        torch.tensor([score for score, _ in lm.loglikelihood(asked, disable_tqdm=True)])
        for lm in (ours, stock, alone)
    )
    record_property("difference", [float((a - b).abs().max()), float((c - b).abs().max())])
    record_property("ways", sorted(ours.proven))
    assert not ours.fallback
    assert (a - b).abs().max() < max(2**-7 * float(b.abs().max()), 4 * float((c - b).abs().max()))


@pytest.mark.parametrize(
    "wrong",
    [
        "choices share a copy",
        "values a token late, in one layer",
        "a state forgotten, in every layer",
    ],
)
def test_copies_that_are_wrong_are_noticed_in_bfloat16(wrong: str, record_property: Note) -> None:
    ours, stock = over_copies("qwen3_next")
    asked = requests("jmed_sample_mc")
    with WRONGS[wrong]():
        found = ours.loglikelihood(asked, disable_tqdm=True)
    scores = stock.loglikelihood(asked, disable_tqdm=True)
    record_property("noticed", list(ours.left.values()))
    record_property("apart", max(abs(a[0] - b[0]) for a, b in zip(found, scores, strict=True)))
    assert "loglikelihood" in ours.fallback
    assert found == scores
