"""Scoring the choices of one exam: lm-eval's `hf` against `jmed_hf`, the same numbers out.

    JMED_MIRROR=… python -m tests.benchmarks.bench_loglikelihood [--questions 2000] [--model FOLDER]

A small Llama with random weights on the CPU, or a model in bfloat16 on the GPU; medians of paired
runs in one process; tokens are those fed to the model, padding included; memory is what a run adds
to the process, or to the card, at most.
"""

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from rich.table import Table

from lm_eval_tasks.models.encode import encode, spaces_to_continuation
from lm_eval_tasks.models.fed import Fed, count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.packing import Tokens, batches, plan
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio
from tests.benchmarks.questions import EXAM, SMALL, TINY, model_for, spread_out
from tests.e2e.tiny_pairs import with_examples

Scores = list[tuple[float, bool]]
HEADINGS = ("", "questions", "tokens fed: hf", "jmed_hf", "×", "forward calls: hf", "jmed_hf",
            "seconds: hf", "jmed_hf", "×", "MiB: hf", "jmed_hf", "largest |Δ|")  # fmt: skip


def main() -> None:
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=48, help="0-shot; fewer with examples")
    parser.add_argument("--count", action="store_true", help="tokens of the whole exam, no clock")
    parser.add_argument("--model", type=Path, help="another model")
    asked = parser.parse_args()
    if asked.count:
        _count()
        return
    many = asked.questions
    table = Table(*HEADINGS)
    model = asked.model
    table.add_row("mc, 0-shot", *_row(spread_out("mc", many), model))
    table.add_row("mc, 5-shot", *_row(with_examples(spread_out("mc", many // 8), 5), model))
    table.add_row("letters_mc, 3-shot", *_row(spread_out("letters_mc", many // 2), model))
    of = f"{model.name}, bfloat16" if model else f"llama {SMALL}, float32"
    console().print(
        f"{EXAM}, {of}, hf by batches of 16; medians of {RUNS} paired runs; {machine()}"
    )
    console().print(table)


def _count() -> None:
    """What both would be fed for all questions of the exam, from their plans, without a pass."""
    asked = spread_out("mc", 100_000)
    with tempfile.TemporaryDirectory() as folder:
        lm = JmedHF(**model_for(Path(folder), TINY))
    pairs = [spaces_to_continuation(*request.args) for request in asked]
    contexts = encode(lm, [context for context, _ in pairs])
    wholes = encode(lm, [context + rest for context, rest in pairs])
    encoded = [
        (tuple(contexts[context]), tuple(wholes[context + rest][len(contexts[context]) :]))
        for context, rest in pairs
    ]
    hf, ours = planned_by_hf(encoded, 16), planned_by_us(encoded)
    table = Table("", "questions", "tokens fed: hf", "jmed_hf", "×", "forward calls: hf", "jmed_hf")
    table.add_row("mc, 0-shot", f"{len({r.doc_id for r in asked}):,}", *_fed(hf, ours))
    console().print(f"{EXAM}; {machine()}")
    console().print(table)


def planned_by_hf(encoded: Sequence[tuple[Tokens, Tokens]], rows: int) -> Fed:
    """Sorted by length, in batches of `rows`, what differs in its last token only read once."""
    lengths = sorted(map(len, {context + rest[:-1] for context, rest in encoded}), reverse=True)
    padded = [lengths[i] * len(lengths[i : i + rows]) for i in range(0, len(lengths), rows)]
    return Fed(sum(padded), len(padded))


def planned_by_us(encoded: Sequence[tuple[Tokens, Tokens]]) -> Fed:
    """Packs in padded batches; no prefix, as 0-shot prompts share hardly any."""
    packs, _ = plan(encoded, 4096, JmedHF.max_packed_tokens)
    padded = [len(group) * group[0].length for group in batches(packs, 0, 16384)]
    return Fed(sum(padded), len(padded))


def _row(asked: Sequence[Instance], model: Path | None) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        common = model_for(Path(folder), SMALL, model)
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
        hf.peak, mine.peak, f"{apart:.0e}{' (stock way)' * bool(ours.fallback or ours.refusal)}",
    ]  # fmt: skip


def _fed(hf: Fed, mine: Fed) -> list[str]:
    return [
        f"{hf.tokens:,}", f"{mine.tokens:,}", f"{hf.tokens / mine.tokens:.2f}",
        f"{hf.calls:,}", f"{mine.calls:,}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
