"""The printed keys, put through real lm_eval runs, score 1.0 on every question of every task.

Nothing is limited: all sittings of all exams that are here, all protocols.
"""

import json
import re
from pathlib import Path

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.exams.card import is_clinical, read_card, set_names
from lm_eval_tasks.exams.sources import local_sittings
from lm_eval_tasks.lm_eval_version import NEXT
from lm_eval_tasks.protocols import PROTOCOLS, READS_LETTERS, TEXT_PROTOCOLS, split_task
from lm_eval_tasks.scoring.published_rules import ACCIDENTS, EITHER
from tests import invented
from tests.e2e.lm_eval_run import Run, run_lm_eval
from tests.recorded.record_prompts import (
    ceiling,
    exams_to_show,
    oracle_runs,
    prompt_record,
    tasks_of,
    whole_prompt,
)

RECORDED = Path(__file__).parents[1] / "recorded"
HERE = [name for name in set_names() if local_sittings(read_card(name))]
TASKS = sorted([*tasks_of(HERE, vision=False), *tasks_of(exams_to_show(), vision=True)])
SOUND = {
    *("acc", "acc_lenient", "acc_norm", "extracted", "exact_match_set", "gestalt_acc_set"),
    *("kappa", "kappa_lenient", "exact_f1", "exact_f1_set", "partial_f1", "partial_f1_set"),
    *PROTOCOLS["correct"].metrics,
    *PROTOCOLS["correct"].over_set,
    "contrast_f1",
    "contrast_f1_micro",
}
# The author's definition splits answers at commas inside choices, so even the key falls short.
CEILINGS = json.loads((RECORDED / "ceilings.json").read_text(encoding="utf-8"))
PROMPTS = json.loads((RECORDED / "prompts.json").read_text(encoding="utf-8"))
ORACLE = ("--model", "oracle", "--include_path", str(TASKS_PATH))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """task -> the run that holds it"""
    done = oracle_runs(tmp_path_factory.mktemp("oracle"))
    return {task: run for run in done for task in run.samples}


@pytest.fixture
def run(runs: dict[str, Run], task: str) -> Run:
    return runs[task]


def assert_all_right(run: Run, task: str) -> None:
    metrics = run.metrics(task)
    found = {name: value for name, value in metrics.items() if name in SOUND}
    if is_clinical(split_task(task)[0]):
        assert not any(name.startswith("points") for name in metrics)
        # lm-eval lists the error that kappa brings as a metric, which has none of its own
        errors = {name for name in metrics if re.fullmatch(r"(?!.*_stderr_).*_stderr", name)}
        assert {metrics[name] for name in errors} == {0.0}
    elif published := by_the_published_rule(run, task):
        assert (found.pop("acc"), metrics.pop("points")) == pytest.approx(published)
    elif split_task(task)[1] in READS_LETTERS:
        assert not {"acc", "points", "points_stderr"} & set(metrics)
        assert metrics["points_lenient"] == metrics["points_possible"]
    assert found
    assert found == dict.fromkeys(found, 1.0)
    if "points" in metrics:
        assert metrics["points"] == metrics["points_possible"]
        assert metrics.get("points_stderr", 0.0) == 0.0


def by_the_published_rule(run: Run, task: str) -> tuple[float, float] | None:
    """acc and points of the first accepted answer; None where no letters are read, or no rule is.

    It falls short where more is right than asked for and the publisher's program wants all of it,
    and of one question that this program can never count.
    """
    docs = [sample["doc"] for sample in run.samples[task]]
    if split_task(task)[1] not in READS_LETTERS or not docs[0]["rule"]:
        return None
    right = [
        (len(doc["accepted"]) < 2 or doc["rule"] == "igakuqa" or doc["id"] in EITHER)
        and ACCIDENTS.get(doc["id"], True)
        for doc in docs
    ]
    earned = sum(doc["points"] for doc, one in zip(docs, right, strict=True) if one)
    return sum(right) / len(right), earned


@pytest.mark.parametrize("task", TASKS)
def test_the_key_scores_one(run: Run, task: str) -> None:
    assert_all_right(run, task)
    assert ceiling(run, task) == CEILINGS.get(task, {})


@pytest.mark.parametrize("task", TASKS)
def test_kept_and_left_out_make_the_published_number(run: Run, task: str) -> None:
    questions = run.questions(task)
    assert questions["kept"] + sum(questions["left_out"].values()) == questions["published"]
    assert questions["kept"] == len(run.samples[task])
    exam = run.samples[task][0]["doc"]["exam"]
    assert f"{exam}: {questions['kept']} of {questions['published']} questions kept" in run.output


