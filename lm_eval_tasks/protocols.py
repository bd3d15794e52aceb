"""Task name <-> exam and protocol."""

from pathlib import Path

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError

PROTOCOLS = ("paper", "paper_1shot", "letters", "cot", "mc", "letters_mc")
LOGLIKELIHOOD = ("mc", "letters_mc")


def task_files() -> dict[str, Path]:
    """Task name -> its YAML, which lies in the folder of its exam."""
    return {file.stem: file for file in TASKS_PATH.glob("*/jmed_*.yaml")}


def task_names() -> list[str]:
    return sorted(task_files())


def split_task(task: str) -> tuple[str, str]:
    """ "jmed_igakuqa_en_letters_mc" -> "igakuqa_en", "letters_mc"

    Raises:
        JmedError: the name ends in no protocol.
    """
    ends = [name for name in PROTOCOLS if task.endswith(f"_{name}")]
    if not ends:
        raise JmedError(f"{task}: not a task of jmed; its names end in {', '.join(PROTOCOLS)}")
    protocol = max(ends, key=len)
    return task.removeprefix("jmed_").removesuffix(f"_{protocol}"), protocol


def recommended_tasks() -> list[str]:
    """The tasks of lm-eval's tag `jmed`: one protocol of each exam checked on its whole data."""
    files = task_files().items()
    return [
        name for name, file in sorted(files) if "\ntag: jmed\n" in file.read_text(encoding="utf-8")
    ]
