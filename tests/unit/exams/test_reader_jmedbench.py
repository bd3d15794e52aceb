"""The Hub path: a tiny dataset repository in the mirror, read by `datasets` without a network."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams import card as cards
from lm_eval_tasks.exams.card import read_card
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.readers import jmedbench

CARD = read_card("medqa_ja")
ROW: dict[str, Any] = {
    "sample_id": "tree-0",
    "question": "最も高い木はどれか。",
    "options": ["松", "杉", " 樫", "桜"],
    "answer_idx": 2,
    "n_options": 4,
    "metadata": "{}",
}
README = """---
configs:
  - config_name: trees
    data_files: [{split: test, path: trees/test.jsonl}, {split: train, path: trees/train.jsonl}]
---
"""


def written_card(folder: Path, name: str, published: int) -> None:
    lines = [
        "title: trees",
        "language: ja",
        "reader: jmedbench",
        "source: hf:someone/woods@0a1b2c",
        "hub: {config: trees, split: test}",
        f'published: {{"": {published}}}',
        "licence: CC0",
        "citation: none",
    ]
    (folder / f"{name}.card").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def exams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cards, with the sample's; in the mirror, a dataset of three rows."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "tasks" / "woods"
    folder.mkdir(parents=True)
    shutil.copytree(TASKS_PATH / "sample", folder.parent / "sample")
    rows = tmp_path / "someone" / "woods" / "0a1b2c" / "trees" / "test.jsonl"
    rows.parent.mkdir(parents=True)
    texts = [json.dumps(ROW | {"sample_id": f"tree-{n}", "answer_idx": n}) for n in range(3)]
    rows.write_text("\n".join(texts), encoding="utf-8")
    rows.with_name("train.jsonl").write_text(texts[0], encoding="utf-8")
    (rows.parents[1] / "README.md").write_text(README, encoding="utf-8")
    monkeypatch.setattr(cards, "TASKS_PATH", folder.parent)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("JMED_MIRROR", str(tmp_path))
    return folder


def test_an_exam_of_the_hub_is_read_from_the_mirror(exams: Path) -> None:
    written_card(exams, "trees", 3)
    exam = load_exam("trees")
    assert [question.id for question in exam.questions] == ["tree-0", "tree-1", "tree-2"]
    assert [question.gold for question in exam.questions] == ["a", "b", "c"]
    assert exam.questions[0].choices == ("松", "杉", "樫", "桜")
    assert exam.demonstrations == load_exam("sample").demonstrations


def test_other_counts_than_the_published_are_refused(exams: Path) -> None:
    written_card(exams, "fewer_trees", 4)
    with pytest.raises(JmedError, match=r"fewer_trees: questions read are not those .* 3 of 4"):
        load_exam("fewer_trees")


def test_a_configuration_that_is_not_there_is_named(exams: Path) -> None:
    written_card(exams, "shrubs", 3)
    file = exams / "shrubs.card"
    file.write_text(file.read_text(encoding="utf-8").replace("config: trees", "config: shrubs"))
    with pytest.raises(JmedError, match=r"someone/woods \(shrubs, test\) cannot be had"):
        load_exam("shrubs")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_id", "tree-0"),
        ("sample_id", 7),
        ("question", None),
        ("options", ["松"]),
        ("options", list("あいうえおかきくけ")),
        ("options", "松"),
        ("answer_idx", 4),
        ("answer_idx", -1),
        ("answer_idx", "2"),
        ("answer_idx", True),
    ],
)
def test_a_value_that_is_not_allowed_is_named(field: str, value: object) -> None:
    with pytest.raises(JmedError) as error:
        list(jmedbench.read(CARD, [ROW, ROW | {"sample_id": "tree-1", field: value}]))
    message = str(error.value)
    assert f"/medqa_jp/test, item 2: field {field!r}: found {value!r}; allowed: " in message
    assert "hf:Coldog2333/JMedBench@" in message


@pytest.mark.parametrize("told", [4, "4", None])
def test_the_number_of_choices_is_that_of_the_row(told: object) -> None:
    (four,) = jmedbench.read(CARD, [ROW | {"n_options": told}])
    assert (len(four.choices), four.unusable, four.gold) == (4, "", "c")


def test_five_choices_are_read_as_well() -> None:
    (five,) = jmedbench.read(CARD, [ROW | {"options": list("松杉樫桜梅"), "n_options": 5}])
    assert (len(five.choices), five.unusable) == (5, "")


@pytest.mark.parametrize("told", [5, 3, "four", 4.5])
def test_a_row_that_contradicts_itself_is_left_out_and_keeps_its_key(told: object) -> None:
    (question,) = jmedbench.read(CARD, [ROW | {"n_options": told}])
    assert question.unusable.startswith("the publisher's number of options")
    assert question.gold == "c"
