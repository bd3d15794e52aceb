"""Runs of an exam whose publisher has no program: no acc anywhere, and every command says so."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.comparison.compare import compare_runs
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.result import read_result
from lm_eval_tasks.tables.leaderboard import leaderboard
from lm_eval_tasks.tables.leaderboard_files import as_html, as_markdown
from lm_eval_tasks.words import read_words
from tests.invented import Invented, Pupil, reported, scored, written

YES, NO = True, False
BASE = Invented([YES] * 20 + [NO] * 20, rule="")
OTHER = replace(BASE, right=[YES] * 30 + [NO] * 10, model_args="pretrained=org/big")
BEFORE = replace(BASE, rule=None)
"""Written by a version of jmed whose docs named no rule."""
Shown = Callable[..., str]


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shown:
    def command(name: str, *runs: Invented, more: tuple[str, ...] = ()) -> str:
        folders = [tmp_path / str(place) for place, _ in enumerate(runs)]
        for folder, run in zip(folders, runs, strict=True):
            written(folder, run)
        main([name, *map(str, folders), *more])
        return capsys.readouterr().out

    return command


def test_a_run_is_read_without_acc_and_with_it() -> None:
    assert list(scored(BASE).answers[0].values) == ["acc_lenient", "extracted"]
    assert scored(BASE).rule == ""
    assert list(scored(BEFORE).answers[0].values) == ["acc_lenient", "acc", "extracted"]
    assert scored(BEFORE).rule == "igakuqa"
    assert scored(replace(BASE, task="jmed_sample_mc")).rule is None


@pytest.mark.parametrize("rule", ["igakuqa", None])
def test_acc_may_lack_only_where_there_is_no_rule(rule: str | None) -> None:
    run = scored(replace(BASE, rule=rule)).run
    lacking = [{key: sample[key] for key in sample if key != "acc"} for sample in run.samples]
    with pytest.raises(JmedError, match="a sample without 'acc'"):
        read_result(replace(run, samples=lacking))


def test_samples_of_several_rules_are_damaged() -> None:
    run = scored(BEFORE).run
    samples: list[dict[str, Any]] = [dict(sample) for sample in run.samples]
    samples[3] = {**samples[3], "doc": {**samples[3]["doc"], "rule": "jmle119"}}
    with pytest.raises(JmedError, match=r"several published rules: \['igakuqa', 'jmle119'\]"):
        read_result(replace(run, samples=samples))


@pytest.mark.parametrize(
    ("language", "note"),
    [
        ("en", "sample: no published rule, hence no acc; acc_lenient alone"),
        ("ja", "sample: 出題元の規則なし。acc はなく、acc_lenient だけを示す"),
    ],
)
def test_compare_says_it_below_the_table(shown: Shown, language: str, note: str) -> None:
    text = shown("compare", BASE, OTHER, more=("--lang", language))
    assert note in " ".join(text.split())
    assert "│ acc " not in text
    assert note not in shown(
        "compare", BEFORE, replace(OTHER, rule=None), more=("--lang", language)
    )


def test_compare_for_programs_has_no_acc(shown: Shown) -> None:
    (pair,) = json.loads(shown("compare", BASE, OTHER, more=("--json",)))["comparisons"]
    (task,) = pair["tasks"]
    assert task["published_rule"] == ""
    assert [change["metric"] for change in task["metrics"]] == ["acc_lenient", "extracted"]
    rows = csv.DictReader(io.StringIO(shown("compare", BASE, OTHER, more=("--csv",))))
    assert [row["metric"] for row in rows] == ["acc_lenient", "extracted"]


def test_a_matrix_of_three_models_has_no_acc(shown: Shown) -> None:
    third = replace(OTHER, model_args="pretrained=org/third")
    text = shown("compare", BASE, OTHER, third, more=("--lang", "en"))
    assert "no published rule" in " ".join(text.split())
    assert "│ acc " not in text


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_leaderboard_has_a_footnote(language: str) -> None:
    note = {"ja": "sample: 出題元の規則なし", "en": "sample: no published rule"}[language]
    rows = leaderboard([scored(BASE), scored(replace(BEFORE, task="jmed_sample_mc"))])
    assert {row.metric for row in rows} == {"acc_lenient", "acc"}
    for made in (as_markdown(rows, read_words(language)), as_html(rows, read_words(language))):
        assert made.count(note) == 1
    assert note not in as_markdown(leaderboard([scored(BEFORE)]), read_words(language))


@pytest.mark.parametrize(
    ("language", "none", "told"),
    [
        ("en", "none, so there is no acc", "published rule"),
        ("ja", "なし (acc はない)", "出題元の規則"),
    ],
)
def test_the_report_tells_the_rule_or_that_there_is_none(
    tmp_path: Path, language: str, none: str, told: str
) -> None:
    def page(*pupils: Pupil) -> str:
        folders = [str(reported(tmp_path / f"{p.rule}{n}", p)) for n, p in enumerate(pupils)]
        file = tmp_path / "report.html"
        main(["report", *folders, "-o", str(file), "--lang", language])
        return file.read_text(encoding="utf-8")

    big = "pretrained=org/big"
    without = page(Pupil(rule=""), Pupil(rule="", knows=0.9, model_args=big))
    assert none in without
    ruled = page(Pupil(), Pupil(knows=0.9, model_args=big))
    assert none not in ruled
    assert f">{told}<" in ruled
    assert "igakuqa (jungokasai/IgakuQA@2bc4c3d159cf5505f6253d24a909fbd53237e239" in ruled
    only_mc = page(Pupil(protocols=("mc",)))
    assert f">{told}<" not in only_mc


def test_the_verdict_goes_by_the_lenient_reading_all_the_same(shown: Shown) -> None:
    whole = Invented([YES] * 159, rule="")
    assert "合格" in shown("verdict", whole)


def with_doc(run: Invented, **fields: Any) -> Invented:
    doc = {"id": "900A0000", "exam": "sample", "permutation": 0, "sitting": "900", "section": "A",
           "category": "", "human_accuracy": None, **fields}  # fmt: skip
    return replace(run, right=[YES], sample={"doc": doc, "doc_hash": json.dumps(fields)})


def test_docs_that_differ_in_a_field_recorded_later_alone_can_be_compared() -> None:
    mc = Invented([YES], task="jmed_sample_mc")
    old, new = with_doc(mc), with_doc(mc, rule="igakuqa")
    (found,) = compare_runs([scored(old)], [scored(new)])
    assert found.questions == 1
    for other in (
        with_doc(mc, rule="igakuqa", section="B"),
        with_doc(mc, rule="igakuqa", stem="別の問い"),
    ):
        with pytest.raises(JmedError, match="doc hashes: 1 differ"):
            compare_runs([scored(old)], [scored(other)])
    with pytest.raises(JmedError, match="doc hashes: 1 differ"):
        compare_runs([scored(new)], [scored(with_doc(mc, rule="jmle119"))])
