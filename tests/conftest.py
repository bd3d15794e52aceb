"""What tests of several folders share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from lm_eval_tasks.card import exam_names, read_card
from lm_eval_tasks.sources import is_local

# Its client reads this once, at its import, and without a network tries each file for half a
# minute. A test of downloads takes it away again.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# No test depends on the clock; where CI is set, the examples are the same each time.
settings.register_profile("jmed", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("jmed")

IGAKUQA = "jungokasai/IgakuQA/2bc4c3d159cf5505f6253d24a909fbd53237e239"


def local_exams() -> list[str]:
    """The exams all of whose files are on this machine."""
    cards = [read_card(name) for name in exam_names()]
    return [card.name for card in cards if is_local(card)]


@pytest.fixture(scope="session")
def igakuqa_files() -> Path:
    """The published repository, or a skip that says what is missing."""
    folder = Path(os.environ.get("JMED_MIRROR", "")) / IGAKUQA
    if not (folder / "baseline_results").is_dir():
        pytest.skip(f"JMED_MIRROR has no {IGAKUQA}/baseline_results: published data is not here")
    return folder
