"""A real training run in a process of its own, under the launcher asked for."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

ROOT = Path(__file__).resolve().parents[2]
NF4 = {
    "load_in_4bit": True,
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": True,
    "bnb_4bit_compute_dtype": "bfloat16",
    "bnb_4bit_quant_storage": "bfloat16",
}


def write_rows(file: Path, count: int = 48) -> None:
    """Instruction rows of different lengths, about nothing."""
    rows = [
        {
            "instruction": f"{i}番の箱に入っているものはどれか。" + "色は問わない。" * (i % 5),
            "input": f"玉{i},札{i},石{i}",
            "output": f"札{i}",
        }
        for i in range(count)
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(lines), encoding="utf-8")


def recipe_of(base: Path, rows: Path, out: Path, **train: object) -> dict[str, Any]:
    """A LoRA recipe that takes seconds; batch 8."""
    return {
        "model": {"model_name_or_path": str(base)},
        "adapter": {
            "r": 8, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": "all-linear",
        },
        "data": {"datasets": [{"path": str(rows)}]},
        "train_batch_size": 8,
        "train": {
            "output_dir": str(out), "max_length": 256, "per_device_train_batch_size": 4,
            "max_steps": 6, "learning_rate": 2.0e-3, "lr_scheduler_type": "constant",
            "bf16": False, "gradient_checkpointing": False, "logging_steps": 1, "seed": 3,
            "save_strategy": "no", "disable_tqdm": True, **train,
        },
    }  # fmt: skip


def quantized(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The same over a 4-bit base."""
    return {
        **recipe,
        "model": {**recipe["model"], "dtype": "bfloat16"},
        "quantization": NF4,
        "train": {**recipe["train"], "bf16": True},
    }


def write_recipe(file: Path, recipe: Mapping[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(dict(recipe)), encoding="utf-8")
    return file


PORTS: list[str] = []
"""Those given out in this process."""


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        PORTS.append(str(probe.getsockname()[1]))
        return PORTS[-1]


def launcher(ranks: int, kind: str = "deepspeed") -> list[str]:
    """The command line up to the recipe."""
    bin_folder = Path(sys.executable).parent
    if ranks == 1:
        return [sys.executable, "-m", "trainer.sft"]
    if kind == "torchrun":
        return [
            str(bin_folder / "torchrun"), "--nproc_per_node", str(ranks),
            "--master_port", free_port(), "-m", "trainer.sft",
        ]  # fmt: skip
    return [
        str(bin_folder / "deepspeed"), "--num_accelerators", str(ranks),
        "--master_port", free_port(), "--module", "trainer.sft",
    ]  # fmt: skip


def ranks_by_hand(count: int) -> list[dict[str, str]]:
    """The variables of each rank, as srun and pbsdsh start them: without a launcher."""
    port = free_port()
    return [
        {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count),
            "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        }
        for rank in range(count)
    ]  # fmt: skip


def accelerate() -> list[str]:
    """accelerate launch with its one process: for more on a CPU it wants MPI."""
    program = str(Path(sys.executable).parent / "accelerate")
    return [program, "launch", "--cpu", "--num_processes", "1", "-m", "trainer.sft"]


def environment(**more: str) -> dict[str, str]:
    """Of a process that asks nobody; DeepSpeed takes the CPU where there is no GPU."""
    device = {} if torch.cuda.is_available() else {"DS_ACCELERATOR": "cpu"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", **device,
        "OMP_NUM_THREADS": "1", "JMED_MIRROR": "", "JMED_CACHE": "/nonexistent", **more,
    }  # fmt: skip


def train(
    recipe: Path, *flags: str, start: Sequence[str] = (), check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run to the end; on failure, show the end of what it printed."""
    command = [*(start or launcher(1)), str(recipe), *flags]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=environment(),
        check=False,
    )  # fmt: skip
    if check and done.returncode:
        raise AssertionError(
            f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return done


def losses(folder: Path, key: str = "loss") -> list[float]:
    """Training losses in order of steps."""
    lines = (folder / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    return [float(entry[key]) for entry in map(json.loads, lines) if key in entry]


def kill_after(file: Path, folder: Path, steps: int, start: list[str]) -> None:
    """Start a run and kill -9 its whole process group once so many losses are logged."""
    running = subprocess.Popen(
        [*start, str(file)], cwd=ROOT, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while running.poll() is None:
        if (folder / "losses.jsonl").is_file() and len(losses(folder)) >= steps:
            break
        time.sleep(0.005)
    subprocess.run(["pkill", "-9", "-g", str(running.pid)], check=False)
    running.wait()
