"""Merging shard by shard against PEFT's merge of the whole model, and what is not kept."""

import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.families import make
from tests.e2e.sft_run import NF4
from trainer.merging import placement
from trainer.merging.merge import _base, _write_whole, merge
from trainer.merging.merged_weights import MergedWeights, Trained, can_stream, rounded, write_merged
from trainer.merging.placement import choose_placement
from trainer.model.base_model import read_config
from trainer.recipe.quantization import quantization_config, quantized_layers
from trainer.recipe.recipe import Model

INT8 = {"load_in_8bit": True}
FP4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"}


@pytest.fixture(scope="module")
def place_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merge")
    build(folder / "plain")
    make(folder / "tied", "gemma3")
    make(folder / "experts", "qwen3_moe")
    return folder


def model(folder: Path, dtype: Any = "float32") -> Model:
    return Model(model_name_or_path=str(folder), dtype=dtype)


def adapter(base: Path, run: Path, size: float = 0.1, **settings: Any) -> Path:
    """An adapter of random weights in a folder that says it is a finished run."""
    given = {"target_modules": "all-linear", "task_type": "CAUSAL_LM", **settings}
    torch.manual_seed(1)
    wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**given))
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data += size * torch.randn_like(parameter)
    wrapped.save_pretrained(str(run))
    return run


def finished(base: Path, run: Path, dtype: str, quantization: Any = None) -> Path:
    recipe = {
        "model": {"model_name_or_path": str(base), "dtype": dtype},
        "quantization": quantization, "adapter": {"r": 8},
    }  # fmt: skip
    record = {"state": "finished", "settings": {"recipe": recipe}}
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("model*.safetensors")):
        found |= load_file(file)
    return found


@pytest.mark.parametrize(
    "case",
    [
        ("plain", "float32", None, {}),
        ("plain", "bfloat16", None, {"use_rslora": True}),
        ("plain", "float32", None, {"use_dora": True}),
        ("plain", "float32", None, {"modules_to_save": ["lm_head"]}),
        ("plain", "bfloat16", NF4, {}),
        ("plain", "bfloat16", FP4, {}),
        ("plain", "bfloat16", INT8, {}),
        ("tied", "bfloat16", None, {}),
        ("tied", "float32", NF4, {}),
        ("experts", "float32", None, {"target_parameters": ["experts.gate_up_proj"]}),
    ],
    ids=["lora", "rslora", "dora", "head", "nf4", "fp4", "int8", "tied", "tied_nf4",
         "experts"],
)  # fmt: skip
def test_shard_by_shard_gives_the_bytes_of_the_whole(
    place_of: Path, tmp_path: Path, case: tuple[str, str, Any, dict[str, Any]]
) -> None:
    base, dtype, quantization, settings = case
    run = adapter(place_of / base, tmp_path / "run", **settings)
    given = Trained(model(place_of / base, dtype), quantization, run)
    assert can_stream(given)
    changed, of = write_merged(given, tmp_path / "streamed", "cpu", shard="100KB")
    assert 0 < changed < of
    _write_whole(given, tmp_path / "whole")
    streamed, whole = weights(tmp_path / "streamed"), weights(tmp_path / "whole")
    assert len(list((tmp_path / "streamed").glob("model*.safetensors"))) > 1
    assert streamed.keys() == whole.keys()
    for name, tensor in whole.items():
        assert streamed[name].dtype == tensor.dtype, name
        assert torch.equal(streamed[name], tensor), name
    assert any(
        not torch.equal(tensor.float(), whole[name].float())
        for name, tensor in weights(place_of / base).items()
        if name in whole
    )


@pytest.mark.parametrize(
    ("base", "settings"),
    [("tied", {"modules_to_save": ["lm_head"]}), ("plain", {"trainable_token_indices": [5, 7]})],
    ids=["tied_head", "tokens"],
)
def test_what_cannot_be_merged_one_by_one_is_merged_whole(
    place_of: Path, tmp_path: Path, base: str, settings: Any
) -> None:
    run = finished(place_of / base, adapter(place_of / base, tmp_path / "run", **settings), "auto")
    assert not can_stream(Trained(model(place_of / base), None, run))
    found = merge(run, tmp_path / "merged", "cpu")
    assert found.distance
    assert found.effect
    assert found.distance.largest < 1e-3 < found.effect.largest


@pytest.mark.parametrize("section", [NF4, FP4, INT8], ids=["nf4", "fp4", "int8"])
def test_a_matrix_is_rounded_as_the_loaded_model_is(place_of: Path, section: Any) -> None:
    plain = AutoModelForCausalLM.from_pretrained(place_of / "plain", dtype=torch.bfloat16)
    whole = AutoModelForCausalLM.from_pretrained(
        place_of / "plain", dtype=torch.bfloat16, quantization_config=quantization_config(section)
    ).dequantize()
    layers = quantized_layers(plain, section)
    assert len(layers) == 14
    for name, layer in layers:
        expected = whole.get_submodule(name).weight
        assert torch.equal(rounded(layer.weight.data, layer, section, "cpu"), expected)
        assert not torch.equal(layer.weight, expected)


