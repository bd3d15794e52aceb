"""Nothing of the house leaves it: planted paths, hosts, people, tokens and exam text."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.runs import read_runs
from lm_eval_tasks.results.training_record import record_from
from lm_eval_tasks.submission.entry import entry_of
from lm_eval_tasks.submission.files import submission
from lm_eval_tasks.submission.leaks import leaks
from lm_eval_tasks.submission.names import Names
from lm_eval_tasks.submission.training import training_of
from tests.invented import STAMP, Run, question, write_texts
from tests.training_record import record, write_adapter

PATH = "/home/tanaka/secret-model"
HOST = "gpu17.hospital.example.jp"
USER = "tanaka-hanako"
TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUv"
SENTENCE = "七十二歳の女性が朝から続く胸の痛みを訴えて来院した"
SECRETS = (PATH, HOST, USER, TOKEN, SENTENCE)
EVERYTHING = " ".join(SECRETS)
NAMES = Names("acme/base", "acme/adapter")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values, inner ones too."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, name))


def with_value(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """The same with another value there; what stands beside the path is shared, not copied."""
    made = copy.copy(value)
    name, *rest = path
    made[name] = with_value(made[name], tuple(rest), new) if rest else new
    return made


def with_key(value: Any, path: tuple[Any, ...], new: str) -> Any:
    """The same value under another key, where it has one."""
    *above, name = path
    place = value
    for part in above:
        place = place[part]
    if not isinstance(place, dict):
        return value
    held = {**place, new: place[name]}
    return with_value(value, tuple(above), held) if above else held


def told(folder: Path, results: object, samples: list[Any]) -> str:
    """All that is known of a run after reading it, "" if it is refused."""
    write_texts(folder, STAMP, "jmed_sample_letters", results, samples)
    try:
        (run,) = read_runs(folder).runs
        return repr(entry_of(run))
    except JmedError:
        return ""


@pytest.mark.parametrize("secret", [EVERYTHING, USER])
def test_no_value_or_key_of_the_results_passes(tmp_path: Path, secret: str) -> None:
    run = Run(
        questions=[question(n) for n in (1, 2, 3)],
        model_args={
            "pretrained": PATH, "revision": "main", "dtype": "bfloat16", "load_in_4bit": True,
            "token": TOKEN, "tokenizer": PATH,
        },
    )  # fmt: skip
    results, samples = run.results(), run.samples()
    entry = told(tmp_path, results, samples)
    assert "bfloat16" in entry
    read = 0
    for path in leaves(results):
        for changed in (with_value(results, path, secret), with_key(results, path, secret)):
            found = told(tmp_path, changed, samples)
            assert secret not in found, path
            read += bool(found)
    assert read > 70


def test_no_value_of_a_sample_passes(tmp_path: Path) -> None:
    run = Run(questions=[question(n) for n in (1, 2, 3)])
    results, samples = run.results(), run.samples()
    for path in leaves(samples[:1]):
        assert EVERYTHING not in told(tmp_path, results, with_value(samples, path, EVERYTHING)), (
            path
        )


@pytest.mark.parametrize("secret", [*SECRETS, EVERYTHING])
def test_no_value_or_key_of_the_training_record_passes(secret: str) -> None:
    given = record(found={"igakuqa": {"rows": 3, "questions": 2}}, compared=["igakuqa", "jmle119"])
    read = 0
    for path in leaves(given):
        for changed in (with_value(given, path, secret), with_key(given, path, secret)):
            try:
                found = repr(training_of(record_from(changed)))
            except JmedError:
                continue
            assert secret not in found, path
            read += 1
    assert read > 60  # most are taken; the others are of another form


def test_a_record_of_a_model_with_everything_planted_is_clean_in_every_byte(tmp_path: Path) -> None:
    run_json = record()
    run_json["settings"]["recipe"] |= {"paper": SENTENCE, "note": EVERYTHING}
    run_json["settings"]["recipe"]["data"]["datasets"][0]["path"] = f"{PATH}/{USER}.jsonl"
    run_json["settings"]["recipe"]["model"]["model_name_or_path"] = PATH
    run_json["settings"]["recipe"]["train"] |= {"output_dir": PATH, "run_name": HOST}
    run_json["scoring_commands"] = [EVERYTHING]
    run_json["environment"] |= {"machine": HOST, "user": USER}
    run_json["data"]["rows_read"] = {PATH: 48}
    run_json["data"]["files_sha256"] = {PATH: "0"}
    run_json["overlap"]["compared"] = [f"igakuqa ({USER})", SENTENCE]
    adapter = write_adapter(tmp_path / USER / HOST, run_json)
    run = Run(
        task="jmed_jmle119_letters",
        marks="physician",
        questions=[
            question(n, "jmle119", "119", stem=SENTENCE, context=EVERYTHING, category=USER,
                     choices=(TOKEN, PATH, HOST, USER, SENTENCE))
            for n in (1, 2, 3)
        ],
        answer=lambda doc: f"答え：{doc['gold']}\n{EVERYTHING}",
        model_args={
            "pretrained": PATH, "peft": adapter, "token": TOKEN, "revision": USER, "dtype": HOST,
            "load_in_4bit": SENTENCE, "user": USER, PATH: PATH, "base_url": f"http://{HOST}/v1",
        },
        more={
            "git_hash": USER, "upper_git_hash": TOKEN, "pretty_env_info": EVERYTHING,
            "model_name": PATH, "model_name_sanitized": PATH, "chat_template": EVERYTHING,
            "system_instruction": SENTENCE, "lm_eval_version": f"0.4.13+{HOST}",
            "transformers_version": USER, "environment": {"HOSTNAME": HOST},
            "task_hashes": {"jmed_jmle119_letters": TOKEN}, "chat_template_sha": USER,
        },
    )  # fmt: skip
    results = run.results()
    config = results["configs"]["jmed_jmle119_letters"]
    config |= {"custom_dataset": EVERYTHING, "description": SENTENCE, "doc_to_text": SENTENCE}
    config["generation_kwargs"] |= {"until": [SENTENCE], "temperature": USER, "seed": HOST}
    config["metadata"]["config_source"] = PATH
    config["metadata"]["questions"] |= {"left_out": {EVERYTHING: 7}, "marked": {USER: 1}}
    config["metadata"]["questions"] |= {"docs_sha256": TOKEN, "source": PATH, "jmed_version": USER}
    folder = tmp_path / "out"
    folder.mkdir()
    write_texts(folder, STAMP, run.task, results, run.samples())
    out = tmp_path / "published"
    ids = ["--model-id", "acme/base", "--adapter-id", "acme/adapter"]
    main(["submission", str(folder), *ids, "--eval-results", "-o", str(out)])
    files = [file for file in out.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"README.md", "leaderboard.json", "leaderboard.md"}
    for file in files:
        text = str(file.relative_to(out)) + file.read_text(encoding="utf-8")
        text += json.dumps(text) + text.encode().decode("unicode_escape", errors="ignore")
        for secret in (*SECRETS, "tanaka", "hospital", "gpu17", tmp_path.name, "胸の痛み"):
            assert secret not in text, (file, secret)
        assert leaks(text) == []


def test_the_embedded_exam_leaves_no_sentence(tmp_path: Path) -> None:
    questions = [question(n) for n in range(1, 9)]
    folder = tmp_path / "out"
    folder.mkdir()
    run = Run(questions=questions)
    write_texts(folder, STAMP, run.task, run.results(), run.samples())
    made = submission(folder, Names("acme/base"), with_eval_results=True, now=1)
    for text in made.files.values():
        assert not any(q.stem in text or any(c in text for c in q.choices) for q in questions)
        assert not any(q.id in text for q in questions)
