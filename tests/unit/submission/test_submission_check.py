"""`jmed submission check`: every fault by name, and never a traceback."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.submission.check import SCHEMAS, faults
from lm_eval_tasks.submission.files import submission
from lm_eval_tasks.submission.igakuqa119 import HEAD
from lm_eval_tasks.submission.leaks import leaks
from lm_eval_tasks.submission.names import Names
from tests.invented import Run, question, write

ENDINGS = st.sampled_from([".json", ".yaml", ".yml", ".md", ".txt", ""])
STARTS = st.sampled_from(["", "---\n", HEAD, "model-index: ", '{"schema_version": "0.3.0"', "- "])
WORDS = [
    "model-index", "schema_version", "evaluation_results", "model_info", "dataset", "value", "name",
    "results", "task", "metrics", "score_details", "metric_config", "min_score", "source",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    hub = [question(n, "jmmlu_med", "anatomy") for n in range(1, 5)]
    args = {"peft": "nowhere"}
    write(folder, Run("jmed_jmmlu_med_letters", hub, marks="", model_args=args), 1)
    exam = [question(n, "jmle119", "119") for n in range(1, 5)]
    write(folder, Run("jmed_jmle119_letters", exam, marks="physician", model_args=args), 2)
    names = Names("acme/base", "acme/adapter", "mit")
    return dict(submission(folder, names, with_eval_results=True, now=1).files)


def text_of(files: dict[str, str], part: str) -> str:
    return next(text for name, text in files.items() if part in name)


def test_what_was_written_is_valid(files: dict[str, str]) -> None:
    kinds = {faults(name, text)[0] for name, text in files.items()}
    assert kinds == {
        "Every Eval Ever", "model card", ".eval_results", "IgakuQA119 rows", "IgakuQA119 table",
    }  # fmt: skip
    assert not any(faults(name, text)[1] for name, text in files.items())


@given(ENDINGS, STARTS, st.text() | JSON.map(json.dumps) | JSON.map(yaml.safe_dump))
def test_no_text_breaks_the_check(ending: str, start: str, text: str) -> None:
    kind, found = faults(f"x{ending}", start + text)
    assert kind or found
    assert all(isinstance(fault, str) for fault in found)


@pytest.mark.parametrize("ending", [".json", ".yaml", ".md"])
@pytest.mark.parametrize("deep", ["[" * 2_000, "- " * 500, "---\na: " + "[" * 500 + "\n---\n"])
def test_deep_text_is_a_fault(ending: str, deep: str) -> None:
    assert faults(f"x{ending}", deep)[1]


def test_each_required_field_is_missed(files: dict[str, str]) -> None:
    record = json.loads(text_of(files, "every_eval_ever"))
    for key in record:
        if key == "evaluation_timestamp":
            continue
        broken = {name: value for name, value in record.items() if name != key}
        assert faults("x.json", json.dumps(broken))[1], key
    row = json.loads(text_of(files, "leaderboard.json"))
    ((name, fields),) = row.items()
    for key in fields:
        broken = {name: {other: fields[other] for other in fields if other != key}}
        assert any(key in fault for fault in faults("x.json", json.dumps(broken))[1])


def changed(record: Any, *path: Any, value: object) -> str:
    made = copy.deepcopy(record)
    place = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(made)


def test_every_fault_of_a_record_is_named(files: dict[str, str]) -> None:
    record = json.loads(text_of(files, "every_eval_ever"))
    first = ("evaluation_results", 0)
    for path, value, named in (
        (("schema_version",), "0.2.0", "schema_version: found '0.2.0'"),
        (("model_info", "id"), "base", "model_info.id: found 'base'; allowed: org/name"),
        ((*first, "score_details", "score"), 1.5, "found 1.5; allowed: 0 to 1"),
        ((*first, "score_details", "score"), "1", "evaluation_results.0.score_details.score: '1'"),
        ((*first, "metric_config", "score_type"), "points", "metric_config.score_type: 'points'"),
        (("extra",), 1, "the whole: Additional properties"),
        (("evaluation_results",), [], "evaluation_results: found none"),
        (("eval_library", "additional_details", "path"), "/home/x/y", "line 1: a local path"),
    ):
        found = faults("x.json", changed(record, *path, value=value))[1]
        assert any(named in fault for fault in found), (named, found)
    twice = json.loads(changed(record, "schema_version", value="1"))
    two = faults("x.json", changed(twice, "model_info", "id", value="base"))[1]
    assert len(two) == 2
    assert "NaN is no JSON" in faults("x.json", '{"schema_version": NaN}')[1][0]


def test_every_fault_of_the_other_files_is_named(files: dict[str, str]) -> None:
    entry = text_of(files, ".eval_results")
    row, table = text_of(files, "leaderboard.json"), text_of(files, "leaderboard.md")
    card = files["README.md"]
    for name, text, named in (
        ("x.yaml", entry.replace("'2026-01-02T03:00:00Z'", "2026-01-02"), "0.date: "),
        ("x.yaml", entry.replace("value: 1.0", "value: high"), "0.value: 'high'"),
        ("x.yaml", entry.replace("  url:", "  link:"), "0.source: "),
        ("x.yaml", entry.replace("nlp-waseda/JMMLU", "JMMLU"), "0.dataset.id: "),
        ("x.json", row.replace('"overall_correct": 4', '"overall_correct": 5'), "overall_accuracy"),
        ("x.json", row.replace('"overall_total": 400', '"overall_total": 4'), "400 was expected"),
        ("x.md", table.replace("4/400 (1.00%)", "4/400 (9.00%)"), "that is 1.00%"),
        ("x.md", table.replace("4/400", "4/4"), "allowed: N/400"),
        ("x.md", table.replace("| Rank", "| Place"), "the first lines are not"),
        ("x.md", card.replace("value: 1.0", "value: all"), "found 'all'; allowed: a number"),
        ("x.md", card.replace("base_model: acme/base", "base_model: base"), "base_model: found"),
        ("x.md", card.replace("base_model: acme/base\n", ""), "base_model: missing"),
        ("x.md", card.replace("model-index:", "model-indx:"), "model-index: missing"),
        ("x.md", card.replace("    metrics:", "    scores:", 1), "no metadata of a model card"),
        ("x.md", card.replace("    - type: acc", "    - note: a\n      type: acc"), "not the same"),
        ("x.md", card + "\nmail taro@hospital.example.jp", "an e-mail address"),
        ("x.txt", "", "the ending '.txt' is of no file of a submission"),
    ):
        assert any(named in fault for fault in faults(name, text)[1]), (named, faults(name, text))


@pytest.mark.parametrize(
    "text",
    ["/home/a/b", "see /Users/a/b.", "C:\\Users\\a", "file:///x/y", "~/models/m", "a@b.co.jp",
     "hf_" + "a" * 20, "sk-" + "a" * 20, '"/mnt/nfs/x"', "path=/work/a"],
)  # fmt: skip
def test_leaks_are_seen(text: str) -> None:
    assert leaks(text)


@pytest.mark.parametrize(
    "text",
    ["https://huggingface.co/home/x", "docto-rin/IgakuQA119@2d942397", "4/400", "org/name",
     "https://example.org/data/x", "a/data/b", "必修/一般"],
)  # fmt: skip
def test_addresses_of_the_web_are_no_leaks(text: str) -> None:
    assert leaks(text) == []


def test_a_token_is_not_repeated() -> None:
    assert not any("hf_" + "a" * 20 in line for line in leaks("hf_" + "a" * 30))


def test_the_command_names_files_and_ends_with_two(
    tmp_path: Path, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, other = tmp_path / "good.md", tmp_path / "bad.json", tmp_path / "other.md"
    good.write_text(files["README.md"], encoding="utf-8")
    main(["submission", "check", str(good)])
    assert "good.md: model card: valid" in capsys.readouterr().out
    bad.write_text("{", encoding="utf-8")
    other.write_bytes(b"\xff\xfe")
    with pytest.raises(SystemExit) as stopped:
        main(["submission", "check", str(tmp_path), str(tmp_path / "absent.json")])
    told = capsys.readouterr()
    assert stopped.value.code == 2
    assert "3 of 4 files are not valid" in told.err
    assert "bad.json: IgakuQA119 rows: 1 fault\n" in told.out
    with pytest.raises(SystemExit):
        main(["submission", "check", str(good), "--eval-results"])
    assert "unrecognized arguments: --eval-results" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["submission", "check"])
    assert "no file" in capsys.readouterr().err


def test_the_schema_is_the_published_one_with_its_notice() -> None:
    # evaleval/every_eval_ever@9bce413, every_eval_ever/schemas/eval.schema.json
    data = (SCHEMAS / "every_eval_ever.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == SHA256
    notice = (SCHEMAS / "every_eval_ever.LICENSE").read_text(encoding="utf-8")
    assert "9bce413" in notice
    assert "MIT License" in notice
    assert "Copyright (c) 2026 EvalEval" in notice


SHA256 = "215f04c9a0d7a13f83c49ccd85f97018f39ad1e49af7a3a561841418e9ee08c9"


def test_long_words_take_no_time_for_their_length() -> None:
    """Minutes, when every letter was a place to begin an address at."""
    assert leaks("a.a-a" * 100_000) == []
    (found,) = leaks(f"{'a.' * 100}b@example.jp")
    assert found.startswith("line 1: an e-mail address: ")
