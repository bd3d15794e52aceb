"""Scoring the letters of one exam on vLLM: lm-eval's `vllm` against `jmed_vllm`, the same numbers
out.

    JMED_MIRROR=… .venv-vllm/bin/python -m tests.benchmarks.bench_vllm [--questions 48]
    JMED_MIRROR=… python -m tests.benchmarks.bench_vllm --count        # the whole exam, no vLLM

In the environment of `make test-vllm`: a small Llama with random weights on the CPU, float32, one
engine; its prefix cache is emptied before each run. Of jmed_vllm all is counted, what it scores
both ways at its start too. --count plans the whole exam in place of running it: of jmed_vllm the
tokens of each context but for the blocks that begin an earlier one.
"""

import argparse
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from lm_eval.api.instance import Instance
from rich.table import Table
from transformers import AutoTokenizer

from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio
from tests.benchmarks.questions import EXAM, SMALL, model_for, spread_out

BLOCK = 16
"""Tokens of a block of vLLM's prefix cache on GPUs; 128 on CPUs."""
HEADINGS = ("", "requests", "tokens of prompts", "tokens computed", "seconds",
            "fastest-slowest", "vllm / way", "largest |Δ|")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=48)
    parser.add_argument("--count", action="store_true", help="requests and tokens, no clock")
    chosen = parser.parse_args()
    if chosen.count:
        _count()
        return
    if not find_spec("vllm"):
        print("vLLM is not in this environment: nothing was run (make test-vllm makes one)")
        return
    logging.disable(logging.CRITICAL)
    asked = spread_out("letters_mc", chosen.questions)
    with tempfile.TemporaryDirectory() as folder:
        model_for(Path(folder), SMALL)
        table = _table(Path(folder), asked)
    console().print(
        f"{EXAM}, letters_mc, 3-shot, {len({request.doc_id for request in asked})} questions; "
        f"llama {SMALL}, float32; medians of {RUNS} paired runs; vLLM {version('vllm')}; "
        f"{machine(('torch', 'transformers', 'lm_eval'))}"
    )
    console().print(table)


def _count() -> None:
    """What both would ask and compute for all questions of the exam, without an engine."""
    asked = spread_out("letters_mc", 100_000)
    with tempfile.TemporaryDirectory() as folder:
        model_for(Path(folder), SMALL)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [*{request.args[0] for request in asked}]
    ids = dict(zip(texts, tokenizer(texts)["input_ids"], strict=True))
    whole = sum(len(ids[request.args[0]]) + 1 for request in asked)  # the label is one token
    contexts = sorted(ids.values())
    ours = (len(contexts), sum(map(len, contexts)), without_shared_blocks(contexts))
    table = Table("", "requests", "tokens of prompts", "tokens computed")
    for name, row in {"vllm": (len(asked), whole, whole), "jmed_vllm": ours}.items():
        table.add_row(name, *(f"{count:,}" for count in row))
    console().print(f"{EXAM}, letters_mc, 3-shot, planned; blocks of {BLOCK} tokens")
    console().print(table)


def without_shared_blocks(contexts: Sequence[Sequence[int]], block: int = BLOCK) -> int:
    """Tokens of `contexts` but for whole blocks that begin an earlier one.

    The last token of a context is computed in any case.
    """
    seen: set[tuple[int, ...]] = set()
    computed = 0
    for context in contexts:
        whole = (len(context) - 1) // block
        begins = [tuple(context[: block * count]) for count in range(1, whole + 1)]
        computed += len(context) - block * sum(begin in seen for begin in begins)
        seen.update(begins)
    return computed


def _table(folder: Path, asked: Sequence[Instance]) -> Table:
    from tests.vllm.engine import count_asked, engine, scores, stock  # noqa: PLC0415 (needs vllm)

    with engine(folder, max_model_len=4096) as lm:
        spent = count_asked(lm)
        counts: dict[str, tuple[int, int, int]] = {}

        def run(name: str, way: Callable[[], list[float]]) -> list[float]:
            lm.model.reset_prefix_cache()
            lm.compared_tokens = 0
            spent.requests = spent.tokens = spent.cached = 0
            found = way()
            counts[name] = (spent.requests, spent.tokens, spent.computed)
            return found

        ways: Mapping[str, Callable[[], list[float]]] = {
            "vllm": lambda: run("vllm", lambda: stock(lm, asked).tolist()),
            "jmed_vllm": lambda: run("jmed_vllm", lambda: scores(lm, asked).tolist()),
        }
        runs = in_turn(ways)
    table = Table(*HEADINGS)
    stock_scores = runs["vllm"].result or []
    for name, found in runs.items():
        apart = max(abs(a - b) for a, b in zip(stock_scores, found.result or [], strict=True))
        counted = (f"{count:,}" for count in counts[name])
        table.add_row(name, *counted, f"{found.median:.2f}", found.spread,
                      f"{ratio(runs['vllm'], found):.2f}", f"{apart:.0e}")  # fmt: skip
    return table


if __name__ == "__main__":
    main()
