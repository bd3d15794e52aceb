"""Two DeepSpeed ranks on the CPU against one process: the same global batch, the same losses."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from demo.tiny_model import build
from tests.e2e.sft_run import (
    ROOT,
    accelerate,
    environment,
    free_port,
    kill_after,
    launcher,
    losses,
    quantized,
    recipe_of,
    train,
    write_recipe,
    write_rows,
)

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") and shutil.which("ninja")),
    reason="DeepSpeed on a CPU builds its parts with g++ and ninja; one of them is not here",
)
EXACT = 1e-4
"""float32: the order of additions differs between one process and two."""
ROUNDED = 5e-3
"""bfloat16 over a 4-bit base: without DeepSpeed the adapter is float32, with it bfloat16 with a
float32 master copy."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    build(folder / "base")
    write_rows(folder / "rows.jsonl")
    return folder


def run(place: Path, name: str, recipe: dict[str, Any], ranks: int, kind: str) -> Path:
    out = place / name
    recipe["train"]["output_dir"] = str(out)
    train(write_recipe(place / f"{name}.yaml", recipe), start=launcher(ranks, kind))
    return out


def plain(place: Path, **more: object) -> dict[str, Any]:
    return recipe_of(place / "base", place / "rows.jsonl", place / "unset", **more)


@pytest.fixture(scope="module")
def single(place: Path) -> list[float]:
    return losses(run(place, "single", plain(place), 1, ""))


def full(place: Path) -> dict[str, Any]:
    """All parameters."""
    recipe = plain(place, learning_rate=1.0e-3)
    del recipe["adapter"]
    return recipe


@pytest.fixture(scope="module")
def single_full(place: Path) -> list[float]:
    return losses(run(place, "full", full(place), 1, ""))


@pytest.fixture(scope="module")
def single_4bit(place: Path) -> list[float]:
    return losses(run(place, "single_4bit", quantized(plain(place)), 1, ""))


@pytest.mark.parametrize("config", sorted(file.stem for file in ROOT.glob("ds_configs/*.json")))
def test_every_config_reaches_the_losses_of_one_process(
    place: Path, single: list[float], config: str
) -> None:
    recipe = plain(place, deepspeed=f"ds_configs/{config}.json")
    found = losses(run(place, config, recipe, 2, "deepspeed"))
    assert len(found) == len(single) == 6
    assert found == pytest.approx(single, abs=EXACT)
    assert single[-1] < single[0]


@pytest.mark.parametrize("config", ["", "ds_configs/zero2.json"])
def test_torchrun_reaches_the_losses_of_one_process(
    place: Path, single: list[float], config: str
) -> None:
    recipe = plain(place, **({"deepspeed": config} if config else {}))
    name = f"torchrun_{Path(config).stem}"
    assert losses(run(place, name, recipe, 2, "torchrun")) == pytest.approx(single, abs=EXACT)


@pytest.mark.parametrize("config", ["zero2", "zero3", "zero3_offload_all"])
def test_a_4_bit_base_reaches_the_losses_of_one_process(
    place: Path, single_4bit: list[float], config: str
) -> None:
    recipe = quantized(plain(place, deepspeed=f"ds_configs/{config}.json"))
    found = losses(run(place, f"{config}_4bit", recipe, 2, "deepspeed"))
    assert found == pytest.approx(single_4bit, abs=ROUNDED)
    assert single_4bit[-1] < single_4bit[0]


def test_accelerate_launch_reaches_the_losses_of_plain_python(
    place: Path, single: list[float]
) -> None:
    recipe = plain(place)
    recipe["train"]["output_dir"] = str(place / "accelerate")
    train(write_recipe(place / "accelerate.yaml", recipe), start=accelerate())
    assert losses(place / "accelerate") == single


