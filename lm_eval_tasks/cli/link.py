"""`jmed link`: make plain `lm_eval --tasks 'jmed_*'` find the tasks.

lm-eval 0.4.13 looks for tasks in its own folder and in --include_path only. A stub there,
`include: <our YAML>`, is all it needs; nothing of lm-eval is changed.
"""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import split_task, task_files

MARK = "# written by `jmed link`, removed by `jmed unlink`\n"


def stub_folder() -> Path:
    """Where the stubs go: tasks/jmed in the lm_eval that this Python imports.

    Raises:
        JmedError: lm_eval is not installed here.
    """
    found = find_spec("lm_eval")
    if found is None or found.origin is None:
        raise JmedError("lm_eval is not installed in this environment: pip install lm_eval")
    return Path(found.origin).parent / "tasks" / "jmed"


def link(folder: Path, exams: Sequence[str] = ()) -> list[Path]:
    """Write one stub for each task into `folder` and return them; old stubs are replaced.

    Args:
        exams: only their tasks; all if empty.

    Raises:
        JmedError: the folder cannot be written, or holds a file of that name that is not ours.
    """
    stubs = {
        folder / file.name: file
        for task, file in sorted(task_files().items())
        if not exams or split_task(task)[0] in exams
    }
    try:
        for stub in stubs:
            if stub.exists() and not _is_ours(stub):
                raise JmedError(
                    f"{stub}: exists and was not written by `jmed link`; nothing changed"
                )
        unlink(folder)
        folder.mkdir(exist_ok=True)
        for stub, task in stubs.items():
            # JSON quotes are YAML quotes: the path may hold a blank and a #
            path = json.dumps(str(task), ensure_ascii=False)
            stub.write_text(f"{MARK}include: {path}\n", encoding="utf-8")
    except OSError as error:
        raise JmedError(
            f"{folder}: cannot be written ({error.strerror}). Instead, give lm_eval our folder: "
            'lm_eval --include_path "$(jmed path)" …'
        ) from None
    return list(stubs)


def unlink(folder: Path) -> list[Path]:
    """Remove exactly the stubs that `link` wrote into `folder`, and the folder once it is empty.

    Raises:
        JmedError: a stub cannot be removed.
    """
    try:
        stubs = [file for file in sorted(folder.glob("*.yaml")) if _is_ours(file)]
        for stub in stubs:
            stub.unlink()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise JmedError(f"{folder}: cannot be changed ({error.strerror})") from None
    return stubs


def _is_ours(file: Path) -> bool:
    """An empty file counts: a write that failed at once, on a full disk, leaves one."""
    if not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline() in (MARK, "")
