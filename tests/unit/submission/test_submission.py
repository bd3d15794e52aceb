"""What `jmed submission` writes: right, valid, and refused where it would mislead."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import EvalResultEntry, ModelCard, parse_eval_result_entries
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.results.runs import read_runs, run_of
from lm_eval_tasks.results.training_record import record_from
from lm_eval_tasks.submission import every_eval_ever, igakuqa119, model_index
from lm_eval_tasks.submission.check import SCHEMAS, faults
from lm_eval_tasks.submission.entry import Entry, Tally, entry_of
from lm_eval_tasks.submission.names import Names
from lm_eval_tasks.submission.training import SETTINGS, overlap_text, training_of
from tests.invented import Run, question, write
from tests.training_record import record, write_adapter
from trainer.recipe.recipe import read_recipe

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
BASE = ["--model-id", "acme/base"]
BOTH = [*BASE, "--adapter-id", "acme/adapter"]


def published(folder: Path, *arguments: str) -> dict[str, str]:
    """Run the command beside `folder`; file -> text."""
    out = folder.parent / "published"
    main(["submission", str(folder), *arguments, "-o", str(out)])
    main(["submission", "check", str(out)])
    return {
        str(file.relative_to(out)): file.read_text(encoding="utf-8")
        for file in out.rglob("*")
        if file.is_file()
    }


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["submission", *arguments])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def records(files: dict[str, str]) -> dict[str, Any]:
    found = [json.loads(text) for name, text in files.items() if "every_eval_ever" in name]
    return {record["eval_library"]["additional_details"]["task"]: record for record in found}


def entry(run: Run) -> Entry:
    return entry_of(run_of(Path("r"), run.results(), run.task, run.samples()))


def test_a_record_is_valid_and_says_what_was_asked(tmp_path: Path) -> None:
    files = published(write(tmp_path / "out", Run(model_args={"dtype": "bfloat16"})), *BASE)
    (made,) = records(files).values()
    schema = json.loads((SCHEMAS / "every_eval_ever.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    assert list(Draft7Validator(schema).iter_errors(made)) == []
    assert made["model_info"]["id"] == "acme/base"
    assert made["model_info"]["additional_details"]["dtype"] == "bfloat16"
    assert made["evaluation_id"] == "jmed_sample_letters/acme/base/1767322800"
    first = made["evaluation_results"][0]
    assert first["metric_config"]["metric_id"] == "jmed.accuracy_lenient"
    assert first["score_details"]["score"] == 1.0
    assert first["score_details"]["details"]["questions"] == "8 of 120 published"
    assert first["score_details"]["details"]["left_out"].startswith("needs a figure: 4; ")
    points = {r["metric_config"]["metric_id"]: r for r in made["evaluation_results"][3:]}
    assert points["jmed.required_points"]["score_details"]["score"] == 2
    assert points["jmed.required_points"]["metric_config"]["max_score"] == 80
    assert points["jmed.general_points"]["score_details"]["details"]["pass_mark"] == "55"


def test_the_same_run_keeps_its_file_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", Run())
    assert published(folder, *BASE).keys() == published(folder, *BASE).keys()


@settings(max_examples=40)
@given(st.lists(st.sampled_from("abcde"), min_size=2, max_size=12), st.booleans())
def test_scores_are_those_of_the_answers(answers: Sequence[str], with_adapter: bool) -> None:
    questions = [question(n) for n in range(len(answers))]
    given_to = dict(zip([q.id for q in questions], answers, strict=True))
    model_args = {"peft": "somewhere"} if with_adapter else {}
    run = Run(questions=questions, answer=lambda doc: given_to[doc["id"]], model_args=model_args)
    made = entry(run)
    right = sum(answer == "abc"[n % 3] for n, answer in enumerate(answers))
    assert (made.right, made.questions) == (right, len(answers))
    assert made.values[0].score == pytest.approx(right / len(answers))
    names = Names("acme/base", "acme/adapter" * with_adapter)
    text = json.dumps(every_eval_ever.aggregate(made, names, "unknown", 1), ensure_ascii=False)
    assert faults("x.json", text) == ("Every Eval Ever", [])
    index = yaml.safe_load(model_index.block("acme/base", [made]))["model-index"]
    assert eval_results_to_model_index(*model_index_to_eval_results(index)) == index
    assert model_index_to_eval_results(index)[1] == model_index.eval_results([made])


def test_orders_of_choices_are_not_independent_answers() -> None:
    made = entry(Run(permute=4, answer=lambda _: "a"))
    assert made.questions == 8
    assert made.right is None
    assert made.whole is None
    assert made.verdicts == []
    assert entry(Run(permute=4)).values[0].error == 0


def test_the_card_of_an_adapter_names_base_recipe_data_and_contamination(tmp_path: Path) -> None:
    found = record(
        found={"sample": {"rows": 3, "questions": 2}}, compared=["sample", "yakugakuqa (108, 109)"]
    )
    peft = write_adapter(tmp_path / "adapter", found)
    write(tmp_path / "out", Run(answer=lambda _: "a"), 1)
    write(tmp_path / "out", Run(model_args={"peft": peft}), 2)
    files = published(tmp_path / "out", *BOTH, "--licence", "Apache-2.0")
    card = ModelCard(files["README.md"])
    head = card.data.to_dict()  # type: ignore[no-untyped-call]
    assert head["base_model"] == "acme/base"
    assert head["license"] == "apache-2.0"
    assert head["datasets"] == ["acme/rows"]
    assert head["model-index"][0]["name"] == "adapter"
    (result,) = head["model-index"][0]["results"]
    assert [metric["value"] for metric in result["metrics"]] == [1.0, 1.0, 1.0]
    for words in (
        "QLoRA adapter (4-bit base)",
        "| learning_rate | 0.0002 |",
        "| target_modules | q_proj, v_proj |",
        "exam igakuqa, sittings 112, 113",
        "dataset acme/rows of the Hub",
        "| steps | 10 |",
        "**sample: 3 training rows hold 2 of its questions.**",
        "yakugakuqa (108, 109)",
        "100.0% ± 0.0% (8/8)",
        "| 8 of 120 |",
        "adapter, letters, 3-shot, ≤ 64 tokens: 8 of 120 (left out: needs a figure 4",
        "For research only",
        "不合格 (fail): required 2 < 64",
        "Apache-2.0. The licence of the base model holds too",
    ):
        assert words in files["README.md"], words
    assert "acme/unpinned" not in files["README.md"]
    adapters = [r for r in records_of(files) if r["model_info"]["id"] == "acme/adapter"]
    assert [r["model_info"]["additional_details"]["base_model"] for r in adapters] == ["acme/base"]
    details = adapters[0]["evaluation_results"][0]["score_details"]["details"]
    assert details["questions_in_training_data"].startswith("3 training rows hold 2 questions")


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_settings_of_every_recipe_are_recognised(file: Path) -> None:
    recipe = read_recipe(file).model_dump()
    made = training_of(record_from({"settings": {"recipe": recipe}}))
    given = {"train_batch_size": recipe["train_batch_size"], "dtype": recipe["model"]["dtype"]}
    for section, forms in SETTINGS.items():
        given |= {key: v for key, v in (recipe[section] or {}).items() if key in forms}
    assert {key: str(value) for key, value in given.items()}.items() <= made.settings.items()
    assert len(made.sources) == len(recipe["data"]["datasets"])
    if recipe["adapter"]:
        assert made.settings["target_modules"]


def records_of(files: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(text) for name, text in files.items() if "every_eval_ever" in name]


def test_an_adapter_without_a_record_is_published_as_unknown(tmp_path: Path) -> None:
    files = published(write(tmp_path / "out", Run(model_args={"peft": "/gone"})), *BOTH)
    assert "No record of the training was found" in files["README.md"]
    assert "None is stated for the adapter" in files["README.md"]


def test_a_milestone_is_not_taken_for_the_end_of_the_training(tmp_path: Path) -> None:
    peft = write_adapter(tmp_path / "adapter", record())
    files = published(write(tmp_path / "out", Run(model_args={"peft": f"{peft}/step-3"})), *BOTH)
    assert "| step of this adapter | 3 |\n| steps | 10 |" in files["README.md"]
    assert "loss" not in files["README.md"]


def test_two_settings_of_a_task_are_two_results_and_a_repeated_one_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, arguments in enumerate([{}, {"dtype": "float16"}, {"dtype": "float16", "x": "1"}]):
        write(tmp_path / "out", Run(model_args=arguments), number)
    files = published(tmp_path / "out", *BASE)
    assert "there is a newer run of the same settings" in capsys.readouterr().err
    index = yaml.safe_load(files["model-index.yaml"])["model-index"]
    assert len(index[0]["results"]) == 2
    assert len(records_of(files)) == 2


def test_the_newest_of_equal_runs_is_published(tmp_path: Path) -> None:
    for number, (answer, date) in enumerate([("a", 1.8e9), ("b", 1.7e9)]):
        more = {"date": date}
        run = Run(answer=lambda _, a=answer: a, model_args={"x": number}, more=more)  # type: ignore[misc]
        write(tmp_path / "out", run, number)
    (made,) = records_of(published(tmp_path / "out", *BASE))
    assert made["evaluation_timestamp"] == "1800000000"
    assert made["evaluation_results"][0]["score_details"]["score"] == 2 / 8


def test_the_error_is_that_of_a_mean_over_questions() -> None:
    value = entry(Run(answer=lambda _: "a")).values[0]
    assert value.score == 2 / 8
    assert value.error == pytest.approx(math.sqrt(0.25 * 0.75 / 7))
    assert entry(Run(questions=[question(1)])).values[0].error is None


@pytest.mark.parametrize(
    ("compared", "found", "said"),
    [
        (["yakugakuqa"], {}, "none found; exact detectors"),
        (["yakugakuqa (108, 109)"], {}, "none found; compared with sittings 108, 109 only"),
        (["igakuqa"], {}, "unknown: the training rows were not compared with this exam"),
        (["yakugakuqa"], {"yakugakuqa": {"rows": 1, "questions": 2}}, "1 training rows hold 2 q"),
    ],
)
def test_what_is_said_of_an_overlap(
    compared: list[str], found: dict[str, dict[str, int]], said: str
) -> None:
    training = training_of(record_from(record(compared=compared, found=found)))
    assert overlap_text(training, read_card("yakugakuqa")).startswith(said)
    assert overlap_text(None, read_card("yakugakuqa")).startswith("unknown: no record")


def test_rows_of_igakuqa119_have_the_full_denominators(tmp_path: Path) -> None:
    questions = [question(n, "jmle119", "119", has_figure=n == 1) for n in range(1, 5)]
    run = Run("jmed_jmle119_letters", questions, marks="physician")
    files = published(write(tmp_path / "out", run), *BASE)
    (row,) = json.loads(files["igakuqa119/leaderboard.json"]).values()
    assert row["overall_correct"] == 4
    assert row["no_image_correct"] == 3
    assert row["overall_accuracy"] == 4 / 400
    assert row["no_image_score_rate"] == 3 / 383
    assert (
        "| 4/500 (0.80%) | 4/400 (1.00%) | 3/383 (0.78%) | 3/297 (1.01%) |"
        in (files["igakuqa119/leaderboard.md"])
    )


@pytest.mark.parametrize(
    ("rule", "counted", "by"), [("jmle119", 0, "acc"), ("igakuqa", 4, "acc_lenient")]
)
def test_rows_of_igakuqa119_are_counted_by_the_rule_of_its_publisher(
    rule: str, counted: int, by: str, tmp_path: Path
) -> None:
    """Runs of before, whose acc goes by IgakuQA's rule, by the lenient reading."""
    questions = [question(n, "jmle119", "119", has_figure=n == 1) for n in range(1, 5)]
    run = Run("jmed_jmle119_letters", questions, lambda doc: f"{doc['gold']} (90%)", "physician",
              rule=rule)  # fmt: skip
    files = published(write(tmp_path / "out", run), *BASE)
    (row,) = json.loads(files["igakuqa119/leaderboard.json"]).values()
    assert row["overall_correct"] == counted
    assert f": {by} on 4 of" in files["igakuqa119/leaderboard.md"]


