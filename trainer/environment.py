"""Where a process runs: its launcher, rank and GPUs, the Hub's reach, remarks of libraries.

Its functions import torch themselves: `hush` and `go_offline_if_unreachable` come before it.
"""

import logging
import os
import urllib.error
import urllib.request
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError

GLOO = "gloo"
WAIT = 3.0
"""Seconds for the Hub to answer anything at all; a firewall may drop what is sent."""


@dataclass(frozen=True)
class Launch:
    """The place of this process in its run."""

    rank: int
    world_size: int
    gpu: bool
    """A CUDA device is there."""
    distributed: bool
    """A launcher has set the ranks."""
    gpus: int = 0
    """How many this process sees."""

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    @property
    def device_map(self) -> str | None:
        """What TRL passes where it loads a model: "auto" for one process with GPUs, else None."""
        return "auto" if self.gpu and not self.distributed else None


def read_launch() -> Launch:
    """Read what `deepspeed`, `torchrun` and `accelerate launch` leave in the environment."""
    import torch

    return Launch(
        rank=int(os.environ.get("RANK", "0")),
        world_size=int(os.environ.get("WORLD_SIZE", "1")),
        gpu=torch.cuda.is_available(),
        distributed="RANK" in os.environ,
        gpus=torch.cuda.device_count(),
    )


def check_launch(launch: Launch, program: str = "trainer.sft") -> None:
    """Refuse one process that sees several GPUs.

    TRL would load with device_map="auto": the layers are split over the GPUs and one of them works
    at a time.

    Raises:
        JmedError: saying how all of them work, and how one does.
    """
    if launch.distributed or launch.gpus < 2:
        return
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    raise JmedError(
        f"{launch.gpus} GPUs are visible and no launcher started this process; allowed: all of "
        f"them, `deepspeed --module {program} RECIPE` or `torchrun --nproc_per_node "
        f"{launch.gpus} -m {program} RECIPE`; or one, `CUDA_VISIBLE_DEVICES={first} python -m "
        f"{program} RECIPE`"
    )


def launch_command(
    recipe: str, gpus: int, environ: Mapping[str, str], program: str = "trainer.sft"
) -> str:
    """The command that starts a recipe on this machine.

    Where CUDA_VISIBLE_DEVICES names GPUs, they are named again: with --num_gpus DeepSpeed ignores
    that variable and takes the first GPUs, which may be somebody else's (deepspeed 0.19.8,
    launcher/runner.py).

    Args:
        recipe: its path, with --set where given.
        gpus: of this machine.
        environ: os.environ.
        program: trainer.sft, or trainer.dpo.
    """
    named = [part for part in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    which = f"--num_gpus {gpus}"
    if len(named) >= gpus:
        if not all(name.isdecimal() for name in named):  # UUIDs, which DeepSpeed cannot read
            return f"torchrun --nproc_per_node {gpus} -m {program} {recipe}"
        which = f"--include localhost:{','.join(named[:gpus])}"
    return f"deepspeed {which} --module {program} {recipe}"


def join_processes(launch: Launch, stage: int) -> None:
    """Start the process group where accelerate would not.

    With `use_cpu` it leaves DeepSpeed's group out, and ZeRO-3 then takes the world for 1 process
    when the weights are loaded.

    Raises:
        RuntimeError: as torch.distributed does, the port being taken among others.
    """
    if launch.distributed and not launch.gpu and stage:
        import deepspeed

        deepspeed.init_distributed(dist_backend=GLOO, verbose=False)


def go_offline_if_unreachable() -> bool:
    """Set HF_HUB_OFFLINE where the Hub does not answer; to be called before its client is imported.

    That client tries five times for each file, half a minute in all, before it says so.

    Returns:
        Whether the Hub was tried and did not answer.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        urllib.request.urlopen(endpoint, timeout=WAIT).close()
    except urllib.error.HTTPError:
        return False  # it answered
    except OSError:
        os.environ["HF_HUB_OFFLINE"] = "1"
        return True
    return False


def hush() -> None:
    """Silence remarks that no user of a recipe can act on.

    To be called before torch, bitsandbytes and transformers are imported.
    """
    # a faster 4-bit kernel for CPUs, asked for at every import
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # TRL itself sets the old name of activation_checkpointing
    warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing(_enable)?` is deprecated")
