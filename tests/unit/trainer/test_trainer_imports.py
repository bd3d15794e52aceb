"""Reading a recipe, and help, start without torch."""

import subprocess
import sys

import pytest

from tests.unit.test_imports import ROOT

HEAVY = {"torch", "transformers", "trl", "peft", "deepspeed", "bitsandbytes", "matplotlib"}


@pytest.mark.parametrize("module", ["trainer.sft", "trainer.dpo", "trainer.__main__"])
def test_the_command_lines_start_without_the_heavy_packages(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(done.stdout.split()) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["trainer", "--help"],
        ["trainer", "check", "--help"],
        ["trainer.sft", "--help"],
        ["trainer.dpo", "--help"],
    ],
)
def test_help_tells_the_command(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "usage: python -m trainer" in done.stdout
