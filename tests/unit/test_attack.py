"""The attacks can find something: readers with planted faults fall, and are named."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from tests.attack import fuzz
from tests.attack.fuzz import attack
from tests.attack.kinds import Kind

WHOLE = {"x.json": b'{"a": [1, 2, {"b": "c"}], "n": 7}'}


def _falls(folder: Path, _: random.Random) -> None:
    try:
        content = json.loads((folder / "x.json").read_bytes())
    except (ValueError, OSError, RecursionError):
        raise JmedError("refused") from None
    content["a"][2]["b"].upper()


def _hangs(_: Path, chance: random.Random) -> None:
    while chance.random() < 2:
        pass


def _waits(_: Path, __: random.Random) -> None:
    time.sleep(99)


def _swells(_: Path, __: random.Random) -> None:
    bytearray(2 << 30)


@pytest.mark.parametrize(
    ("reader", "error"),
    [(_falls, "TypeError"), (_hangs, "Hang"), (_waits, "Hang"), (_swells, "MemoryError")],
)
def test_a_fault_is_found(
    reader: Callable[[Path, random.Random], None], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "CPU_SECONDS", 0.2)
    monkeypatch.setattr(fuzz, "CLOCK_SECONDS", 0.5)
    kind = Kind("planted", lambda: WHOLE, ("json",), reader, 1, always_files=True)
    found = attack(kind, 200 if error == "TypeError" else 1)
    assert any(name.startswith(error) for name in found.fell), found.fell
    assert found.first.keys() == found.fell.keys()


def test_the_same_inputs_each_time() -> None:
    seen: list[bytes] = []
    kind = Kind(
        "seen", lambda: WHOLE, ("json",), lambda folder, _: seen.append(_bytes(folder)), 1,
        always_files=True,
    )  # fmt: skip
    attack(kind, 50)
    attack(kind, 50)
    assert seen[:50] == seen[50:]
    assert len(set(seen)) > 40


def _bytes(folder: Path) -> bytes:
    return (folder / "x.json").read_bytes()
