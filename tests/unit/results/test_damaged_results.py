"""Results with any value damaged: a reason or a result, never a traceback."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.result import read_result
from lm_eval_tasks.results.runs import run_of
from lm_eval_tasks.words import read_words
from tests.invented import STAMP, Invented, results, samples, scored, write_texts, written

GOOD = Invented([True, False] * 4)
ADAPTER = Invented([False, False] * 4, model_args="pretrained=org/base,peft=org/adapter")
values = st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=3)
anything = st.recursive(
    values, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON."""
    if path:
        yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, below in value.items():
            yield from places(below, (*path, key))


def damaged(draw: st.DataObject, whole: Any) -> Any:
    changed = copy.deepcopy(whole)
    *path, last = draw.draw(st.sampled_from(list(places(whole))))
    inside = changed
    for key in path:
        inside = inside[key]
    if draw.draw(st.booleans()):
        inside[last] = draw.draw(anything)
    else:
        del inside[last]
    return changed


def status(*arguments: str) -> object:
    try:
        main(arguments)
    except SystemExit as stopped:
        return stopped.code
    return 0


RESULTS, SAMPLES = results(ADAPTER), samples(ADAPTER)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is sound, in a folder that nothing changes."""
    return written(tmp_path_factory.mktemp("good"), GOOD)


@pytest.mark.parametrize("command", ["compare", "leaderboard"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_a_damaged_value_gives_a_reason(good: Path, command: str, draw: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        rows, found = SAMPLES, RESULTS
        if draw.draw(st.booleans()):
            rows = [damaged(draw, SAMPLES[0]), *SAMPLES[1:]]
        else:
            found = damaged(draw, RESULTS)
        write_texts(Path(folder, "bad"), STAMP, ADAPTER.task, found, rows)
        if command == "compare":
            assert status("compare", str(good), folder) in {0, 2}
        else:
            copytree(good.parent, Path(folder, "good"))
            assert status("leaderboard", folder) in {0, 2}


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    for place, name in enumerate(("x" * 5000, "a/" + "x" * 300, "nul\0", "\n")):
        arguments = f"pretrained={name},peft={name}"
        written(tmp_path / str(place), Invented([True], model_args=arguments))
    assert status("leaderboard", str(tmp_path)) == 0


@pytest.mark.parametrize(
    "record", ["{", "[]", '{"overlap": {"found": []}}', r'{"data": {"\ud800": 1}}']
)
def test_a_damaged_record_of_whole_weights_is_said(record: str, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    run = Invented([True], model_args=f"pretrained={weights}")
    assert scored(run).overlap.sign == ""
    (tmp_path / "run.json").write_text(record, encoding="utf-8")  # of something else
    assert scored(run).overlap.sign == ""
    (weights / "run.json").write_text(record, encoding="utf-8")
    mark = scored(run).overlap
    assert (mark.kind, mark.sign) == ("damaged record", "‡")
    for language in ("ja", "en"):
        words = read_words(language)
        assert mark.note(words.marks).startswith("‡: ")
        assert "run.json" in mark.note(words.marks)


@pytest.mark.parametrize(
    "record",
    ["{", "[]", "{}", '{"overlap": null}', '{"overlap": {}}', '{"overlap": {"found": []}}'],
)
def test_a_damaged_record_of_an_adapter_is_none(record: str, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "run.json").write_text(record, encoding="utf-8")
    written(tmp_path / "out", Invented([True], model_args=f"pretrained=org/base,peft={adapter}"))
    main(["leaderboard", str(tmp_path / "out"), "-o", str(tmp_path / "board.md")])
    assert "‡" in (tmp_path / "board.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["sample", "doc", "results", "questions"])
def test_half_a_surrogate_pair_as_a_key_is_named(place: str) -> None:
    content, rows = copy.deepcopy(RESULTS), copy.deepcopy(SAMPLES)
    questions = content["configs"][ADAPTER.task]["metadata"]["questions"]
    inside = {"sample": rows[0], "doc": rows[0]["doc"], "results": content, "questions": questions}
    inside[place]["\ud800"] = 1
    with pytest.raises(JmedError, match="a key that is no text"):
        read_result(run_of(Path("r"), content, ADAPTER.task, rows))


def test_a_form_says_where_it_is_not_kept() -> None:
    rows = copy.deepcopy(SAMPLES)
    rows[0]["doc"]["id"] = 3
    with pytest.raises(JmedError, match=r"a sample with doc\.id: Expected `str`, got `int`"):
        read_result(run_of(Path("r"), RESULTS, ADAPTER.task, rows))


def test_an_empty_item_is_no_question_without_points() -> None:
    rows = copy.deepcopy(SAMPLES)
    rows[0]["passed"] = None
    with pytest.raises(JmedError, match="passed: Expected `array`, got `null`"):
        read_result(run_of(Path("r"), RESULTS, ADAPTER.task, rows))


SEEN = Invented(
    [True, False] * 4,
    task="jmedvision_jmle120_letters",
    rule="jmle120",
    figures=(2, 1),
    changes={"model_source": "hf-multimodal"},
)
SEEN_RESULTS, SEEN_SAMPLES = results(SEEN), samples(SEEN)
OF_IMAGES = {"images", "max_pixels", "has_figure", "arguments", "jmed", "doc_to_image", "visual"}
"""Keys of what a task with images has more, or reads otherwise, than a task on text."""


def of_images(whole: Any) -> list[tuple[Any, ...]]:
    return [place for place in places(whole) if OF_IMAGES & set(place)]


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("blind"), replace(SEEN, blind=True))


@pytest.mark.parametrize("command", ["compare", "report", "verdict"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_a_damaged_value_about_images_gives_a_reason(
    blind: Path, command: str, draw: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        found, rows = copy.deepcopy(SEEN_RESULTS), copy.deepcopy(SEEN_SAMPLES)
        whole = draw.draw(st.sampled_from([found, rows[0]]))
        *path, last = draw.draw(st.sampled_from(of_images(whole)))
        inside = whole
        for key in path:
            inside = inside[key]
        inside[last] = draw.draw(anything)
        write_texts(Path(folder, "bad"), STAMP, SEEN.task, found, rows)
        arguments = {
            "compare": [str(blind), folder],
            "report": [folder, str(blind), "--with-text", "-o", f"{folder}/r.html"],
            "verdict": [folder],
        }[command]
        assert status(command, *arguments) in {0, 2}
