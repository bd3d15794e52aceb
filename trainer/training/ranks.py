"""What all processes of a run must have in common, asked of each before a weight is read."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from accelerate import PartialState
from accelerate.utils import gather_object
from rich.console import Console

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.training_record import Settings
from trainer.environment import Launch
from trainer.mark import sha256

WAIT = 60.0
"""Seconds in which a host may not see what another has written: NFS remembers for so long that a
folder was not there (acdirmax)."""
VARIABLES = ("HF_", "JMED_", "OMP_NUM_THREADS")
"""Beginnings of the names of variables that decide where files come from, and how fast."""


def check_ranks(settings: Settings, checkpoint: Path | None, *, finished: bool) -> None:
    """See that all processes are about to do the same: hosts may hold other files.

    Raises:
        JmedError: naming a rank that differs, and in what.
    """
    own = {
        "train_data_sha256": settings.train_data_sha256,
        "held_out_data_sha256": settings.held_out_data_sha256,
        "checkpoint": checkpoint.name if checkpoint else None,
        "finished": finished,
    }
    first, *others = gather_object([own])
    for rank, other in enumerate(others, 1):
        for key, value in other.items():
            if value != first[key]:
                raise JmedError(
                    f"rank {rank} has another {key} than rank 0: {value!r}, {first[key]!r}; all "
                    "hosts need the same data files and train.output_dir on a shared file system"
                )


def note_environments(console: Console) -> None:
    """Say which variables did not reach every process; called on all ranks.

    `deepspeed --hostfile` forwards only names that begin with NCCL, PYTHON, MLFLOW, UCX or MV2
    (deepspeed 0.19.8, launcher/runner.py).
    """
    given = ((k, v) for k, v in os.environ.items() if k.startswith(VARIABLES))
    own = {k: "set" if "TOKEN" in k else v for k, v in given}
    first, *others = gather_object([own])
    for rank, other in enumerate(others, 1):
        if differing := sorted(k for k in {*first, *other} if first.get(k) != other.get(k)):
            console.print(
                f"note: rank {rank} has another {', '.join(differing)} than rank 0; `deepspeed "
                "--hostfile` forwards such variables only from the file DS_ENV_FILE names "
                "(recipes/launch/deepspeed_env)",
                markup=False,
            )
            return


def check_shared(folder: Path, launch: Launch) -> None:
    """See that every process finds in the run folder what rank 0 has written there just now.

    Without it each host writes its own part of the checkpoints to a disk of its own, and the run
    cannot be resumed. Called on all ranks, once the folder is there.

    Raises:
        JmedError: on every rank, naming those that do not see it.
    """
    if launch.world_size == 1:
        return
    file = folder / f".shared.{gather_object([uuid4().hex])[0]}"
    try:
        if launch.is_main:
            file.touch()
        gather_object([None])  # it is written
        seen = gather_object([_appears(file)])
    finally:
        if launch.is_main:
            file.unlink(missing_ok=True)
    if blind := [str(rank) for rank, sees in enumerate(seen) if not sees]:
        raise JmedError(
            f"train.output_dir: {folder}: rank {', '.join(blind)} does not see what rank 0 wrote "
            "there; allowed: a folder at the same path on a file system that all hosts share"
        )


def shared_sha256(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """`sha256`, each rank reading a share of the files; called on all ranks with the same names."""
    rank, world = PartialState().process_index, PartialState().num_processes
    own = [name for name in names[rank::world] if _appears(folder / name)]
    shares = gather_object([sha256(folder, own)])
    found = {name: digest for share in shares for name, digest in share.items()}
    return {name: found.get(name, f"not seen by rank {i % world}") for i, name in enumerate(names)}


def _appears(file: Path) -> bool:
    until = time.monotonic() + WAIT
    while not file.exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True