@pytest.mark.parametrize("task", TASKS)
def test_prompts_are_those_on_record(run: Run, task: str) -> None:
    # moved on purpose? bump metadata.version and run tests/recorded/record_prompts.py
    found = prompt_record(run, task)
    if found["sittings"] != PROMPTS[task]["sittings"]:
        pytest.skip(f"recorded for {PROMPTS[task]['sittings']}, here are {found['sittings']}")
    assert found == PROMPTS[task]


@pytest.mark.parametrize("task", [task for task in TASKS if task.startswith("jmed_sample_")])
def test_the_whole_prompt_of_one_question(run: Run, task: str) -> None:
    recorded = (RECORDED / "prompts" / f"{task}.txt").read_text(encoding="utf-8")
    assert whole_prompt(run, task) == recorded


def test_what_is_kept_is_told_once(runs: dict[str, Run]) -> None:
    assert set(runs) == set(TASKS)
    told = {(split_task(task)[0], run.questions(task)["kept"]) for task, run in runs.items()}
    outputs = "".join({id(run): run.output for run in runs.values()}.values())
    counts = {(exam, kept): outputs.count(f" {exam}: {kept} of") for exam, kept in told}
    assert counts == dict.fromkeys(told, 1)


def with_figures(folder: Path, tasks: list[str]) -> Run:
    """The figure questions are asked too, without their figures."""
    options = json.dumps({"jmed": {"figures": "keep"}})
    asked = (*ORACLE, "--tasks", ",".join(tasks), "--metadata", options)
    run = run_lm_eval("tests.e2e.oracle", folder, *asked)
    for task in tasks:
        assert_all_right(run, task)
    return run


def test_all_2000_questions_are_answerable(igakuqa_files: Path, tmp_path: Path) -> None:
    tasks = ["jmed_igakuqa_letters", "jmed_igakuqa_en_cot", "jmed_igakuqa_mc"]
    run = with_figures(tmp_path, tasks)
    assert [run.questions(task)["kept"] for task in tasks] == [2000, 2000, 1987]
    assert run.metrics("jmed_igakuqa_letters")["points"] == 2485


def test_all_questions_of_pharmacists_and_dentists_are_answerable(tmp_path: Path) -> None:
    """Among them those whose wording and key the card reconciles: 098B008, 104B043, 104C040."""
    tasks = ["jmed_denqa_letters", "jmed_yakugakuqa_letters"]
    if missing := set(tasks) - set(TASKS):
        pytest.skip(f"published data is not here: {missing}")
    run = with_figures(tmp_path, tasks)
    assert [run.questions(task)["kept"] for task in tasks] == [676, 4068]
    answered = {s["doc"]["id"]: s["resps"][0][0] for s in run.samples["jmed_yakugakuqa_letters"]}
    assert {answered[key] for key in ("098B008",)} == {"a,e"}
    assert {answered[key] for key in ("104B043", "104C040")} == {"b,c", "a,c"}


def kinds(value: object) -> object:
    """Keys and types of JSON; of a list those of its first value; whole numbers are numbers."""
    if isinstance(value, dict):
        return {name: kinds(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    return "number" if type(value) in (int, float) else type(value).__name__


@pytest.mark.skipif(NEXT, reason="unit tests imitate what lm-eval 0.4 writes")
@pytest.mark.parametrize("protocol", TEXT_PROTOCOLS)
def test_imitated_results_have_the_keys_and_types_of_real_ones(
    runs: dict[str, Run], tmp_path: Path, protocol: str
) -> None:
    """What unit tests read in place of a real run (tests/written_results.py)."""
    task = f"jmed_sample_{protocol}"
    real = runs[task]
    pupil = invented.Pupil(protocols=[protocol], model_args={})
    made = invented.reported(tmp_path, pupil)
    (file,), (lines,) = made.glob("results_*"), made.glob("samples_*")
    imitated = json.loads(file.read_text(encoding="utf-8"))
    first = json.loads(lines.read_text(encoding="utf-8").partition("\n")[0])
    assert kinds(first) == kinds(real.samples[task][0])
    assert lines.name.startswith(f"samples_{task}_")
    del imitated["config"]["model_dtype"]  # of hf alone
    if real.results["git_hash"] is None:  # no checkout, as in an archive
        imitated["git_hash"] = None
    real.results["configs"][task]["metadata"].pop("jmed", None)  # options, none of them given
    for part in imitated:
        if isinstance(imitated[part], dict) and task in imitated[part]:
            assert kinds(imitated[part][task]) == kinds(real.results[part][task]), part
        else:
            assert kinds(imitated[part]) == kinds(real.results[part]), part
    assert imitated.keys() == real.results.keys()