def test_two_nodes_without_ssh_reach_the_losses_of_one_process(
    place: Path, single: list[float]
) -> None:
    """Two loopback addresses stand for two hosts, each started by hand as on a cluster."""
    recipe = plain(place, deepspeed="ds_configs/zero2.json")
    recipe["train"]["output_dir"] = str(place / "nodes")
    file = write_recipe(place / "nodes.yaml", recipe)
    (place / "hostfile").write_text("127.0.0.1 slots=1\n127.0.0.2 slots=1\n", encoding="utf-8")
    command = [
        str(Path(sys.executable).parent / "deepspeed"), "--hostfile", str(place / "hostfile"),
        "--no_ssh", "--master_addr", "127.0.0.1", "--master_port", free_port(),
    ]  # fmt: skip
    nodes = [
        subprocess.Popen(
            [*command, "--node_rank", str(rank), "--module", "trainer.sft", str(file)],
            cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    assert [node.wait(timeout=600) for node in nodes] == [0, 0]
    assert losses(place / "nodes") == pytest.approx(single, abs=EXACT)


def test_killed_under_two_ranks_and_resumed_the_losses_go_on(place: Path) -> None:
    """ZeRO-2 and ZeRO-3 checkpoints have a part from each rank."""
    for config in ("zero2", "zero3"):
        more = {"save_strategy": "steps", "save_steps": 2, "deepspeed": f"ds_configs/{config}.json"}
        whole = run(place, f"{config}_whole", plain(place, **more), 2, "deepspeed")
        recipe = plain(place, **more)
        recipe["train"]["output_dir"] = str(place / f"{config}_killed")
        file = write_recipe(place / f"{config}_k.yaml", recipe)
        kill_after(file, place / f"{config}_killed", 3, launcher(2))
        assert len(losses(place / f"{config}_killed")) < 6
        train(file, "--resume", start=launcher(2))
        assert losses(place / f"{config}_killed") == losses(whole)


def test_an_adapter_saved_under_zero_3_speaks_as_that_of_one_process(place: Path) -> None:
    """The losses were equal; so must be the weights, whole and in place."""
    one = load_file(place / "single" / "adapter_model.safetensors")
    other = load_file(place / "zero3" / "adapter_model.safetensors")
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor, other[name].to(tensor.dtype), atol=2e-3), name


def test_all_parameters_trained_under_zero_3_are_saved(
    place: Path, single_full: list[float]
) -> None:
    recipe = full(place)
    recipe["train"]["deepspeed"] = str(ROOT / "ds_configs" / "zero3.json")
    folder = run(place, "full_zero3", recipe, 2, "deepspeed")
    assert losses(folder) == pytest.approx(single_full, abs=EXACT)
    saved = load_file(folder / "model.safetensors")
    alone = load_file(place / "full" / "model.safetensors")
    assert saved.keys() == alone.keys()
    assert all(torch.allclose(saved[name], alone[name], atol=1e-3) for name in alone)


def test_hosts_with_other_data_are_named(place: Path) -> None:
    """Each rank in a folder of its own, as two hosts without a shared file system are."""
    port = free_port()
    processes = []
    for rank in (0, 1):
        host = place / f"host{rank}"
        host.mkdir()
        write_rows(host / "rows.jsonl", 40 + 8 * rank)
        recipe = recipe_of(place / "base", Path("rows.jsonl"), Path("run"))
        file = write_recipe(host / "recipe.yaml", recipe)
        own = environment(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1", MASTER_PORT=port, PYTHONPATH=str(ROOT),
        )  # fmt: skip
        command = [sys.executable, "-m", "trainer.sft", str(file)]
        processes.append(
            subprocess.Popen(command, cwd=host, env=own, stderr=subprocess.PIPE, text=True)
        )
    told = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [2, 2]
    assert "rank 1 has another train_data_sha256 than rank 0" in told[0]
    assert "[rank 1]" in told[1]
    assert not (place / "host0" / "run").exists()


def test_a_taken_port_is_one_message(place: Path) -> None:
    """Two runs on one machine collide on DeepSpeed's default port."""
    recipe = plain(place)
    recipe["train"]["output_dir"] = str(place / "taken")
    file = write_recipe(place / "taken.yaml", recipe)
    start = launcher(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        start[start.index("--master_port") + 1] = str(other.getsockname()[1])
        done = train(file, start=start, check=False)
    assert done.returncode
    assert "the port of another run is taken" in done.stderr
    assert "--master_port" in done.stderr
    assert not (place / "taken").exists()
