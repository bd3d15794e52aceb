"""Files are read in bounds, and in memory of their own size."""

import tracemalloc
from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.text_file import PART, read_bytes

GIANT = 1 << 45
"""More bytes than a machine has."""


def test_a_small_file_takes_little_memory_whatever_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "small"
    file.write_bytes(b"x" * 1000)
    tracemalloc.start()
    try:
        assert read_bytes(file, GIANT) == b"x" * 1000
        assert tracemalloc.get_traced_memory()[1] < 4 * PART
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART])
def test_a_file_may_be_as_large_as_allowed_and_no_larger(size: int, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    assert len(read_bytes(file, size)) == size
    file.write_bytes(b"x" * (size + 1))
    with pytest.raises(JmedError, match="allowed: less"):
        read_bytes(file, size)
