"""Write down prompts and ceilings of an oracle run: `python -m tests.recorded.record_prompts`.

To be run when a prompt is meant to change, together with a new metadata.version; JMED_MIRROR must
hold all exams. Of published exams only hashes are kept.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from lm_eval_tasks import TASKS_PATH
from tests.e2e.lm_eval_run import Run, run_lm_eval

HERE = Path(__file__).parent
SHOWN = "900C17"
"""A follow-up question of the sample, so that its case text is seen too."""


def prompt_record(run: Run, task: str) -> dict[str, Any]:
    """Version, number of questions, and one hash over all prompts of the task."""
    prompts = [sample["arguments"]["gen_args_0"]["arg_0"] for sample in run.samples[task]]
    return {
        "version": run.results["versions"][task],
        "kept": len(prompts),
        "prompts_sha256": hashlib.sha256("\0".join(prompts).encode()).hexdigest(),
    }


def whole_prompt(run: Run, task: str) -> str:
    """The prompt of the question SHOWN, and each continuation that is scored after it."""
    arguments = next(s for s in run.samples[task] if s["doc"]["id"] == SHOWN)["arguments"]
    continuations = [a["arg_1"] for a in arguments.values() if isinstance(a["arg_1"], str)]
    return "\n--- continuation ---\n".join([arguments["gen_args_0"]["arg_0"], *continuations])


def ceiling(run: Run, task: str) -> dict[str, float]:
    """What the key scores by the author's definition, on tasks that have it."""
    metrics = run.metrics(task)
    names = ("exact_match", "gestalt_score", "gestalt_acc")
    return {name: round(metrics[name], 6) for name in names if name in metrics}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = ("--model", "oracle", "--include_path", str(TASKS_PATH), "--tasks", "jmed_*")
        run = run_lm_eval("tests.e2e.oracle", Path(folder), *asked)
    tasks = sorted(run.samples)
    _write("prompts", {task: prompt_record(run, task) for task in tasks})
    _write("ceilings", {task: ceiling(run, task) for task in tasks})
    (HERE / "prompts").mkdir(exist_ok=True)
    for task in tasks:
        if task.startswith("jmed_sample_"):
            file = HERE / "prompts" / f"{task}.txt"
            file.write_text(whole_prompt(run, task), encoding="utf-8")


def _write(name: str, values: dict[str, Any]) -> None:
    text = json.dumps({key: value for key, value in values.items() if value}, indent=2)
    (HERE / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
