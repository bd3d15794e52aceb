"""The images of the exams on the mirror: each question has its own, and each is a whole picture."""

import os
from collections import Counter
from pathlib import Path

import pytest

from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.exams.images import image_files, image_pins, missing_images
from lm_eval_tasks.exams.load import Exam, load_exam
from lm_eval_tasks.exams.sources import missing_files
from lm_eval_tasks.files.image import open_image

WITH_IMAGES = [name for name in exam_names() if read_card(name).images]


def loaded(name: str) -> Exam:
    if not Path(os.environ.get("JMED_MIRROR", "/nowhere")).is_dir():
        pytest.skip("JMED_MIRROR is no folder: published data is not here")
    if missing := missing_files(read_card(name)):
        pytest.skip(f"{name}: {len(missing)} published files are not here, the first {missing[0]}")
    return load_exam(name)


@pytest.mark.parametrize(
    ("name", "counts"),
    [("jmle119", {0: 298, 1: 62, 2: 34, 3: 5, 5: 1}), ("jmle120", {0: 301, 1: 74, 2: 25})],
)
def test_so_many_images_stand_before_a_question(name: str, counts: dict[int, int]) -> None:
    questions = loaded(name).questions
    assert Counter(len(question.shown_images) for question in questions) == counts
    # each image that the source has belongs to a question, and the other way round
    shown = {image for question in questions for image in question.shown_images}
    assert shown == {*image_pins(read_card(name))}


def test_the_120th_has_an_image_for_each_question_that_needs_one() -> None:
    questions = {question.id: question for question in loaded("jmle120").questions}
    assert all(question.has_figure == bool(question.images) for question in questions.values())
    of_their_case = {key: q for key, q in questions.items() if q.context_images}
    assert (
        {*of_their_case}
        == {"120C-63"}
        == {q.id for q in questions.values() if q.context_has_figure}
    )
    assert of_their_case["120C-63"].context_images == ("images/120C-62_1.png",)
    assert questions["120B-42"].images == ("images/120B-41-42_1.png", "images/120B-42_1.png")


def test_the_119th_has_two_figures_without_an_image_and_an_image_without_a_flag() -> None:
    exam = loaded("jmle119")
    questions = exam.questions
    lacking = {q.id for q in questions if q.has_figure and not q.images}
    assert lacking == {"119C15", "119C22"} == exam.card.exceptions.figure_not_published
    assert {q.id for q in questions if q.images and not q.has_figure} == {"119C67"}


@pytest.mark.parametrize("name", WITH_IMAGES)
def test_images_are_whole_pictures(name: str) -> None:
    card = loaded(name).card
    here = [path for path in image_pins(card) if path not in {*missing_images(card)}]
    if not here:
        pytest.skip(f"{name}: none of its {len(image_pins(card))} images is here")
    pictures = [open_image(file) for file in image_files(card, here).values()]
    assert all(picture.mode == "RGB" and not picture.info for picture in pictures)
    assert len(pictures) == len(here)
    assert min(min(picture.size) for picture in pictures) > 50
