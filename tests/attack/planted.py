"""Secrets planted in every value and key of results, samples and run.json: which come out where.

One place at a time: what is damaged by them is refused, and all that is not must not tell them.
"""

import copy
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_tasks.cli.main import main
from tests.invented import STAMP, Run, question, write_texts
from tests.training_record import record

WORD = "planted-hanako"
FORMS = {
    "a word": WORD,
    "all kinds": f"/home/{WORD}/secret hf_{WORD}AbCdEfGh gpu17.{WORD}.example.jp {WORD}@example.jp",
}
TASKS = ("jmed_sample_letters", "jmedvision_jmle120_letters")
FILES = ("results", "samples", "run.json")
COMMANDS = ("leaderboard", "report", "submission")
Place = tuple[Any, ...]


@dataclass(frozen=True)
class Plant:
    """What is planted: a form, in a value or as another key of it, at a place of a file."""

    file: str
    place: Place
    form: str
    as_key: bool
    task: str = TASKS[0]


def good(task: str) -> dict[str, Any]:
    """The three files of an adapter's run, each as JSON; samples as a list."""
    run = Run(
        task=task,
        questions=[
            question(1, has_figure=True, images=("images/1.png",)), question(2), question(3),
        ],
        model_args={
            "pretrained": "org/base", "revision": "main", "dtype": "bfloat16", "peft": "lora",
            "load_in_4bit": True, "token": "t", "tokenizer": "org/base",
        },
        more={
            "config": {
                "model": "hf", "model_args": {}, "model_dtype": "torch.bfloat16", "device": "cpu",
                "batch_size": "auto", "model_num_parameters": 7, "random_seed": 0,
                "model_sha": "0" * 40, "peft_sha": "", "gen_kwargs": {},
            },
            "pretty_env_info": "GPU 0: NVIDIA A100-SXM4-80GB\n", "model_name_sanitized": "m",
            "system_instruction": "s", "chat_template": "c", "fewshot_as_multiturn": True,
            "model_source": "hf" if task == TASKS[0] else "hf-multimodal",
        },
    )  # fmt: skip
    results = run.results()
    results["config"]["model_args"] = dict(run.model_args)
    return {"results": results, "samples": run.samples(), "run.json": record()}


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Of all values, inner ones too."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, name))


def plants() -> Iterator[Plant]:
    """All of them; of a task with images what a task on text has not."""
    known: set[tuple[str, Place]] = set()
    for task in TASKS:
        for file, whole in good(task).items():
            for place in places(whole):
                alike = file, tuple("the task" if name == task else name for name in place)
                if alike in known:
                    continue
                known.add(alike)
                for form in FORMS:
                    yield Plant(file, place, form, as_key=False, task=task)
                if isinstance(place[-1], str):
                    yield Plant(file, place, "a word", as_key=True, task=task)


def told(plant: Plant, folder: Path, command: str, *more: str) -> str | None:
    """All that a command writes into files and on stdout; None if it refuses.

    Raises:
        Exception: the command fell.
    """
    write(plant, folder)
    target = folder / {"leaderboard": "o.md", "report": "o.html", "submission": "o"}[command]
    options = {"submission": ["--model-id", "acme/base", "--adapter-id", "acme/lora"]}
    shown = io.StringIO()
    try:
        with redirect_stdout(shown), redirect_stderr(io.StringIO()):
            main([
                command, str(folder / "out"), *options.get(command, []), *more, "-o", str(target)
            ])  # fmt: skip
    except SystemExit as stopped:
        if stopped.code == 2:
            return None
        raise
    files = [target] if target.is_file() else sorted(target.rglob("*.*"))
    texts = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    names = [str(file.relative_to(folder)) for file in files]
    return "\n".join([*texts, *names])


def write(plant: Plant, folder: Path) -> None:
    """The three files with the plant in one of them."""
    whole = copy.deepcopy(good(plant.task))
    at = whole[plant.file]
    for name in plant.place[:-1]:
        at = at[name]
    if plant.as_key:
        at[FORMS[plant.form]] = at[plant.place[-1]]
    else:
        at[plant.place[-1]] = FORMS[plant.form]
    arguments = whole["results"]["config"]
    if isinstance(arguments, dict) and isinstance(arguments.get("model_args"), dict):
        given = arguments["model_args"]
        given["peft"] = str(folder / "lora") if given.get("peft") == "lora" else given.get("peft")
    (folder / "lora").mkdir(parents=True, exist_ok=True)
    (folder / "lora" / "run.json").write_text(json.dumps(whole["run.json"]), encoding="utf-8")
    (folder / "out").mkdir(exist_ok=True)
    write_texts(folder / "out", STAMP, plant.task, whole["results"], whole["samples"])
