"""Scoring the choices of one exam: lm-eval's `hf` against `jmed_hf`, the same numbers out.

    JMED_MIRROR=… python -m tests.benchmarks.bench_loglikelihood [--questions 2000]

A small Llama with random weights on the CPU; medians of paired runs in one process; tokens are
those fed to the model, padding included; memory is what a run adds to the process at most.
"""

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from rich.table import Table

from lm_eval_tasks.models.fed import Fed, count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.tables import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio
from tests.benchmarks.questions import EXAM, SMALL, model_for, spread_out
from tests.e2e.tiny_pairs import with_examples

Scores = list[tuple[float, bool]]
HEADINGS = ("", "questions", "tokens fed: hf", "jmed_hf", "×", "forward calls: hf", "jmed_hf",
            "seconds: hf", "jmed_hf", "×", "MiB: hf", "jmed_hf", "largest |Δ|")  # fmt: skip


def main() -> None:
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=48, help="0-shot; fewer with examples")
    parser.add_argument("--count", action="store_true", help="tokens of the whole exam, no clock")
    asked = parser.parse_args()
    if asked.count:
        _count()
        return
    many = asked.questions
    table = Table(*HEADINGS)
    table.add_row("mc, 0-shot", *_row(spread_out("mc", many)))
    table.add_row("mc, 5-shot", *_row(with_examples(spread_out("mc", many // 8), 5)))
    table.add_row("letters_mc, 3-shot", *_row(spread_out("letters_mc", many // 2)))
    console().print(
        f"{EXAM}, llama {SMALL}, float32, hf by batches of 16; "
        f"medians of {RUNS} paired runs; {machine()}"
    )
    console().print(table)


def _count() -> None:
    """What both are fed for all questions of the exam; a model of no size is enough for that."""
    table = Table("", "questions", "tokens fed: hf", "jmed_hf", "×", "forward calls: hf", "jmed_hf")
    asked = spread_out("mc", 100_000)
    with tempfile.TemporaryDirectory() as folder:
        common = model_for(Path(folder), {"hidden_size": 64, "num_hidden_layers": 1})
        stock, ours = HFLM(**common, batch_size=16), JmedHF(**common)
    fed = count_fed(stock.model)
    ours._trusted = True
    for model in (stock, ours):
        model.loglikelihood(asked, disable_tqdm=True)
    table.add_row("mc, 0-shot", f"{len({r.doc_id for r in asked}):,}", *_fed(fed, ours.fed))
    console().print(f"{EXAM}; {machine()}")
    console().print(table)


def _row(asked: Sequence[Instance]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        common = model_for(Path(folder), SMALL)
        stock, ours = HFLM(**common, batch_size=16), JmedHF(**common)
    ours.loglikelihood(list(asked[:10]), disable_tqdm=True)  # its check at the start
    fed = {"hf": count_fed(stock.model), "jmed_hf": ours.fed}

    def score(name: str) -> Scores:
        fed[name].tokens = fed[name].calls = 0
        model = stock if name == "hf" else ours
        scores: Scores = model.loglikelihood(list(asked), disable_tqdm=True)
        return scores

    runs = in_turn({name: lambda name=name: score(name) for name in fed})  # type: ignore[misc]
    hf, mine = runs["hf"], runs["jmed_hf"]
    apart = max(abs(a[0] - b[0]) for a, b in zip(hf.result or [], mine.result or [], strict=True))
    return [
        f"{len({request.doc_id for request in asked})}", *_fed(fed["hf"], ours.fed),
        f"{hf.median:.2f}", f"{mine.median:.2f}", f"{ratio(hf, mine):.2f}",
        hf.peak, mine.peak, f"{apart:.0e}",
    ]  # fmt: skip


def _fed(hf: Fed, mine: Fed) -> list[str]:
    return [
        f"{hf.tokens:,}", f"{mine.tokens:,}", f"{hf.tokens / mine.tokens:.2f}",
        f"{hf.calls:,}", f"{mine.calls:,}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
