"""The command line in any locale, with any state of its streams, and when it is interrupted."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.lm_eval_run import ROOT

JMED = shlex.join([sys.executable, "-m", "lm_eval_tasks.cli"])
COMMANDS = ["exams", "floor --task jmed_sample_paper --json", "--help", "path"]
TRAINER = ["trainer --help", "trainer check --help", "trainer.sft --help"]
LOCALES = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "shift_jis"},
]


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which $JMED is the command."""
    # argparse swallows what an unbuffered stream raises
    usual = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("$JMED", JMED)],
        capture_output=True, timeout=120, cwd=ROOT, check=False,
        env={**usual, "HF_HUB_OFFLINE": "1", "JMED_MIRROR": "", **environment},
    )  # fmt: skip


def quiet(done: subprocess.CompletedProcess[bytes]) -> str:
    """Standard error, seen to hold no traceback and nothing that Python says as it exits."""
    text = done.stderr.decode()
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    return text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line(command: str) -> None:
    done = shell(f"$JMED {command} > /dev/full")
    assert quiet(done) == ("jmed: standard output cannot be written: No space left on device\n")
    assert done.returncode == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_goes_away_is_not_told(command: str) -> None:
    # `true` reads nothing, so the pipe is broken before the first write
    assert quiet(shell(f"$JMED {command} | true")) == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_closed_streams_do_no_harm(command: str) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = shell(f"$JMED {command} {closed}")
        assert (quiet(done), done.returncode) == ("", 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_locale_gets_the_same_bytes(command: str) -> None:
    usual = shell(f"$JMED {command}")
    for locale in LOCALES:
        done = shell(f"$JMED {command}", **locale)
        assert (quiet(done), done.returncode) == ("", 0)
        assert done.stdout == usual.stdout


@pytest.mark.parametrize("command", TRAINER)
def test_the_trainer_ends_alike(command: str) -> None:
    program = "trainer.sft" if "sft" in command else "trainer"
    python = shlex.quote(sys.executable)
    full = shell(f"{python} -m {command} > /dev/full")
    assert quiet(full) == f"{program}: standard output cannot be written: No space left on device\n"
    assert full.returncode == 1
    assert quiet(shell(f"{python} -m {command} | true")) == ""
    closed = shell(f"{python} -m {command} >&- 2>&-")
    assert (quiet(closed), closed.returncode) == ("", 0)


def test_bad_input_is_told_although_standard_error_is_full() -> None:
    assert shell("$JMED fetch nowhere 2> /dev/full").returncode == 2


def test_a_name_that_no_encoding_has_is_printed(tmp_path: Path) -> None:
    name = "内科.csv".encode("cp932")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text("問題\n", encoding="utf-8")
    done = subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"lm_eval_tasks.cli", b"check-exam",
         os.fsencode(tmp_path) + b"/" + name],
        capture_output=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip
    assert quiet(done)
    assert done.returncode == 2


@pytest.mark.usefixtures("in_front")
@pytest.mark.parametrize("after", [0.15, 0.3, 0.6])
def test_ctrl_c_is_one_line(after: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lm_eval_tasks.cli", "floor", "--task", "jmed_sample_paper"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    time.sleep(after)  # where it is by then does not matter: no moment shows a traceback
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    if process.returncode == 130:
        assert told.decode() == "jmed: interrupted\n"
    else:  # it had finished, or Python itself had not yet begun
        assert process.returncode in (0, -signal.SIGINT)
        assert b"lm_eval_tasks" not in told
