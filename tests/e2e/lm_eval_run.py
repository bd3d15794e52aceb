"""A real lm_eval process, and its results read back."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """What one lm_eval process wrote: results_*.json, samples by task, and its output."""

    results: dict[str, Any]
    samples: dict[str, list[dict[str, Any]]]
    output: str

    def metrics(self, task: str) -> dict[str, float]:
        """metric -> value, without lm-eval's filter suffix"""
        found = self.results["results"][task].items()
        return {key.split(",")[0]: value for key, value in found if key.endswith(",none")}

    def questions(self, task: str) -> dict[str, Any]:
        recorded: dict[str, Any] = self.results["configs"][task]["metadata"]["questions"]
        return recorded


def run_module(
    module: str, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` from the checkout with downloads off."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True, text=True, check=check, timeout=900, cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
    )  # fmt: skip


def run_lm_eval(module: str, out: Path, *arguments: str) -> Run:
    """Run `python -m module … --output_path out --log_samples` and read what it wrote."""
    try:
        done = run_module(module, *arguments, "--output_path", str(out), "--log_samples")
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"lm_eval failed:\n{error.stderr[-3000:]}") from None
    (file,) = out.rglob("results_*.json")
    samples = {
        path.name.removeprefix("samples_").rpartition("_")[0]: [
            json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()
        ]
        for path in out.rglob("samples_*.jsonl")
    }
    return Run(json.loads(file.read_text(encoding="utf-8")), samples, done.stdout + done.stderr)
