"""Scoring the choices of one exam: lm-eval's `hf` against `jmed_hf`, the same numbers out.

    python -m tests.benchmarks.bench_loglikelihood

A small Llama with random weights on the CPU; every figure is the median of paired runs in one
process; tokens are those fed to the model, padding included.
"""

import logging
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from rich.table import Table

from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.tables import console
from tests.e2e.tiny_pairs import make, requests

RUNS = 5
MODEL = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4, "head_dim": 64}


class Counted(HFLM):  # type: ignore[misc]
    """hf, with its tokens and forward passes counted."""

    tokens_fed = 0
    forward_calls = 0

    def _model_call(self, inps: torch.Tensor, **kwargs: object) -> torch.Tensor:
        self.tokens_fed += inps.numel()
        self.forward_calls += 1
        logits: torch.Tensor = super()._model_call(inps, **kwargs)
        return logits


def main() -> None:
    logging.disable(logging.CRITICAL)
    title = f"median of {RUNS} paired runs, {torch.get_num_threads()} threads, {platform.machine()}"
    table = Table(title=f"{title}, torch {torch.__version__}, float32")
    for heading in ("task", "requests", "hf: tokens", "calls", "s", "jmed_hf: tokens", "calls", "s",
                    "tokens ×", "time ×", "max |Δ|"):  # fmt: skip
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        path = str(make(Path(folder), "llama", **MODEL))
        for task, shots in (
            ("jmed_sample_mc", 0),
            ("jmed_sample_mc", 3),
            ("jmed_sample_letters_mc", 3),
        ):
            asked = requests(task, questions=60, shots=shots)
            table.add_row(f"{task}, {shots}-shot", str(len(asked)), *_row(path, asked))
    console().print(table)


def _row(path: str, asked: list[Instance]) -> list[str]:
    common: dict[str, Any] = {"pretrained": path, "device": "cpu", "dtype": "float32"}
    stock, ours = Counted(**common, batch_size=16), JmedHF(**common)
    ours.loglikelihood(asked[:10], disable_tqdm=True)  # its check at the start is not timed
    pairs = []
    for _ in range(RUNS):
        stock.tokens_fed = stock.forward_calls = ours.tokens_fed = ours.forward_calls = 0
        pairs.append((_seconds(stock, asked), _seconds(ours, asked)))
    theirs, mine = (
        statistics.median(one[0] for one in column) for column in zip(*pairs, strict=True)
    )
    worst = max(abs(a[0] - b[0]) for a, b in zip(pairs[0][0][1], pairs[0][1][1], strict=True))
    return [
        f"{stock.tokens_fed:,}", str(stock.forward_calls), f"{theirs:.2f}",
        f"{ours.tokens_fed:,}", str(ours.forward_calls), f"{mine:.2f}",
        f"{stock.tokens_fed / ours.tokens_fed:.2f}", f"{theirs / mine:.2f}", f"{worst:.1e}",
    ]  # fmt: skip


def _seconds(model: HFLM, asked: list[Instance]) -> tuple[float, list[tuple[float, bool]]]:
    start = time.perf_counter()
    scores = model.loglikelihood(asked, disable_tqdm=True)
    return time.perf_counter() - start, scores


if __name__ == "__main__":
    main()
