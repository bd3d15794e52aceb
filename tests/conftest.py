"""What tests of several folders share."""

import atexit
import os
import re
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from lm_eval_tasks.exams.card import exam_names, read_card
from lm_eval_tasks.exams.sources import is_local

# Its client reads this once, at its import, and without a network tries each file for half a
# minute. A test of downloads takes it away again.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Tensors of tests are so small that threads only wait for each other: with two processes on two
# cores, jmed_hf against hf took three times the CPU and the time. Read at the import of torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test depends on the clock; where CI is set, the examples are the same each time.
settings.register_profile("jmed", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("jmed")

# Tokens that tests make are kept for this session only, by the processes they start too.
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp(prefix="jmed-datasets-")
atexit.register(shutil.rmtree, os.environ["HF_DATASETS_CACHE"], ignore_errors=True)

IGAKUQA = "jungokasai/IgakuQA/2bc4c3d159cf5505f6253d24a909fbd53237e239"


WITHOUT_TRAIN = find_spec("trl") is None


def pytest_report_header() -> list[str]:
    """Say what is left out, so that nobody takes it for tested."""
    return ["without [train]: no test that needs the trainer is run"] if WITHOUT_TRAIN else []


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what needs the trainer where it is not installed (make test-lowest)."""
    if not WITHOUT_TRAIN or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    return bool(re.search(r"\btrainer\.\w", text)) or None


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
