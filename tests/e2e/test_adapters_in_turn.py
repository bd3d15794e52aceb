"""Several adapters on one base, in one call: equal to a call for each, to the bit."""

import json
import shutil
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.tasks import TaskManager
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_eval_tasks.cli.eval import run_lm_eval
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.turns import TURNS, base_kept
from tests.e2e.tiny_pairs import make, requests

TASKS = (
    "--tasks", "jmed_sample_mc,jmed_sample_letters", "--limit", "4", "--log_samples",
    "--gen_kwargs", "max_gen_toks=8",
)  # fmt: skip
NAMES = ("", "step-9", "step-30", "dora", "pissa")
CLOCK = ("date", "start_time", "end_time", "total_evaluation_time_seconds")
ADAPTERS: dict[str, dict[str, Any]] = {
    # as the trainer writes them: milestones of one training
    "step-9": {"r": 4, "target_modules": "all-linear"},
    "step-30": {"r": 2, "target_modules": ["q_proj", "v_proj"], "use_rslora": True, "bias": "all",
                "modules_to_save": ["embed_tokens", "lm_head"]},
    "dora": {"r": 4, "target_modules": ["q_proj", "down_proj"], "use_dora": True},
    # changes the weights of the base when it is loaded
    "pissa": {"r": 4, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": "pissa"},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def our_tasks_alone() -> Iterator[None]:
    """lm-eval reads 13,000 files of other tasks, 8 s, in each run."""
    with pytest.MonkeyPatch.context() as patch:
        made = partialmethod(TaskManager.__init__, include_defaults=False)
        patch.setattr(TaskManager, "__init__", made)
        patch.setattr("lm_eval.evaluator.add_env_info", lambda _: None)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base/ and run/ with the adapters, each of which changes every answer."""
    place = tmp_path_factory.mktemp("adapters")
    make(place / "base", "llama")
    for number, (name, settings) in enumerate(ADAPTERS.items()):
        base = AutoModelForCausalLM.from_pretrained(place / "base")
        torch.manual_seed(number)
        model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **settings))
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data += 0.1 * torch.randn_like(parameter)
        model.save_pretrained(str(place / "run" / name))
    return place


def written(folder: Path) -> dict[str, Any]:
    """File, without its date -> what it holds, without the clock."""
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*.json*")):
        name = str(file.relative_to(folder).with_name(file.name.rpartition("_")[0]))
        assert name not in found
        lines = [json.loads(line) for line in file.read_text().splitlines()] if (
            file.suffix == ".jsonl") else json.loads(file.read_text())  # fmt: skip
        found[name] = lines
        if isinstance(lines, dict):
            found[name] = {key: value for key, value in lines.items() if key not in CLOCK}
    return found


def args(place: Path, *more: str) -> list[str]:
    model = ",".join([f"pretrained={place / 'base'}", "dtype=float32", *more])
    return ["--model", "jmed_hf", "--model_args", model, "--device", "cpu", *TASKS]


def scored(out: Path, *arguments: str) -> dict[str, Any]:
    """What `jmed eval` writes, in this process."""
    run_lm_eval([*arguments, "--output_path", str(out)])
    assert TURNS.get() is None
    return written(out)


@pytest.fixture(scope="module")
def each(place: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A call for each of NAMES, in one --output_path."""
    out = tmp_path_factory.mktemp("each")
    for name in NAMES:
        scored(out, *args(place, *([f"peft={place}/run/{name}"] if name else [])))
    return written(out)


def test_one_call_writes_what_a_call_for_each_writes(
    place: Path, each: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Base, milestones by their number, and two that were trained apart."""
    run = place / "run"
    several = (f"peft={run}/pissa", "peft=None", f"peft={run}/step-*", f"peft={run}/dora")
    one = scored(tmp_path, *args(place, *several))
    assert len(one) == len(NAMES) * 3
    assert one.keys() == each.keys()
    for name, content in one.items():
        assert content == each[name], name
    samples = {json.dumps([line["resps"] for line in content])
               for name, content in one.items() if "samples" in name}  # fmt: skip
    assert len(samples) == len(NAMES) * 2
    said = capfd.readouterr().err
    turns = [line.rpartition("/")[2] for line in said.splitlines() if line.startswith("jmed: ")]
    assert turns == ["pissa", "jmed: 2 of 5: the base", "step-9", "step-30", "dora"]


def test_kept_answers_are_told_apart_and_taken_up(
    place: Path, each: dict[str, Any], tmp_path: Path
) -> None:
    listed = json.dumps({"pretrained": str(place / "base"), "dtype": "float32",
                         "peft": [None, f"{place}/run/step-*"]})  # fmt: skip
    given = (*args(place)[:3], listed, *args(place)[4:], "--resume", str(tmp_path / "kept"))
    first = scored(tmp_path / "first", *given)
    kept = (tmp_path / "kept" / "answers_rank0.jsonl").read_bytes()
    again = scored(tmp_path / "again", *given)
    assert (tmp_path / "kept" / "answers_rank0.jsonl").read_bytes() == kept
    assert len(list((tmp_path / "kept").glob("model_*.json"))) == 3
    for name, content in first.items():
        if "samples" in name:
            assert content == again[name] == each[name], name


def loaded(place: Path, name: str, **settings: Any) -> JmedHF:
    peft = {"peft": str(place / "run" / name)} if name else {}
    return JmedHF(pretrained=str(place / "base"), device="cpu", **{"dtype": "float32", **peft,
                  **settings})  # fmt: skip


def logits(lm: JmedHF) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = lm.model(torch.arange(5, 40)[None]).logits
    return found


def test_what_was_proven_of_one_adapter_is_proven_anew_of_the_next(place: Path) -> None:
    asked = requests("jmed_sample_mc", 3)
    with base_kept([f"{place}/run/step-9", f"{place}/run/dora"]) as turns:
        first = loaded(place, "step-9")
        first.loglikelihood(asked, disable_tqdm=True)
        second = loaded(place, "dora")
        assert first.proven
        assert not second.proven
        assert second.fed.tokens == 0
        second.loglikelihood(asked, disable_tqdm=True)
        assert second.fed.tokens == first.fed.tokens
        assert turns.kept.reads == 1


def test_a_base_that_was_changed_in_place_is_read_again(place: Path) -> None:
    apart = {name: logits(loaded(place, name)) for name in ("", "step-9")}
    with base_kept([]) as turns:
        loaded(place, "step-9").model.merge_adapter()
        for name in ("", "step-9", ""):
            assert torch.equal(logits(loaded(place, name)), apart[name])
        assert turns.kept.reads == 2


def test_a_base_that_cannot_be_added_up_is_read_each_time(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is partly offloaded."""
    alone = logits(loaded(place, "dora"))
    monkeypatch.setattr("lm_eval_tasks.models.base._sum", lambda tensor: tensor.to("meta").item())
    with base_kept([]) as turns:
        loaded(place, "step-9")
        assert torch.equal(logits(loaded(place, "dora")), alone)
        assert turns.kept.reads == 2


def test_a_base_of_four_bits_is_read_once_too(place: Path) -> None:
    pytest.importorskip("bitsandbytes")
    four = {"load_in_4bit": True, "bnb_4bit_compute_dtype": "float32"}
    names = ("", "step-9", "", "dora", "step-30")
    apart = {name: logits(loaded(place, name, **four)) for name in names}
    with base_kept([f"{place}/run/{name}" for name in names if name]) as turns:
        for name in names:
            assert torch.equal(logits(loaded(place, name, **four)), apart[name])
        assert turns.kept.reads == 1


def test_a_vocabulary_that_is_resized_for_adapters_is_not_for_the_base(tmp_path: Path) -> None:
    """lm-eval cuts or fills up the embeddings of a base with an adapter, of a bare base not."""
    make(tmp_path / "base", "llama")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    for number, more in enumerate((-7, 9)):
        place = tmp_path / str(number)
        shutil.copytree(tmp_path / "base", place / "base")
        model = AutoModelForCausalLM.from_pretrained(place / "base")
        model.resize_token_embeddings(len(tokenizer) + more)
        model.save_pretrained(place / "base")
        model.resize_token_embeddings(len(tokenizer))
        trained = get_peft_model(model, LoraConfig(r=2, init_lora_weights=False))
        trained.save_pretrained(str(place / "run" / "a"), save_embedding_layers=False)
        names = ("", "a", "")
        apart = {name: seeded(place, name) for name in names}
        assert [len(apart[name]) - 3 - len(tokenizer) for name in names] == [more, 0, more]
        with base_kept([f"{place}/run/a"]) as turns:
            for name in names:
                assert torch.equal(seeded(place, name), apart[name])
            assert turns.kept.reads == 1


def seeded(place: Path, name: str) -> torch.Tensor:
    """As lm-eval seeds before it makes a model: new rows of embeddings are drawn, and what is
    drawn later is sampled."""
    torch.manual_seed(1234)
    lm = loaded(place, name)
    return torch.cat([torch.rand(3), logits(lm)[0, -1]])


def test_one_that_cannot_be_loaded_stops_before_the_first_question(
    place: Path, tmp_path: Path
) -> None:
    wide = make(tmp_path / "wide", "llama", hidden_size=32, head_dim=8)
    other = make(tmp_path / "other", "gpt_neox", num_key_value_heads=4)
    for name, base, layers in (("wide", wide, ["q_proj"]), ("names", other, ["query_key_value"])):
        model = AutoModelForCausalLM.from_pretrained(base)
        adapter = get_peft_model(model, LoraConfig(r=2, target_modules=layers))
        adapter.save_pretrained(str(tmp_path / name))
    shutil.copytree(place / "run" / "dora", tmp_path / "cut")
    file = tmp_path / "cut" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    shutil.copytree(place / "run" / "step-9", tmp_path / "lacking")
    weights = load_file(tmp_path / "lacking" / "adapter_model.safetensors")
    moved = {name.replace("layers.1", "layers.7"): value for name, value in weights.items()}
    save_file(moved, tmp_path / "lacking" / "adapter_model.safetensors")
    names = ("wide", "names", "cut", "lacking")
    for name in names:  # so that their bases are not what they are refused for
        config = tmp_path / name / "adapter_config.json"
        settings = json.loads(config.read_text())
        config.write_text(json.dumps({**settings, "base_model_name_or_path": ""}))
    several = ["peft=None", f"peft={place}/run/dora", *(f"peft={tmp_path}/{n}" for n in names)]
    with pytest.raises(JmedError) as caught:
        scored(tmp_path / "out", *args(place, *several))
    refused = [line.partition(":")[0] for line in str(caught.value).split("\n  ")[1:]]
    assert [line for line in refused if line.startswith("peft=")] == several[2:]
    assert not (tmp_path / "out").exists()


def test_alone_too_an_adapter_whose_weights_have_no_place_is_refused(
    place: Path, tmp_path: Path
) -> None:
    """PEFT warns, and the base would be scored in its name."""
    shutil.copytree(place / "run" / "step-9", tmp_path / "run" / "moved")
    shutil.copytree(place / "base", tmp_path / "base")
    file = tmp_path / "run" / "moved" / "adapter_model.safetensors"
    weights = load_file(file)
    save_file({f"base_model.model.language_{key[17:]}": w for key, w in weights.items()}, file)
    with pytest.raises(JmedError, match="Found missing adapter keys"):
        loaded(tmp_path, "moved")
    save_file({**weights, "base_model.model.model.layers.7.mlp.up_proj.lora_A.weight":
               torch.ones(4, 64)}, file)  # fmt: skip
    with pytest.raises(JmedError, match="1 of its 29 tensors have no place"):
        loaded(tmp_path, "moved")
