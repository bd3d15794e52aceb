"""A run with images against its blind twin: what the images were worth, and what is no twin."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.comparison.compare import Comparison, compare_runs
from lm_eval_tasks.comparison.statistics import mcnemar, wilson
from lm_eval_tasks.errors import JmedError
from tests.invented import Invented, scored, written

ENGINE = {"model_source": "hf-multimodal"}
SHOWN = Invented(
    [n % 4 != 0 for n in range(40)],
    task="jmedvision_jmle120_letters",
    rule="jmle120",
    figures=(2, *[1] * 11),
    changes=ENGINE,
)
BLIND = replace(SHOWN, right=[n % 4 != 0 and n not in (1, 2, 3, 5, 6, 39) for n in range(40)],
                blind=True)  # fmt: skip
TEXT = Invented([True] * 28, task="jmed_jmle120_letters", rule="jmle120")


def compared(base: Invented, other: Invented) -> Comparison:
    (comparison,) = compare_runs([scored(base)], [scored(other)])
    return comparison


def refused(base: Invented, other: Invented) -> str:
    with pytest.raises(JmedError) as error:
        compared(base, other)
    return str(error.value)


def test_what_the_images_were_worth_is_said_of_figure_questions_and_of_all() -> None:
    found = compared(BLIND, SHOWN)
    figure, others = found.figures
    assert (figure.part, figure.questions) == ("needs a figure", 12)
    assert (figure.change.before, figure.change.after) == (4 / 12, 9 / 12)
    assert (figure.test.gained, figure.test.lost) == (5, 0)
    assert figure.test == mcnemar([False] * 5, [True] * 5)
    assert figure.change.low > 0
    assert (others.part, others.questions) == ("needs no figure", 28)
    assert (others.test.gained, others.test.lost) == (1, 0)
    assert (found.questions, found.test.gained) == (40, 6)
    assert found.changes[0].difference == pytest.approx(6 / 40)


def test_it_is_the_same_the_other_way_round() -> None:
    there, back = compared(BLIND, SHOWN), compared(SHOWN, BLIND)
    assert [one.change.difference for one in back.figures] == [
        pytest.approx(-one.change.difference) for one in there.figures
    ]
    assert [one.test.p for one in back.figures] == [one.test.p for one in there.figures]


def test_two_models_that_see_are_split_by_figures_too_and_models_on_text_are_not() -> None:
    other = replace(SHOWN, model_args="pretrained=org/other")
    assert [one.test.gained for one in compared(SHOWN, other).figures] == [0, 0]
    assert compared(TEXT, replace(TEXT, model_args="pretrained=org/other")).figures == []


def test_images_that_one_model_is_given_smaller_are_worth_knowing() -> None:
    smaller = replace(SHOWN, model_args="pretrained=org/other,image_max_side=512,max_images=9")
    assert (
        "images (--model_args): {} ≠ {'image_max_side': '512'}" in compared(SHOWN, smaller).remarks
    )
    blind = replace(BLIND, model_args="pretrained=org/base,max_images=9,image_max_side=512")
    assert compared(SHOWN, blind).remarks == []


def test_smaller_images_have_the_same_blind_twin() -> None:
    """Without images `max_pixels` is refused as an option, so no blind run has it."""
    assert compared(replace(SHOWN, max_pixels=1_000_000), BLIND).figures


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (replace(BLIND, model_args="pretrained=org/other"), "of different models"),
        (replace(BLIND, model_args="pretrained=org/base,dtype=float16"), "of different models"),
        (replace(BLIND, right=[True] * 39), "questions: 40 ≠ 39 answers"),
        (replace(BLIND, changes={**ENGINE, "configs.num_fewshot": 0}), "shots: 3 ≠ 0"),
        (replace(BLIND, figures=[1] * 13), "doc hashes: 1 differ, the first is 900A0012"),
        (replace(BLIND, rule="igakuqa"), "doc hashes: 40 differ"),
        (replace(SHOWN, max_pixels=1000), "options (--metadata jmed): {} ≠ {'max_pixels': 1000}"),
        (replace(SHOWN, figures=(1, 2, *[1] * 10)), "doc hashes: 2 differ"),
        (
            replace(BLIND, sample={"arguments": {"gen_args_0": {"arg_0": "?"}}}),
            "prompts: 40 differ",
        ),
    ],
)
def test_what_differs_in_more_than_the_images_is_no_twin(other: Invented, why: str) -> None:
    assert why in refused(SHOWN, other)


def test_blind_runs_of_two_options_are_told_apart() -> None:
    cut = {**ENGINE, "configs.metadata": None}
    assert "options" in refused(BLIND, replace(BLIND, changes=cut | _options({"seed": 1})))


def _options(more: dict[str, int]) -> dict[str, Any]:
    metadata = {"figures": "blind", **more}
    questions = {"asked": 40, "images": dict.fromkeys(
        ("questions", "files", "most", "bytes", "max_pixels"), 0) | {"withheld": True}
    }  # fmt: skip
    return {"configs.metadata": {"version": 1.0, "questions": questions, "jmed": metadata}}


def test_an_exam_on_text_against_the_same_with_images_is_pointed_to_the_blind_run() -> None:
    for pair in ((TEXT, SHOWN), (SHOWN, TEXT)):
        said = refused(*pair)
        assert "no task in common" in said
        assert """--metadata '{"jmed": {"figures": "blind"}}'""" in said
    assert "blind" not in refused(TEXT, Invented([True], task="jmed_sample_letters"))


Out = Callable[..., str]


@pytest.fixture
def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Out:
    """What `jmed compare` prints of the blind run and the one with images."""
    for name, one in (("blind", BLIND), ("shown", SHOWN)):
        written(tmp_path / name, one)

    def run(*more: str) -> str:
        main(["compare", str(tmp_path / "blind"), str(tmp_path / "shown"), *more])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ja", ("画像を伏せた → 画像あり", "画像が要る問題", "画像が要らない問題", "全体")),
        ("en", ("images withheld → images shown", "need a figure", "need none", "all")),
    ],
)
def test_tables_say_so_in_both_languages(
    language: str, words: tuple[str, ...], printed: Out
) -> None:
    lines = [" ".join(line.split()) for line in printed("--lang", language).splitlines()]
    assert any(words[0] in line for line in lines)
    rows = [line for word in words[1:] for line in lines if line.startswith(f"│ {word} │")]
    assert [row.split(" │ ")[1] for row in rows] == ["12", "28", "40"]
    assert "+41.7" in rows[0]


def test_files_say_so(printed: Out) -> None:
    (pair,) = json.loads(printed("--json"))["comparisons"]
    (task,) = pair["tasks"]
    assert task["images"] == {"before": "images withheld", "after": "images shown"}
    assert [(one["part"], one["questions"]) for one in task["figures"]] == [
        ("needs a figure", 12),
        ("needs no figure", 28),
    ]
    assert task["figures"][0]["mcnemar"]["gained"] == 5
    row = next(csv.DictReader(printed("--csv").splitlines()))
    assert (row["images_before"], row["images_after"]) == ("images withheld", "images shown")


def test_images_with_questions_that_need_none_are_said() -> None:
    """Of a case: the split by figures does not show them."""
    rows = {"has_figure": False}
    shown, blind = scored(SHOWN), scored(BLIND)
    cut = [
        replace(result, answers=[replace(result.answers[0], doc={**result.answers[0].doc, **rows}),
                                 *result.answers[1:]])
        for result in (shown, blind)
    ]  # fmt: skip
    (comparison,) = compare_runs(*([one] for one in cut))
    assert "images were shown with 1 questions that need none" in comparison.remarks
    assert comparison.figures[0].questions == 11


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_the_interval_of_a_share_is_that_of_scipy(n: int, share: float) -> None:
    right = round(share * n)
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