def test_without_a_published_rule_there_is_no_strict_accuracy(tmp_path: Path) -> None:
    questions = [question(n, "jmmlu_med", "") for n in range(1, 5)]
    run = Run("jmed_jmmlu_med_letters", questions, marks="", rule="")
    (made,) = records(published(write(tmp_path / "out", run), *BASE)).values()
    results = made["evaluation_results"]
    metrics = [one["metric_config"]["metric_id"] for one in results]
    assert metrics == ["jmed.accuracy_lenient", "jmed.extracted_rate"]
    details = results[0]["generation_config"]["additional_details"]
    assert details["published_rule"] == "no published rule"


def test_the_published_rule_stands_with_its_source_in_record_and_card(tmp_path: Path) -> None:
    peft = write_adapter(tmp_path / "adapter", record())
    files = published(write(tmp_path / "out", Run(model_args={"peft": peft})), *BOTH)
    (made,) = records(files).values()
    details = made["evaluation_results"][0]["generation_config"]["additional_details"]
    told = "igakuqa (jungokasai/IgakuQA@2bc4c3d159cf5505f6253d24a909fbd53237e239 scripts/"
    assert details["published_rule"].startswith(told)
    assert f"For `acc`: published rule: {told}" in files["README.md"]


def test_a_rule_that_is_not_known_is_not_repeated() -> None:
    results, samples = Run().results(), Run().samples()
    for sample in samples:
        sample["doc"]["rule"] = "/home/tanaka"
    run = run_of(Path("r"), results, "jmed_sample_letters", samples)
    with pytest.raises(JmedError, match="r: jmed_sample_letters: a published rule that is not kno"):
        entry_of(run)


