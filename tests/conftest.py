"""What tests of several folders share."""

import os
from pathlib import Path

import pytest

from lm_eval_tasks.card import exam_names, read_card
from lm_eval_tasks.sources import is_local

IGAKUQA = "jungokasai/IgakuQA/2bc4c3d159cf5505f6253d24a909fbd53237e239"


def local_exams() -> list[str]:
    """The exams whose files are on this machine."""
    return [name for name in exam_names() if is_local(read_card(name))]


@pytest.fixture(scope="session")
def igakuqa_files() -> Path:
    """The published repository, or a skip that says what is missing."""
    folder = Path(os.environ.get("JMED_MIRROR", "")) / IGAKUQA
    if not (folder / "baseline_results").is_dir():
        pytest.skip(f"JMED_MIRROR has no {IGAKUQA}/baseline_results: published data is not here")
    return folder
