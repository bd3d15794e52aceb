"""Write down prompts and ceilings of an oracle run: `make record`.

To be run for a new exam, and when a prompt is meant to change, together with a new
metadata.version, with the exam in JMED_MIRROR. Exams that are not here keep what is on record; of
published exams only hashes are kept.
"""

import hashlib
import json
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.exams.card import exam_names, read_card, set_names
from lm_eval_tasks.exams.images import missing_images
from lm_eval_tasks.exams.sources import is_local, local_sittings
from lm_eval_tasks.protocols import PROTOCOLS, split_task, task_names
from tests.e2e.lm_eval_run import Run, run_lm_eval

HERE = Path(__file__).parent
SHOWN = "900C17"
"""A follow-up question of the sample, so that its case text is seen too."""


def prompt_record(run: Run, task: str) -> dict[str, Any]:
    """Version, number of questions, and one hash over all prompts of the task."""
    prompts = [sample["arguments"]["gen_args_0"]["arg_0"] for sample in run.samples[task]]
    return {
        "version": run.results["versions"][task],
        "sittings": sorted({sample["doc"]["sitting"] for sample in run.samples[task]}),
        "kept": len(prompts),
        "prompts_sha256": hashlib.sha256("\0".join(prompts).encode()).hexdigest(),
    }


def is_whole(run: Run, task: str) -> bool:
    """Whether every sitting of the exam was here: a part is not recorded in place of the whole."""
    published = {sitting for sitting, n in read_card(split_task(task)[0]).published.items() if n}
    return {sample["doc"]["sitting"] for sample in run.samples[task]} == published


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


def oracle_runs(folder: Path) -> Iterator[Run]:
    """Run the oracle over every task whose exam is here; of an exam that is here in part, over the
    sittings that are."""
    cards = [read_card(name) for name in set_names()]
    here = {card.name: local_sittings(card) for card in cards}
    whole = [card.name for card in cards if is_local(card)]
    yield _run(folder / "whole", tasks_of(whole, vision=False), {})
    for name, sittings in here.items():
        if sittings and name not in whole:
            yield _run(folder / name, tasks_of([name], vision=False), {"sittings": sittings})
    if shown := tasks_of(exams_to_show(), vision=True):
        yield _run(folder / "shown", shown, {})


def exams_to_show() -> list[str]:
    """The exams whose questions and images are all here."""
    cards = [read_card(name) for name in exam_names()]
    return [
        card.name for card in cards if card.images and is_local(card) and not missing_images(card)
    ]


def tasks_of(exams: Collection[str], *, vision: bool) -> list[str]:
    """Their tasks, those that show images or those that do not: no call can ask both."""
    named = ((task, *split_task(task)) for task in task_names())
    return [
        task
        for task, exam, protocol in named
        if exam in exams and PROTOCOLS[protocol].vision == vision
    ]


def _run(folder: Path, tasks: list[str], options: dict[str, Any]) -> Run:
    asked = ("--model", "oracle", "--include_path", str(TASKS_PATH), "--tasks", ",".join(tasks))
    metadata = ("--metadata", json.dumps({"jmed": options}))
    return run_lm_eval("tests.e2e.oracle", folder, *asked, *metadata)


def main() -> None:
    prompts: dict[str, Any] = {}
    ceilings: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in oracle_runs(Path(folder)):
            whole = [task for task in run.samples if is_whole(run, task)]
            prompts |= {task: prompt_record(run, task) for task in whole}
            ceilings |= {task: ceiling(run, task) for task in whole}
            for task in whole:
                if task.startswith("jmed_sample_"):
                    (HERE / "prompts").mkdir(exist_ok=True)
                    file = HERE / "prompts" / f"{task}.txt"
                    file.write_text(whole_prompt(run, task), encoding="utf-8")
    _write("prompts", prompts)
    _write("ceilings", ceilings)


def _write(name: str, values: dict[str, Any]) -> None:
    file = HERE / f"{name}.json"
    kept = merged(json.loads(file.read_text(encoding="utf-8")), values, task_names())
    file.write_text(f"{json.dumps(kept, indent=2)}\n", encoding="utf-8")


def merged(
    before: dict[str, Any], recorded: dict[str, Any], tasks: Collection[str]
) -> dict[str, Any]:
    """What is on record afterwards: tasks that were run anew, and of the rest those that exist."""
    values = {task: value for task, value in before.items() if task in tasks} | recorded
    return {task: values[task] for task in sorted(values) if values[task]}


if __name__ == "__main__":
    main()