def test_only_that_exam_has_such_rows(tmp_path: Path) -> None:
    assert not any("igakuqa119" in name for name in published(write(tmp_path / "o", Run()), *BASE))


def test_the_table_is_written_as_the_publisher_writes_it() -> None:
    # docto-rin/IgakuQA119@2d94239 README.md, entry Qwen2.5-72B
    row = igakuqa119._six("overall", Tally(314, 398)) | igakuqa119._six("no_image", Tally(241, 311))
    cells = [igakuqa119._cell(row, p, k) for p in igakuqa119.TOTALS for k in ("score", "correct")]
    assert " | ".join(cells) == (
        "398/500 (79.60%) | 314/400 (78.50%) | 311/383 (81.20%) | 241/297 (81.14%)"
    )


def test_eval_results_are_written_for_exams_of_the_hub_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = [question(n, "jjsimqa", "") for n in range(1, 5)]
    write(tmp_path / "out", Run("jmed_jjsimqa_letters", hub, marks=""), 1)
    write(tmp_path / "out", Run(), 2)
    assert not any(".eval_results" in name for name in published(tmp_path / "out", *BASE))
    files = published(tmp_path / "out", *BASE, "--eval-results")
    assert "jmed_sample_letters: the exam is no dataset of the Hub" in capsys.readouterr().err
    text = files[".eval_results/jmed_jjsimqa_letters.yaml"]
    (found,) = parse_eval_result_entries(yaml.safe_load(text))
    assert isinstance(found, EvalResultEntry)
    assert (found.dataset_id, found.value) == ("AIgroup-CVM-utokyohospital/JJSIMQA", 1.0)
    assert found.date == "2026-01-02T03:00:00Z"
    assert "date: '2026" in text


