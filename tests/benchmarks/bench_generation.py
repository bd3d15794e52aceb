"""Answering an exam: one question at a time with `model.generate`, `hf`, and `jmed_hf`; the same
responses out.

    JMED_MIRROR=… python -m tests.benchmarks.bench_generation [--protocol paper] [--questions 300]

A tiny Llama with random weights on the CPU, or with --model FOLDER one in bfloat16 on the GPU,
greedy; it never stops by itself, so every response has all its tokens. Medians of paired runs in
one process.
"""

import argparse
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from rich.table import Table

from lm_eval_tasks.models.fed import count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio
from tests.benchmarks.questions import EXAM, TINY, model_for, spread_out

HEADINGS = ("", "questions", "way", "tokens fed", "forward calls", "seconds", "fastest-slowest",
            "loop / way", "MiB", "responses as the loop's")  # fmt: skip


def one_by_one(lm: HFLM, asked: Sequence[Instance]) -> list[str]:
    """What one writes without a harness."""
    responses = []
    for request in asked:
        prompt, settings = request.args
        ids = lm.tokenizer(prompt, return_tensors="pt")["input_ids"].to(lm.device)
        with torch.no_grad():
            made = lm.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=settings["max_gen_toks"],
                do_sample=False, pad_token_id=lm.tokenizer.pad_token_id,
            )  # fmt: skip
        text = lm.tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
        for stop in settings["until"]:
            text = text.split(stop)[0]
        responses.append(text)
    return responses


def main() -> None:
    logging.disable(logging.CRITICAL)
    table = Table(*HEADINGS)
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", default="letters")
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--model", type=Path, help="another model")
    chosen = parser.parse_args()
    asked = spread_out(chosen.protocol, chosen.questions)
    for row in _rows(chosen.protocol, asked, chosen.model):
        table.add_row(*row)
    of = f"{chosen.model.name}, bfloat16" if chosen.model else "llama of 2 layers of 64, float32"
    console().print(f"{EXAM}, {of}; medians of {RUNS} paired runs; {machine()}")
    console().print(table)


def _rows(protocol: str, asked: list[Instance], model: Path | None) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        common = model_for(Path(folder), TINY, model)
        models = {
            "loop": HFLM(**common),
            "hf, batch_size 16": HFLM(**common, batch_size=16),
            "jmed_hf": JmedHF(**common),
        }
    fed = {name: count_fed(model.model) for name, model in models.items()}

    def answer(name: str) -> Callable[[], list[str]]:
        def run() -> list[str]:
            fed[name].tokens = fed[name].calls = 0
            if name == "loop":
                return one_by_one(models[name], asked)
            responses: list[str] = models[name].generate_until(asked, disable_tqdm=True)
            return responses

        return run

    runs = in_turn({name: answer(name) for name in models})
    loop = runs["loop"]
    return [
        [
            protocol, f"{len(asked)}", _way(name, models[name]),
            f"{fed[name].tokens:,}", f"{fed[name].calls:,}",
            f"{run.median:.2f}", run.spread, f"{ratio(loop, run):.2f}", run.peak,
            f"{sum(a == b for a, b in zip(run.result or [], loop.result or [], strict=True))}",
        ]
        for name, run in runs.items()
    ]  # fmt: skip


def _way(name: str, model: HFLM) -> str:
    """The name, and whether jmed_hf went the stock way."""
    return f"{name} (stock way)" if getattr(model, "fallback", None) else name


if __name__ == "__main__":
    main()
