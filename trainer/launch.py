"""How this process was started: launcher, rank, number of processes, GPU or CPU."""

import os
from dataclasses import dataclass

GLOO = "gloo"


@dataclass(frozen=True)
class Launch:
    """gpu: a CUDA device is there; distributed: a launcher has set the ranks."""

    rank: int
    world_size: int
    gpu: bool
    distributed: bool

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def read_launch() -> Launch:
    """Read what `deepspeed`, `torchrun` and `accelerate launch` leave in the environment."""
    import torch

    return Launch(
        rank=int(os.environ.get("RANK", "0")),
        world_size=int(os.environ.get("WORLD_SIZE", "1")),
        gpu=torch.cuda.is_available(),
        distributed="RANK" in os.environ,
    )


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