def test_a_results_folder_called_check_can_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "check", Run())
    monkeypatch.chdir(tmp_path)
    main(["submission", "./check", *BASE, "-o", "out"])
    assert list((tmp_path / "out").rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--model-id: missing"),
        (["--model-id", "model"], "--model-id: found 'model'; allowed: org/name"),
        (["--model-id", "/data/models/m"], "allowed: org/name"),
        (["--model-id", "a/b/c"], "allowed: org/name"),
        (["--model-id", "組織/名前"], "allowed: org/name"),
        ([*BASE, "--adapter-id", "x"], "--adapter-id: found 'x'"),
        ([*BASE, "--adapter-id", "acme/base"], "which is the base's id too"),
        ([*BOTH, "--licence", "my own; see mail"], "--licence: found"),
        ([*BASE, "--licence", "mit"], "give --adapter-id too"),
        (BOTH, "no run here has an adapter"),
        (["another", *BASE], "unrecognized arguments: another"),
    ],
)
def test_wrong_names_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    folder = write(tmp_path / "out", Run())
    out = tmp_path / "published"
    assert why in refused(capsys, str(folder), *arguments, "-o", str(out))
    assert not out.exists()


def test_a_folder_of_several_models_or_adapters_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a", Run(model_args={"pretrained": "one"}), 1)
    write(tmp_path / "a", Run(model_args={"pretrained": "two"}), 2)
    assert "2 models (one, two)" in refused(
        capsys, str(tmp_path / "a"), *BASE, "-o", str(tmp_path / "x")
    )
    write(tmp_path / "b", Run(model_args={"peft": "one"}), 1)
    write(tmp_path / "b", Run(model_args={"peft": "two"}), 2)
    assert "2 adapters (one, two)" in refused(
        capsys, str(tmp_path / "b"), *BOTH, "-o", str(tmp_path / "x")
    )
    write(tmp_path / "c", Run(model_args={"peft": "one"}))
    assert "--adapter-id: missing" in refused(
        capsys, str(tmp_path / "c"), *BASE, "-o", str(tmp_path / "x")
    )


