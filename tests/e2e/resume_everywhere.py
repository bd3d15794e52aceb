"""Train a recipe, then go on from each of its checkpoints as if the run had been killed there.

    python -m tests.e2e.resume_everywhere RECIPE PORT…    with RANK, WORLD_SIZE … of each process

All in children of one process: importing the libraries takes longer than these runs. Each goes
on in a copy of the run folder, OUTPUT_DIR_from_STEP.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from trainer.recipe.recipe import read_recipe
from trainer.training.checkpoints import checkpoints
from trainer.training.run import run


def main() -> None:
    """Run the command line; DeepSpeed's launcher adds a word of its own."""
    file, *ports = (word for word in sys.argv[1:] if not word.startswith("--"))
    folder = read_recipe(Path(file)).output_dir
    _run(file, "", ports.pop())
    for step in [*checkpoints(folder)][:-1]:
        copy = folder.with_name(f"{folder.name}_from_{step}")
        if os.environ["RANK"] == "0":
            _copy_as_killed_at(step, folder, copy)
        while not copy.exists():
            time.sleep(0.05)
        _run(file, str(copy), ports.pop())


def _copy_as_killed_at(step: int, folder: Path, copy: Path) -> None:
    draft = copy.with_suffix(".draft")
    shutil.copytree(folder, draft)
    for later, path in checkpoints(draft).items():
        if later > step:
            shutil.rmtree(path)
    record = json.loads((draft / "run.json").read_text(encoding="utf-8"))
    (draft / "run.json").write_text(json.dumps({**record, "state": "running"}))
    draft.rename(copy)


def _run(file: str, copy: str, port: str) -> None:
    """In a child, which has the libraries and none of an earlier run's process groups."""
    child = os.fork()
    if child == 0:
        os.environ["MASTER_PORT"] = port
        changes = [f"train.output_dir={copy}"] if copy else []
        run(read_recipe(Path(file), changes), resume=bool(copy))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{copy or file}: the run failed")


if __name__ == "__main__":
    main()
