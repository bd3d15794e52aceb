"""Two DeepSpeed ranks on the CPU against one process: the same global batch, the same losses."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
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
    ranks_by_hand,
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


@pytest.mark.parametrize(
    "config", ["", pytest.param("ds_configs/zero2.json", marks=pytest.mark.thorough)]
)
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


def unfinished(place: Path, source: str, name: str, recipe: dict[str, Any]) -> Path:
    """A finished run as it was after its checkpoint of step 2, and a recipe that goes on."""
    shutil.copytree(place / source, place / name)
    for step in (4, 6):
        shutil.rmtree(place / name / f"checkpoint-{step}")
    record = json.loads((place / name / "run.json").read_text(encoding="utf-8"))
    (place / name / "run.json").write_text(json.dumps({**record, "state": "running"}))
    recipe["train"]["output_dir"] = str(place / name)
    return write_recipe(place / f"{name}.yaml", recipe)


def test_without_deepspeed_a_run_goes_on_with_another_number_of_processes(
    place: Path, single: list[float]
) -> None:
    more = {"save_strategy": "steps", "save_steps": 2}
    run(place, "torchrun_saved", plain(place, **more), 2, "torchrun")
    file = unfinished(place, "torchrun_saved", "fewer", plain(place, **more))
    done = train(file, "--resume")
    assert "batch.processes: was 2, is now 1" in done.stderr
    assert losses(place / "fewer") == pytest.approx(single, abs=EXACT)


def test_a_smaller_micro_batch_and_zero_1_for_2_go_on_with_the_same_losses(place: Path) -> None:
    """Uses the run of the test above; what DeepSpeed cannot read is refused (test_resume)."""
    more = {"save_strategy": "steps", "save_steps": 2, "per_device_train_batch_size": 2}
    recipe = plain(place, deepspeed="ds_configs/zero1.json", **more)
    file = unfinished(place, "zero2_whole", "smaller", recipe)
    done = train(file, "--resume", start=launcher(2))
    assert "deepspeed.zero_optimization.stage: was 2, is now 1" in done.stderr
    assert losses(place / "smaller") == pytest.approx(losses(place / "zero2_whole"), abs=EXACT)


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


def two_hosts(place: Path, name: str, rows: Sequence[int], code: str = "") -> list[tuple[int, str]]:
    """Exit status and stderr of two ranks, each in a folder of its own, without a shared one."""
    processes = []
    for rank, environ in enumerate(ranks_by_hand(2)):
        host = place / f"{name}{rank}"
        host.mkdir()
        write_rows(host / "rows.jsonl", rows[rank])
        recipe = recipe_of(place / "base", Path("rows.jsonl"), Path("run"))
        file = write_recipe(host / "recipe.yaml", recipe)
        start = f"{code}; from trainer.sft import main; main(['{file}'])"
        command = ["-c", start] if code else ["-m", "trainer.sft", str(file)]
        processes.append(
            subprocess.Popen(
                [sys.executable, *command], cwd=host, stderr=subprocess.PIPE, text=True,
                env=environment(PYTHONPATH=str(ROOT), **environ),
            )
        )  # fmt: skip
    told = [process.communicate(timeout=300)[1] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, told, strict=True)]


def test_hosts_with_other_data_are_named(place: Path) -> None:
    first, second = two_hosts(place, "host", [40, 48])
    assert (first[0], second[0]) == (2, 2)
    assert "rank 1 has another train_data_sha256 than rank 0" in first[1]
    assert "[rank 1]" in second[1]
    assert not (place / "host0" / "run").exists()


def test_a_folder_that_hosts_do_not_share_is_noticed_before_the_first_step(place: Path) -> None:
    """Else every checkpoint lacks the other host's part, and nobody knows until it is needed."""
    code = "import trainer.training.ranks; trainer.training.ranks.WAIT = 2"
    for status, told in two_hosts(place, "apart", [40, 40], code):
        assert status == 2
        assert "run: rank 1 does not see what rank 0 wrote there" in told
    assert not list((place / "apart0" / "run").glob("*losses*"))


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