def test_partial_private_and_contradicting_runs_are_left_out_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contradicting = Run("jmed_sample_mc").results()["results"]
    contradicting["jmed_sample_mc"]["acc,none"] = 0.9
    write(tmp_path / "out", Run("jmed_sample_mc", more={"results": contradicting}), 1)
    write(tmp_path / "out", Run("jmed_naika_letters"), 2)
    write(tmp_path / "out", Run("jmed_igakuqa_letters", asked=1471), 3)
    told = refused(capsys, str(tmp_path / "out"), *BASE, "-o", str(tmp_path / "published"))
    assert "no run can be published" in told
    assert "acc: the results are not those of the samples" in told
    assert "a private exam stays private" in told
    assert "--limit: 8 of 1471 docs" in told
    write(tmp_path / "out", Run(), 4)
    published(tmp_path / "out", *BASE)
    assert capsys.readouterr().err.count("left out: ") == 3


def test_nothing_is_written_if_one_file_would_not_be_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_index, "SOURCE_URL", "file:///home/someone/results")
    out = tmp_path / "published"
    told = refused(capsys, str(write(tmp_path / "out", Run())), *BASE, "-o", str(out))
    assert "model-index.yaml: would not be valid, so nothing was written" in told
    assert not out.exists()


def test_a_folder_without_results_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no results of a jmed task" in refused(
        capsys, str(tmp_path), *BASE, "-o", str(tmp_path / "x")
    )


def test_runs_are_read_as_the_other_commands_read_them(tmp_path: Path) -> None:
    (run,) = read_runs(write(tmp_path / "out", Run())).runs
    assert entry_of(run) == entry(Run())
