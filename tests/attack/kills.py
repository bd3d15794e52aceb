"""kill -9 at random moments of training, on one process and on two ranks: the weights stay equal.

    python -m tests.attack.kills [--seed N] [--one N] [--two N]

Each run is killed, and its resume once more; a third start goes on to the end. Runs are children
of one process, which has imported the libraries: a run takes seconds then, its start included.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import free_port, recipe_of, write_recipe, write_rows
from trainer.recipe.recipe import read_recipe
from trainer.training.run import run

STEPS = 12
DEAD = -signal.SIGKILL
WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True)
class Place:
    """Where the runs of one number of ranks lie: recipe, and its rows and base."""

    file: Path
    ranks: int

    def start(self, folder: Path, *, resume: bool) -> list[int]:
        """Start the ranks as children; their process ids."""
        port = free_port()
        return [self._child(rank, port, folder, resume=resume) for rank in range(self.ranks)]

    def _child(self, rank: int, port: str, folder: Path, *, resume: bool) -> int:
        if child := os.fork():
            return child
        status = 1
        try:
            if self.ranks > 1:
                world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": self.ranks,
                         "LOCAL_WORLD_SIZE": self.ranks, "MASTER_PORT": port}  # fmt: skip
                os.environ.update({name: str(value) for name, value in world.items()})
                os.environ["MASTER_ADDR"] = "127.0.0.1"
            for stream in (sys.stdout, sys.stderr):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            run(read_recipe(self.file, [f"train.output_dir={folder}"]), resume=resume)
            status = 0
        except JmedError as error:
            folder.with_suffix(".error").write_text(str(error), encoding="utf-8")
        finally:
            os._exit(status)


def ended(children: Sequence[int]) -> list[int]:
    """Wait for them; their exit statuses, negative for signals."""
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def killed(place: Place, folder: Path, after: float, *, resume: bool) -> bool:
    """Start a run and kill all of its ranks after so many seconds; whether it was still at work."""
    children = place.start(folder, resume=resume)
    time.sleep(after)
    for child in children:
        os.kill(child, signal.SIGKILL)
    return DEAD in ended(children)


def attacked(place: Place, count: int, draw: random.Random) -> Iterator[str | None]:
    """For each kill that found a run at work: what is wrong with what the run became, or None."""
    begin = time.monotonic()
    whole = place.file.with_name("whole")
    assert ended(place.start(whole, resume=False)) == [0] * place.ranks
    duration = time.monotonic() - begin
    weights = (whole / WEIGHTS).read_bytes()
    number = kills = 0
    while kills < count:
        number += 1
        folder = place.file.with_name(f"run{number}")
        hits = [
            killed(place, folder, draw.uniform(0, duration), resume=resume)
            for resume in (False, True)
        ]
        kills += sum(hits)
        fault = None
        if any(ended(place.start(folder, resume=True))):
            said = folder.with_suffix(".error")
            fault = said.read_text(encoding="utf-8") if said.exists() else "the resume failed"
        elif (folder / WEIGHTS).read_bytes() != weights:
            fault = "other weights"
        yield from (fault for hit in hits if hit)


def place_of(folder: Path, ranks: int) -> Place:
    """A base, rows, and a recipe with what a wrong resume would show in."""
    build(folder / "base")
    write_rows(folder / "rows.jsonl", 40)
    given = recipe_of(
        folder / "base", folder / "rows.jsonl", folder / "unset", max_steps=STEPS,
        save_strategy="steps", save_steps=1, save_total_limit=2, eval_strategy="epoch",
        train_sampling_strategy="group_by_length", per_device_train_batch_size=2, logging_steps=3,
    )  # fmt: skip
    given["adapter"]["lora_dropout"] = 0.1
    given["data"]["eval_fraction"] = 0.2
    return Place(write_recipe(folder / "recipe.yaml", given), ranks)


def main() -> None:
    """Run the command line: a row of the table for each number of ranks; 1 if anything fell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", type=int, default=24, help="kills of one process")
    parser.add_argument("--two", type=int, default=20, help="kills of two ranks")
    asked = parser.parse_args()
    os.environ |= {"JMED_MIRROR": "", "JMED_CACHE": "/nonexistent", "HF_HUB_OFFLINE": "1"}
    print("| kill -9 while training | kills | other weights, or no way on |\n|---|---:|---:|")
    fell = 0
    for ranks, count in ((1, asked.one), (2, asked.two)):
        if not count:
            continue
        with TemporaryDirectory() as folder:
            place = place_of(Path(folder), ranks)
            found = list(attacked(place, count, random.Random(f"{asked.seed}:{ranks}")))
        faults = [fault for fault in found if fault]
        fell += len(faults)
        name = "one process" if ranks == 1 else f"{ranks} ranks"
        print(f"| {name} | {len(found)} | {len(faults)} |", flush=True)
        print(*sorted(set(faults)), sep="\n", end="\n" if faults else "")
    sys.exit(bool(fell))


if __name__ == "__main__":
    main()
