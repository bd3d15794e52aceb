"""Runs with images, their blind twins and runs on text: told apart, and refused where a model
cannot have seen what the run says it showed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.images import OWN_IMAGES, Sight
from lm_eval_tasks.results.left_out import Reason, UnusableRunError
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.result import by_figure, read_result
from lm_eval_tasks.results.runs import run_of
from lm_eval_tasks.results.samples_file import check_seen
from tests.invented import STAMP, Invented, results, samples, scored, written

API = "local-chat-completions"
SHOWN = Invented(
    [True] * 8,
    task="jmedvision_jmle120_letters",
    rule="jmle120",
    figures=(2, 1),
    changes={"model_source": "jmed_hf_multimodal"},
)
BLIND = replace(SHOWN, blind=True)
TEXT = Invented([True] * 6, task="jmed_jmle120_letters", rule="jmle120")


def by_api(task: Invented, max_images: int | None = 2, engine: str = API) -> Invented:
    arguments = "pretrained=org/base" + (f",max_images={max_images}" if max_images else "")
    return replace(task, model_args=arguments, changes={"model_source": engine})


def test_three_kinds_of_runs() -> None:
    kinds = [scored(task).sight for task in (TEXT, SHOWN, BLIND)]
    assert kinds == [Sight.NONE, Sight.SHOWN, Sight.WITHHELD]


def test_the_parts_of_a_run_are_those_that_need_a_figure_and_the_others() -> None:
    for task in (SHOWN, BLIND):
        parts = by_figure(scored(task))
        assert {part: len(result.answers) for part, result in parts.items()} == {
            "needs a figure": 2,
            "needs no figure": 6,
        }
    assert list(by_figure(scored(TEXT))) == ["needs no figure"]


def left_out(folder: Path, *tasks: Invented) -> list[tuple[str, Reason]]:
    written(folder, *tasks)
    return [(one.task, one.reason) for one in read_results(folder).left_out]


def test_images_that_an_api_lost_beside_a_task_on_text_are_no_score(tmp_path: Path) -> None:
    """lm-eval cuts all generation requests of a call to the parts that each of them has."""
    assert left_out(tmp_path / "a", by_api(SHOWN), by_api(TEXT)) == [(SHOWN.task, Reason.UNSEEN)]
    found = read_results(tmp_path / "a")
    assert [result.run.task for result in found.results] == [TEXT.task]
    said = str(found.left_out[0])
    assert all(
        part in said for part in (API, TEXT.task, "images were not sent", "call of their own")
    )


@pytest.mark.parametrize("engine", OWN_IMAGES)
def test_engines_with_images_of_each_request_lose_none(engine: str, tmp_path: Path) -> None:
    pair = (by_api(SHOWN, None, engine), by_api(TEXT, None, engine))
    assert left_out(tmp_path, *pair) == []


def test_a_blind_run_has_none_to_lose_and_log_likelihoods_are_asked_apart(tmp_path: Path) -> None:
    assert left_out(tmp_path / "blind", by_api(BLIND), by_api(TEXT)) == []
    likelihoods = replace(TEXT, task="jmed_jmle120_mc", rule=None)
    assert left_out(tmp_path / "mc", by_api(SHOWN), by_api(likelihoods)) == []
    other = replace(SHOWN, task="jmedvision_jmle120_cot")
    assert left_out(tmp_path / "two", by_api(SHOWN), by_api(other)) == []


def test_a_task_of_others_in_the_same_call_counts_too() -> None:
    content = results(by_api(SHOWN))
    content["configs"]["gsm8k"] = {"output_type": "generate_until"}
    with pytest.raises(UnusableRunError, match="gsm8k"):
        run_of(Path("r"), content, SHOWN.task, samples(SHOWN))
    content["configs"]["gsm8k"]["output_type"] = "loglikelihood"
    assert run_of(Path("r"), content, SHOWN.task, samples(SHOWN))


@given(
    engine=st.sampled_from([*OWN_IMAGES, API, "openai-chat-completions", "vllm"]),
    allowed=st.none() | st.integers(-1, 6),
    figures=st.lists(st.integers(1, 5), min_size=1, max_size=3),
)
def test_cut_images_are_no_score(engine: str, allowed: int | None, figures: list[int]) -> None:
    """A run is read if and only if every image of every question was sent."""
    task = replace(SHOWN, right=[True] * 4, figures=figures)
    arguments = {"pretrained": "m"} | ({} if allowed is None else {"max_images": allowed})
    content = results(replace(task, changes={"model_source": engine}))
    content["config"]["model_args"] = arguments
    default = 999 if engine in OWN_IMAGES else 1
    is_whole = max(figures) <= (default if allowed is None else allowed)
    if is_whole:
        assert run_of(Path("r"), content, task.task, samples(task))
        return
    with pytest.raises(UnusableRunError, match=f"max_images={max(figures)} in --model_args"):
        run_of(Path("r"), content, task.task, samples(task))


def test_a_model_class_that_never_gets_max_images_is_known(tmp_path: Path) -> None:
    """AzureOpenaiChatCompletionsLM calls its parent without arguments."""
    azure = "azure-openai-chat-completions"
    other = replace(BLIND, task="jmedvision_jmle120_cot")
    pair = by_api(SHOWN, 5, azure), by_api(other, 5, azure)
    assert left_out(tmp_path / "two", *pair) == [(SHOWN.task, Reason.UNSEEN)]
    one_each = replace(SHOWN, figures=(1, 1))
    assert left_out(tmp_path / "one", by_api(one_each, 5, azure)) == []


def changed(task: Invented, place: int, **doc: object) -> list[dict[str, Any]]:
    rows = samples(task)
    rows[place] = {**rows[place], "doc": {**rows[place]["doc"], **doc}}
    return rows


IMAGE = {"file": "images/1.png", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("task", "rows", "fault"),
    [
        (SHOWN, changed(SHOWN, 0, images=[]), "no image shown to a question that needs one"),
        (SHOWN, changed(SHOWN, 1, images=[IMAGE] * 2), "1 images in its request; possible: 2"),
        (SHOWN, changed(SHOWN, 0, images=[1]), "doc.images[0]: Expected `object`"),
        (BLIND, changed(BLIND, 3, images=[IMAGE]), "1 images shown; possible: 0"),
        (TEXT, changed(TEXT, 0, images=[]), "a list of images in a run with text only"),
        (SHOWN, samples(replace(TEXT, right=SHOWN.right)), "no list of images in a run with"),
    ],
)
def test_samples_that_no_such_run_can_have(
    task: Invented, rows: list[dict[str, Any]], fault: str
) -> None:
    with pytest.raises(JmedError) as error:
        read_result(run_of(Path("r"), results(task), task.task, rows))
    assert fault in str(error.value)


RECORD = results(SHOWN)["configs"][SHOWN.task]["metadata"]["questions"]["images"]


@pytest.mark.parametrize(
    ("task", "images", "asked"), [(SHOWN, None, TEXT), (TEXT, RECORD, SHOWN), (BLIND, None, BLIND)]
)
def test_a_record_of_images_belongs_to_a_task_with_images(
    task: Invented, images: Mapping[str, object] | None, asked: Invented
) -> None:
    task = replace(task, changes={"model_source": "hf-multimodal"})
    content = results(task)
    content["configs"][task.task]["metadata"]["questions"]["images"] = images
    rows = samples(replace(asked, right=task.right))
    with pytest.raises(JmedError, match="damaged"):
        read_result(run_of(Path("r"), content, task.task, rows))


def test_samples_alone_are_refused_by_the_results_file_beside_them(tmp_path: Path) -> None:
    """`jmed rescore` takes samples; they do not say what the model was sent."""
    kept, lost, alone = (tmp_path / name for name in ("kept", "lost", "alone"))
    written(kept, SHOWN)
    for folder in (lost, alone):
        written(folder, by_api(SHOWN), by_api(TEXT))
    (alone / f"results_{STAMP}.json").unlink()
    for folder in (kept, alone):
        check_seen(folder / f"samples_{SHOWN.task}_{STAMP}.jsonl")
    check_seen(lost / f"samples_{TEXT.task}_{STAMP}.jsonl")
    with pytest.raises(JmedError, match="images were not sent"):
        check_seen(lost / f"samples_{SHOWN.task}_{STAMP}.jsonl")


def test_rescore_refuses_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, by_api(SHOWN, max_images=None))
    with pytest.raises(SystemExit):
        main(["rescore", "jmle120", str(tmp_path / f"samples_{SHOWN.task}_{STAMP}.jsonl")])
    assert "images were cut" in capsys.readouterr().err