def test_what_is_held_is_one_shard_and_one_layer(
    place_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes of the weights that are alive when the next one is made."""
    run = adapter(place_of / "plain", tmp_path / "run")
    alive: dict[int, int] = {}
    most = []
    make_one = MergedWeights.__getitem__

    def noted(self: MergedWeights, name: str) -> torch.Tensor:
        tensor = make_one(self, name)
        storage = tensor.untyped_storage()
        alive[id(storage)] = storage.nbytes()
        weakref.finalize(tensor, alive.pop, id(storage), None)
        most.append(sum(alive.values()))
        return tensor

    monkeypatch.setattr(MergedWeights, "__getitem__", noted)
    given = Trained(model(place_of / "plain"), None, run)
    write_merged(given, tmp_path / "out", "cpu", shard="200KB")
    saved = weights(tmp_path / "out")
    total = sum(tensor.nbytes for tensor in saved.values())
    largest = max(tensor.nbytes for tensor in saved.values())
    assert len(most) == len(saved)
    assert max(most) <= max(200_000, largest) + largest
    assert max(most) < 0.5 * total


def test_an_adapter_that_does_nothing_is_not_merged(place_of: Path, tmp_path: Path) -> None:
    run = adapter(place_of / "plain", tmp_path / "run", size=0.0)
    finished(place_of / "plain", run, "float32")
    with pytest.raises(JmedError, match=r"changes nothing: .* all 14 lora_B are 0"):
        merge(run, tmp_path / "merged", "cpu")
    assert not (tmp_path / "merged").exists()


def with_code(base: Path, folder: Path) -> Path:
    """The same base, whose repository holds code that leaves a file behind when it is imported."""
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {
        "AutoConfig": "theirs.Config", "AutoModelForCausalLM": "theirs.Theirs",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "theirs.py").write_text(
        f"from pathlib import Path\nPath({str(folder / 'it_ran')!r}).touch()\n"
        "from transformers import LlamaConfig as Config, LlamaForCausalLM as Theirs\n",
        encoding="utf-8",
    )
    return folder


def test_a_run_of_others_turns_on_no_code(place_of: Path, tmp_path: Path) -> None:
    base = with_code(place_of / "plain", tmp_path / "base")
    run = finished(base, adapter(place_of / "plain", tmp_path / "run"), "float32")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    said = record["settings"]["recipe"]["model"]
    said |= {"attn_implementation": "someone/kernel", "use_kernels": True}
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    merge(run, tmp_path / "merged", "cpu")  # the class of the name, nothing of theirs
    said["trust_remote_code"] = True
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(JmedError, match=r"runs code of its own .* allowed: --trust-remote-code"):
        merge(run, tmp_path / "again", "cpu")
    assert not (base / "it_ran").exists()
    trusted = _base(run, said, trust_code=True)  # what the command line says, and no more
    assert (trusted.trust_remote_code, trusted.use_kernels) == (True, False)


def test_an_adapter_that_could_hold_code_is_refused(place_of: Path, tmp_path: Path) -> None:
    run = finished(place_of / "plain", adapter(place_of / "plain", tmp_path / "run"), "float32")
    torch.save({}, run / "adapter_model.bin")
    (run / "adapter_model.safetensors").unlink()
    with pytest.raises(JmedError, match="weights as safetensors, which hold no code"):
        merge(run, tmp_path / "merged", "cpu")


def test_what_rounding_loses_is_not_kept(place_of: Path, tmp_path: Path) -> None:
    run = adapter(place_of / "plain", tmp_path / "run", size=1.0e-3)
    finished(place_of / "plain", run, "bfloat16")
    with pytest.raises(JmedError, match="rounding to bfloat16 loses it"):
        merge(run, tmp_path / "merged", "cpu")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    ("wanted", "free", "expected"),
    [
        ("auto", (0, 10**9), ("cpu", None, True)),
        ("auto", (10**9, 10**9), ("cuda", "auto", True)),
        ("auto", (10**5, 10**9), ("cpu", None, True)),
        ("cpu", (10**9, 10**9), ("cpu", None, True)),
        ("cpu", (0, 10**6), ("cpu", "auto", True)),
        ("cpu", (0, 10**5), ("cpu", "auto", False)),
        ("cuda", (10**5, 10**9), ("cuda", "auto", True)),
    ],
)
def test_weights_are_put_where_they_fit(
    place_of: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, free: tuple[int, int],
    expected: tuple[str, str | None, bool],
) -> None:  # fmt: skip
    """1.1 MB of weights, 0.8 MB with the linear layers in 4 bits; free on the card, on the host."""
    card, host = free
    monkeypatch.setattr(placement, "_free_on_cards", lambda: [card] if card else [])
    monkeypatch.setattr(placement, "_free_on_host", lambda: host)
    base = model(place_of / "plain")
    found = choose_placement(wanted, read_config(base), base, NF4)
    assert (found.device, found.device_map, found.holds_base) == expected
    assert ("on the card" if found.device == "cuda" else "on the CPU") in found.said


@pytest.mark.parametrize("host", [10**6, 10**5], ids=["base_fits", "nothing_fits"])
def test_little_memory_is_enough(
    place_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: int
) -> None:
    """The same weights where the base, or nothing, fits into memory; what was compared is said."""
    run = finished(
        place_of / "plain", adapter(place_of / "plain", tmp_path / "run"), "float32", NF4
    )
    whole = merge(run, tmp_path / "whole", "cpu")
    monkeypatch.setattr(placement, "_free_on_host", lambda: host)
    found = merge(run, tmp_path / "merged", "cpu")
    assert (found.distance is None) == (host == 10**5)
    assert (found.changed, found.tensors) == (whole.changed, whole.tensors)
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "merged")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_card_that_is_not_there_is_refused(place_of: Path) -> None:
    base = model(place_of / "plain")
    config = read_config(base)
    with pytest.raises(JmedError, match="--device: cuda, but there is no card"):
        choose_placement("cuda", config, base)
    with pytest.raises(JmedError, match="--device"):
        choose_placement("gpu", config, base)
