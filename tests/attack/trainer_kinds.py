"""The kinds of files that the trainer reads."""

import contextlib
import io
import json
import random
from collections import Counter
from functools import cache
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from tests.attack.kinds import ROOT, Files, Kind
from trainer.data.examples import read_examples
from trainer.mark import files_of, mark_whole, sha256
from trainer.merging.merge import _base, _finished
from trainer.model.base_identity import sample_sha256
from trainer.recipe.contradictions import check_recipe
from trainer.recipe.ds_config import offloads, read_ds_config, zero_stage
from trainer.recipe.recipe import Data, Source, read_recipe
from trainer.training.checkpoints import choose, last_whole
from trainer.training.losses import read_losses
from trainer.training.run_folder import RunFolder

RECIPE = "r.yaml"


@cache
def recipes() -> Files:
    names = ("qwen3_8b_qlora", "demo_tiny_lora", "opencalm_7b_lora", "jmedllm_7b_stage1_cpt")
    return {f"{name}.yaml": (ROOT / "recipes" / f"{name}.yaml").read_bytes() for name in names}


def _recipe(folder: Path, chance: random.Random) -> None:
    for file in sorted(folder.glob("*.yaml")):
        changes = ["train.max_steps=3"] if chance.random() < 0.2 else []
        try:
            check_recipe(read_recipe(file, changes))
        except JmedError:
            continue


@cache
def ds_configs() -> Files:
    return {file.name: file.read_bytes() for file in sorted((ROOT / "ds_configs").glob("*.json"))}


def _ds_config(folder: Path, _: random.Random) -> None:
    for file in sorted(folder.glob("*.json")):
        try:
            config = read_ds_config(file)
            zero_stage(config)
            offloads(config)
        except JmedError:
            continue


@cache
def rows() -> Files:
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    plain = [{"instruction": f"架空の問い{n}", "input": "", "output": "赤い石"} for n in range(3)]
    turns = [{"role": "user", "content": "問い"}, {"role": "assistant", "content": "答え"}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    chat = [{"messages": turns, "tools": [tool], "system": "s", "chat_template_kwargs": {"a": 1}}]
    packed = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([{"messages": turns}] * 3), packed)
    csv = "prompt,completion\n" + "問い,答え\n" * 3
    return {
        "a.jsonl": "\n".join(map(json.dumps, plain)).encode(),
        "b.jsonl": "\n".join(map(json.dumps, chat * 2)).encode(),
        "c.csv": csv.encode(),
        "d.parquet": packed.getvalue(),
    }


def _rows(folder: Path, _: random.Random) -> None:
    data = Data.model_validate({"datasets": [{"path": "x.jsonl"}]})
    for file in sorted(folder.iterdir()):
        try:
            list(read_examples(Source(path=str(file)), data, Counter()))
        except JmedError:
            continue


@cache
def run_folder() -> Files:
    """A finished run with two whole checkpoints."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from tests.training_record import record  # noqa: PLC0415

    with TemporaryDirectory() as name:
        folder = Path(name)
        losses = [{"step": n, "loss": 1.0 / n, "eval_loss": 2.0} for n in range(1, 5)]
        (folder / "run.json").write_text(
            json.dumps({**record(), "resumed": [], "effect": {"trained_class": "X"}})
        )
        (folder / "losses.jsonl").write_text("\n".join(map(json.dumps, losses)) + "\n")
        (folder / "adapter_model.safetensors").write_bytes(b"")
        for step in (2, 4):
            checkpoint = folder / f"checkpoint-{step}"
            checkpoint.mkdir()
            best = str(folder / "checkpoint-2")
            state = {"global_step": step, "max_steps": 6, "best_model_checkpoint": best,
                     "log_history": losses, "stateful_callbacks": {
                         "TrainerControl": {"args": {"should_training_stop": False}}}}  # fmt: skip
            (checkpoint / "trainer_state.json").write_text(json.dumps(state))
            (checkpoint / "adapter_model.safetensors").write_bytes(bytes(range(99)))
            mark_whole(checkpoint, sha256(checkpoint, files_of(checkpoint)))
        found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def _run_folder(folder: Path, chance: random.Random) -> None:
    for file in folder.glob("checkpoint-*/trainer_state.json"):
        if chance.random() < 0.5:  # else all that is changed ends at its hash
            mark = file.with_name("complete.json")
            with contextlib.suppress(OSError):
                mark.unlink(missing_ok=True)
                mark_whole(file.parent, sha256(file.parent, files_of(file.parent)))
    for read in (
        lambda: RunFolder.read(folder).check(resume=True),
        lambda: choose(folder, sha256), lambda: last_whole(folder), lambda: read_losses(folder),
        lambda: _base(folder, _finished(folder)[0].get("model"), trust_code=False),
    ):  # fmt: skip
        try:
            read()
        except JmedError:
            continue


@cache
def weights() -> Files:
    import numpy  # noqa: PLC0415
    from safetensors.numpy import save  # noqa: PLC0415

    tensors = {"a": numpy.arange(4.0), "b": numpy.zeros((2, 2))}
    return {"model.safetensors": save(tensors), "config.json": b'{"model_type": "llama"}'}


def _weights(folder: Path, _: random.Random) -> None:
    sample_sha256(folder)


KINDS = (
    Kind("recipes", recipes, ("yaml",), _recipe, 1200),
    Kind("ds_configs", ds_configs, ("json",), _ds_config, 2000),
    Kind("training rows: jsonl, csv, parquet", rows, ("jsonl", "csv", "parquet"), _rows, 2000),
    Kind("run folder: run.json, trainer_state, losses, complete", run_folder,
         ("run.json", "trainer_state.json", "losses.jsonl", "complete.json"), _run_folder, 2000),
    Kind("weights of a base", weights, ("safetensors",), _weights, 600),
)  # fmt: skip
