"""What `jmed submission` says of runs with images and of their blind twins."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval_tasks.results.runs import run_of
from lm_eval_tasks.submission import eval_results, every_eval_ever, igakuqa119, model_card
from lm_eval_tasks.submission.check import faults
from lm_eval_tasks.submission.entry import Entry, Tally, entry_of
from lm_eval_tasks.submission.labels import denominator, label
from lm_eval_tasks.submission.names import Names
from tests.invented import Run, question

ADAPTED = Names("acme/base", "acme/adapter")
QUESTIONS = [
    question(n, "jmle119", "119", has_figure=n < 3, images=("images/secret.png",) * (n < 3))
    for n in range(6)
]
SHOWN = Run(
    task="jmedvision_jmle119_letters",
    questions=QUESTIONS,
    marks="physician",
    rule="jmle119",
    model_args={"pretrained": "b", "peft": "a", "max_images": 5, "image_max_side": 900},
    more={"model_source": "vllm-vlm"},
)
BLIND = replace(SHOWN, blind=True)
TEXT = replace(SHOWN, task="jmed_jmle119_letters", questions=QUESTIONS[3:])


def entry(run: Run) -> Entry:
    return entry_of(run_of(Path("r"), run.results(), run.task, run.samples()))


def record(made: Entry) -> dict[str, Any]:
    return every_eval_ever.aggregate(made, ADAPTED, "unknown", now=1)


def head(*entries: Entry) -> dict[str, Any]:
    """Of the model card."""
    text = model_card.model_card(entries, ADAPTED, None)
    found: dict[str, Any] = yaml.safe_load(text.split("---")[1])
    return found


def details(made: Mapping[str, Any]) -> list[str | None]:
    """What each result says of images, in its score and in its settings."""
    return [
        part.get("images")
        for result in made["evaluation_results"]
        for part in (
            result["score_details"]["details"],
            result["generation_config"]["additional_details"],
        )
    ]


@pytest.mark.parametrize(
    ("run", "said"), [(SHOWN, "images shown"), (BLIND, "images withheld"), (TEXT, None)]
)
def test_every_figure_says_whether_images_were_shown(run: Run, said: str | None) -> None:
    made = entry(run)
    assert set(details(record(made))) == {said}
    texts = [
        label(made),
        eval_results.file_text(made),
        igakuqa119.entry_name(made, ADAPTED),
        model_card.model_card([made], ADAPTED, None),
    ]
    for text in texts:
        assert (said or "letters, ") in text
        assert ("images" in text) == bool(said)
        assert "secret" not in text


def test_a_card_of_what_sees_is_found_among_models_that_see() -> None:
    tags = [head(entry(run))["pipeline_tag"] for run in (SHOWN, BLIND, TEXT)]
    assert tags == ["image-text-to-text", "text-generation", "text-generation"]


def test_verdicts_of_both_runs_are_told_apart_in_the_card() -> None:
    text = model_card.model_card([entry(SHOWN), entry(BLIND)], ADAPTED, None)
    lines = [line for line in text.splitlines() if "| 119 |" in line]
    assert ["(images shown)" in line for line in lines] == [True, False]
    assert ["(images withheld)" in line for line in lines] == [False, True]
    results = head(entry(SHOWN), entry(BLIND))["model-index"][0]["results"]
    names = {one["dataset"]["config"] for one in results}
    assert len(names) == 2


def test_the_model_class_and_the_size_of_images_are_said() -> None:
    info = record(entry(SHOWN))["model_info"]
    assert info["inference_engine"] == {"name": "vllm", "version": "unknown"}
    assert info["additional_details"]["deployment_type"] == "self_deployed"
    assert info["additional_details"]["image_max_side"] == "900"
    hf = replace(SHOWN, more={"model_source": "jmed_hf_multimodal"})
    assert record(entry(hf))["model_info"]["inference_engine"]["name"] == "transformers"


def test_rows_of_igakuqa119_have_the_whole_and_the_figures_apart() -> None:
    """The publisher's board has both; what was not asked counts as wrong."""
    made = entry(SHOWN)
    assert (made.whole, made.no_figure) == (Tally(6, 6), Tally(3, 3))
    assert entry(TEXT).whole == entry(TEXT).no_figure == Tally(3, 3)
    (row,) = igakuqa119.rows([made], ADAPTED).values()
    assert (row["overall_correct"], row["overall_total"]) == (6, 400)
    assert (row["no_image_correct"], row["no_image_total"]) == (3, 297)
    table = igakuqa119.markdown([made, entry(BLIND)], ADAPTED, ["unknown"] * 2)
    assert faults("leaderboard.md", table) == ("IgakuQA119 table", [])
    assert "letters_vision, images shown" in table
    assert "letters_vision, images withheld" in table


def test_figures_that_nobody_published_are_said_to_be_left_out() -> None:
    results = SHOWN.results()
    questions = results["configs"][SHOWN.task]["metadata"]["questions"]
    questions |= {"published": 8, "kept": 6, "left_out": {"its figure is not published": 2}}
    made = entry_of(run_of(Path("r"), results, SHOWN.task, SHOWN.samples()))
    assert made.left_out["its figure is not published"] == 2
    assert "its figure is not published 2" in denominator(made)
