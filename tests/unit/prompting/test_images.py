"""Docs of a task that shows images: which images they name, and what lm-eval is given of them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting import images
from lm_eval_tasks.prompting.dataset import describe, questions, vision_questions
from lm_eval_tasks.prompting.images import doc_to_image
from lm_eval_tasks.prompting.prompts import cot, cot_vision, letters, letters_vision

CHOICES = "\n\na　松\n\nb　杉\n\nc　樫\n\nd　桜\n\ne　梅"
COLOURS = {"case": (200, 0, 0), "own": (0, 200, 0), "lone": (0, 0, 200)}
SERIES = {
    "group_id": "one",
    "questions": ["120C-2", "120C-3"],
    "context_text": "次の文を読み、2、3の問いに答えよ。\n\n旅人。写真（別冊 No. 1）を別に示す。",
}
Asked = Callable[..., tuple[list[Any], dict[str, Any]]]


def row(number: int, text: str, *shown: str, group: object = None) -> dict[str, Any]:
    return {
        "question_id": f"120C-{number}",
        "block": "C",
        "number": number,
        "question_type": "multiple_choice",
        "question_text": f"{number}　{text}{CHOICES}",
        "clinical_images": [f"{name}.png" for name in shown],
        "requires_image": bool(shown),
        "answer": ["b"],
        **({"serial_group": group} if group else {}),
    }


ROWS = [
    row(1, "高い木はどれか。"),
    row(2, "写真の木はどれか。", "own", "2-3_case", group=SERIES),
    row(3, "次に高い木はどれか。", "2-3_case", group=SERIES),
    row(4, "この木（別冊 No. 2）はどれか。", "lone"),
]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """Asks the rows of an exam of four questions, three of them with images."""
    (tmp_path / "images").mkdir()
    for name, colour in COLOURS.items():
        file = f"120C-{'2-3_' if name == 'case' else ''}{name}.png"
        Image.new("RGB", (60, 40), colour).save(tmp_path / "images" / file)

    def ask(rows: list[dict[str, Any]] = ROWS, **jmed: Any) -> tuple[list[Any], dict[str, Any]]:
        for one in rows:
            one["clinical_images"] = [
                name if name.startswith("120C") else f"120C-{name}"
                for name in one["clinical_images"]
            ]
        (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
        pin(tmp_path, "rows.sha256", tmp_path / "rows.json")
        pin(tmp_path, "images.sha256", *sorted((tmp_path / "images").iterdir()))
        (tmp_path / "trees.card").write_text(
            "title: trees\nlanguage: ja\nreader: jmle2026\nsource: here\nlicence: none\n"
            "citation: none\nmanifest: rows.sha256\nimages: images.sha256\n"
            f'published: {{"120": {len(rows)}}}\n',
            encoding="utf-8",
        )
        load_exam.cache_clear()
        record: dict[str, Any] = {}
        splits = vision_questions(str(tmp_path / "trees.card"), record, jmed=jmed)
        return list(splits["test"]), record

    return ask


def pin(folder: Path, manifest: str, *files: Path) -> None:
    lines = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n"
        for file in files
    )
    (folder / manifest).write_text("".join(lines), encoding="utf-8")


def colours(doc: Any) -> list[Any]:
    return [picture.getpixel((5, 5)) for picture in doc_to_image(doc)]


def test_every_question_is_asked_with_its_images_in_printed_order(asked: Asked) -> None:
    docs, record = asked()
    assert [colours(doc) for doc in docs] == [
        [],
        [COLOURS["case"], COLOURS["own"]],
        [COLOURS["case"]],
        [COLOURS["lone"]],
    ]
    assert [len(doc["images"]) for doc in docs] == [0, 2, 1, 1]
    assert (record["kept"], record["left_out"], record["marked"]) == (4, {}, {})
    files = {picture["sha256"] for doc in docs for picture in doc["images"]}
    assert record["images"] == {
        "withheld": False,
        "questions": 3,
        "files": len(files),
        "most": 2,
        "bytes": record["images"]["bytes"],
        "max_pixels": 0,
    }
    assert "3 with images: 3 files, 0.0 MB, at most 2 a question" in describe(record)


def test_a_placeholder_stands_for_each_image_in_front_of_the_text_prompt(asked: Asked) -> None:
    docs, _ = asked()
    for doc in docs:
        sign = "<image>" * len(doc["images"]) + ("\n" if doc["images"] else "")
        assert letters_vision(doc) == sign + letters(doc)
        assert cot_vision(doc) == sign + cot(doc)


def test_blind_asks_the_same_questions_and_differs_in_nothing_but_the_images(asked: Asked) -> None:
    shown, with_images = asked()
    blind, without = asked(figures="blind")
    assert [{**doc, "images": []} for doc in shown] == blind
    assert without["images"] == {
        "withheld": True, "questions": 0, "files": 0, "most": 0, "bytes": 0, "max_pixels": 0,
    }  # fmt: skip
    assert with_images["asked"] == without["asked"]
    assert [letters_vision(doc) for doc in blind] == [letters(doc) for doc in blind]
    assert describe(without).endswith("; all images withheld")


def test_a_blind_run_needs_no_image_on_this_machine(asked: Asked, tmp_path: Path) -> None:
    asked()
    for file in (tmp_path / "images").iterdir():
        file.rename(tmp_path / file.name)
    load_exam.cache_clear()
    card = str(tmp_path / "trees.card")
    record: dict[str, Any] = {}
    vision_questions(card, record, jmed={"figures": "blind"})
    assert record["asked"] == 4
    with pytest.raises(JmedError, match="cannot be read: No such file"):
        vision_questions(card, {})


def test_a_large_image_is_made_smaller_and_the_doc_says_so(asked: Asked) -> None:
    docs, record = asked(max_pixels=1000)
    assert {picture.size for doc in docs for picture in doc_to_image(doc)} == {(38, 25)}
    assert {doc["max_pixels"] for doc in docs} == {1000} == {record["images"]["max_pixels"]}


def test_another_picture_of_the_same_name_is_another_doc(asked: Asked, tmp_path: Path) -> None:
    before, record = asked()
    Image.new("RGB", (60, 40), (1, 2, 3)).save(tmp_path / "images" / "120C-lone.png")
    after, changed = asked()
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, True, False]
    assert colours(after[3]) == [(1, 2, 3)]
    assert record["docs_sha256"] != changed["docs_sha256"]


@pytest.mark.parametrize("figures", ["show", "blind"])
def test_what_cannot_be_shown_is_left_out_with_the_reason(asked: Asked, figures: str) -> None:
    lost = row(5, "この木はどれか。") | {"requires_image": True}
    signed = row(6, "<image>と書いた札はどれか。")
    docs, record = asked([*ROWS, lost, signed], figures=figures)
    assert [doc["id"] for doc in docs] == ["120C-1", "120C-2", "120C-3", "120C-4"]
    assert record["left_out"] == {
        "its figure is not published": 1,
        "its text holds <image>, lm-eval's sign for an image": 1,
    }


def test_orders_of_the_choices_keep_the_images(asked: Asked) -> None:
    docs, record = asked(permute=2)
    assert [len(doc["images"]) for doc in docs] == [0, 0, 2, 2, 1, 1, 1, 1]
    assert (record["asked"], record["images"]["questions"]) == (8, 3)


def test_docs_of_a_text_task_say_nothing_of_images(asked: Asked, tmp_path: Path) -> None:
    """They are what they were before there were images, so that scores stay comparable."""
    asked()
    record: dict[str, Any] = {}
    docs = questions(str(tmp_path / "trees.card"), record)["test"]
    assert not {"images", "max_pixels"} & {*docs.features}
    assert "images" not in record
    assert record["left_out"] == {"needs a figure": 3}


def test_worked_examples_have_no_image(asked: Asked, tmp_path: Path) -> None:
    asked()
    shown = vision_questions(str(tmp_path / "trees.card"), {})["dev"]
    assert len(shown) >= 3
    assert all(doc_to_image(doc) == [] for doc in shown)


def test_a_doc_from_elsewhere_is_refused(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    docs, _ = asked()
    monkeypatch.setattr(images, "_FILES", {})
    images._picture.cache_clear()
    with pytest.raises(JmedError, match=r"120C-lone\.png: its task was not loaded"):
        doc_to_image(docs[3])
