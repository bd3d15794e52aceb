"""The GPU suite runs, so that it does when somebody has a GPU: tiny layers, on a CPU."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lm_eval_tasks.errors import JmedError
from tests.benchmarks.gpu import processes
from tests.benchmarks.gpu.__main__ import chosen, main
from tests.benchmarks.gpu.parts import PARTS, NotHereError, Part, Place
from tests.benchmarks.gpu.processes import Started, finish, run_here
from tests.benchmarks.gpu.record import FAILED, MEASURED, NOT_RUN, Found, Record, read
from tests.e2e.sft_run import ROOT, environment

QUICK = ("mc", "sft_trl", "qlora_70b")
"""One of each way to measure."""
REST = tuple(part.name for part in PARTS if part.name not in (*QUICK, "environment"))
NEED_A_GPU = ("sft_liger", "sft_published_liger", "sft_flash", "sft_flash_liger",
              "sft_published_flash", "sft_flex")  # fmt: skip


@pytest.mark.parametrize(
    "parts", [QUICK, pytest.param(REST, marks=pytest.mark.thorough)], ids=["quick", "rest"]
)
def test_every_part_is_measured_or_says_what_it_needs(parts: Sequence[str], tmp_path: Path) -> None:
    found = suite(tmp_path, *parts)
    expected = {name: NOT_RUN if name in NEED_A_GPU else MEASURED for name in parts}
    if torch.cuda.is_available():
        pytest.skip("made for machines without a GPU")
    assert {n: p["state"] for n, p in found.items() if n != "environment"} == expected
    for name in parts:
        result = found[name]["result"]
        if "jmed_hf" in result:
            assert result["jmed_hf"]["tokens"] < result["hf"]["tokens"]
            assert result["stock_way"] is None
        if "planned" in result:
            assert result["planned"]["allocated"] > 0
            assert result["tokens_per_second"] > 0


def suite(folder: Path, *parts: str) -> dict[str, Any]:
    """Run the suite as `make gpu` does, and return the parts of its record."""
    out = folder / "gpu_record.json"
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--tiny", "--minutes", "30"]
    subprocess.run(
        [*command, "--out", str(out), "--only", *parts], cwd=ROOT, env=environment(), check=True
    )
    assert (folder / "gpu_record.md").read_text(encoding="utf-8").startswith("**Tiny layers")
    assert not (folder / "gpu_record.log").exists()
    record: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))["parts"]
    return record


def waiting(tmp_path: Path, *lines: str, limit: int = 20) -> Started:
    """A part whose process runs these lines of Python once it is let go."""
    script = "\n".join(["import json, sys, time", "sys.stdin.readline()", *lines])
    with (tmp_path / "log-0.txt").open("w", encoding="utf-8") as log:
        rank = subprocess.Popen(
            [sys.executable, "-c", script], cwd=tmp_path, stdin=subprocess.PIPE, text=True,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    return Started(Part("one", "One", limit, "card"), Place(tmp_path, tiny=True), [rank])


def test_a_part_over_its_limit_is_ended_with_that_reason(tmp_path: Path) -> None:
    begun = time.monotonic()
    found = finish(waiting(tmp_path, "time.sleep(60)", limit=1), left=100)
    assert (found.state, found.reason) == (FAILED, f"not done after {processes.SLOW} s")
    assert time.monotonic() - begun < 30


def test_a_part_for_which_no_time_was_left_is_tried_again_next_time(tmp_path: Path) -> None:
    found = finish(waiting(tmp_path, "time.sleep(60)"), left=1)
    assert (found.state, found.reason) == (NOT_RUN, "the time was over")
    (tmp_path / "later").mkdir()
    found = finish(waiting(tmp_path / "later"), left=0)
    assert (found.state, found.reason) == (NOT_RUN, "the time was over")


def test_no_part_outlives_a_suite_that_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `timeout` ends it: the part is a session of its own, with memory of the card."""
    started = waiting(tmp_path, "time.sleep(60)")
    monkeypatch.setattr("tests.benchmarks.gpu.__main__.start", lambda *_, **__: started)
    out = ["--out", str(tmp_path / "gpu_record.json")]
    monkeypatch.setattr(sys, "argv", ["gpu", "--tiny", "--only", "environment", *out])
    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        with pytest.raises(SystemExit):
            main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert started.ranks[0].poll() is not None


def test_a_part_that_dies_is_recorded_with_its_last_words(tmp_path: Path) -> None:
    found = finish(waiting(tmp_path, "print('CUDA error: of some kind')", "sys.exit(7)"), left=100)
    assert (found.state, found.reason) == (FAILED, "exit 7: CUDA error: of some kind")


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (NotHereError("no such card"), NOT_RUN, "no such card"),
        (torch.OutOfMemoryError("CUDA out of\n memory."), FAILED,
         "OutOfMemoryError: CUDA out of memory."),
    ],
)  # fmt: skip
def test_what_a_part_raises_is_its_reason(
    error: Exception, state: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Place) -> None:
        raise error

    monkeypatch.setattr(Part, "measure", property(lambda _: fails))
    monkeypatch.setattr(sys, "stdin", (tmp_path / "in").open("w+"))
    status = run_here(PARTS[0], Place(tmp_path, tiny=True))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found == {"state": state, "reason": reason}
    assert status == (state == FAILED)


def test_a_record_goes_on_with_what_is_missing_and_on_no_other_machine(tmp_path: Path) -> None:
    out, record = tmp_path / "gpu_record.json", Record(tiny=True)
    record.add("environment", Found("", MEASURED, result={"card": "h100", "date": "1"}), out)
    record.add("mc", Found("", MEASURED), out)
    record.add("zero2", Found("", FAILED, reason="does not fit"), out)
    again = read(out, tiny=True)
    assert again == record
    names = [part.name for part in chosen(PARTS, [], again)]
    assert names == [part.name for part in PARTS if part.name != "mc"]
    assert [p.name for p in chosen(PARTS, ["mc", "rates"], again)] == ["environment", "mc", "rates"]
    again.add("environment", Found("", MEASURED, result={"card": "h100", "date": "2"}), out)
    with pytest.raises(JmedError, match="measured with another card; allowed: the same machine"):
        again.add("environment", Found("", MEASURED, result={"card": "h200", "date": "2"}), out)


def test_what_cannot_be_gone_on_with_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "gpu_record.json"
    with pytest.raises(JmedError, match="--only zero: allowed: environment, rates, mc"):
        chosen(PARTS, ["zero"], read(out, tiny=False))
    Record(tiny=True).add("mc", Found("", MEASURED), out)
    with pytest.raises(JmedError, match="tiny: found True; allowed: another --out"):
        read(out, tiny=False)
    out.write_text("[]", encoding="utf-8")
    with pytest.raises(JmedError, match="no record of this suite"):
        read(out, tiny=False)
