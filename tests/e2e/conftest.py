"""What the tests of real runs share."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import sft_run


@pytest.fixture(scope="module", autouse=True)
def _shared_memory_is_given_back() -> Iterator[None]:
    """DeepSpeed leaves 67 MB of memory for each rank on a CPU (deepspeed 0.19.8): 15 GB of a
    whole session."""
    sft_run.PORTS.clear()
    yield
    for port in sft_run.PORTS:
        for left in Path("/dev/shm").glob(f"deepspeed_*_127.0.0.1_{port}_*"):
            left.unlink()


@pytest.fixture(scope="module")
def sample_exam_alone() -> Iterator[None]:
    """Runs in this process as on a machine without published exams.

    Their rows are compared with every question that is here: 25 s for 11,266 of them, each time.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JMED_MIRROR", "")
        patch.setenv("JMED_CACHE", "/nonexistent")
        yield


@pytest.fixture
def in_front() -> Iterator[None]:
    """Ctrl-C reaches this process and those it starts, also where a shell put it behind."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
