"""Floor and ceiling of the author's definition on the questions of the paper."""

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting.doc import Doc, to_doc
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.prompts import paper_target
from lm_eval_tasks.prompting.selection import select
from lm_eval_tasks.scoring.metrics import paper


@pytest.fixture(scope="module")
def docs(igakuqa_files: Path) -> list[Doc]:
    """Text only, five choices, 1,024 characters at most, no case text: eval_bench.py's filter."""
    assert igakuqa_files.is_dir()
    options = Options(context="published")
    kept = select(load_exam("igakuqa").questions, options, choices_only=True).kept
    return [to_doc(q) for q in kept if len(q.choices) == 5 and len(q.stem) <= 1024]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(paper_target, 0.9924, id="gold text"),
        pytest.param(lambda doc: doc["gold"], 0.164, id="gold letters"),
        pytest.param(lambda doc: "", 0.170, id="empty"),
    ],
)
def test_known_answers(docs: list[Doc], answer: Callable[[Doc], str], expected: float) -> None:
    assert len(docs) == 1450
    found = fmean(float(paper(doc, [answer(doc)])["gestalt_acc"]) for doc in docs)  # type: ignore[arg-type]
    assert found == pytest.approx(expected, abs=6e-4)
