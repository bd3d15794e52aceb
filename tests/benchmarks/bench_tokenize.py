"""Continued pretraining before its first step: lists of Python against Arrow files made once.

    python -m tests.benchmarks.bench_tokenize [--tokens 4000000] [--skip-before]

Documents of about 1,000 tokens, made of the sample exam's sentences. Each way runs in a process of
its own, the ways in turn. Seconds are those of the processor, of all threads: others may be at work
on the machine. Memory is what a process holds for itself (RssAnon): pages of files are
shared by all and given up when others need them.

- before: a row at a time into lists, texts and ids held, a Dataset made of them
- first: `mix` and `prepare`, which write Arrow files
- next: the same where they are written, as for another rank, a resumed run, the next run
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from datasets import Dataset
from rich.table import Table
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.e2e.sft_run import recipe_of
from tests.e2e.tokenizer_kinds import texts
from trainer.data.dataset import prepare
from trainer.data.examples import read_examples
from trainer.data.mixture import mix
from trainer.model.base_model import read_tokenizer
from trainer.recipe.recipe import Recipe

WAYS = ("before", "first", "next")
SENTENCES = 150
"""Of a document."""


class Watch(threading.Thread):
    """The most that this process holds for itself."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0

    def run(self) -> None:
        while True:
            self.most = max(self.most, held())
            time.sleep(0.01)


def held() -> int:
    """Bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


def build_base(folder: Path) -> None:
    """A config and a byte-level BPE of 8,000 tokens."""
    LlamaConfig(vocab_size=8000).save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=8000, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts(), trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)


def write_documents(file: Path, tokens: int, tokenizer: Any) -> None:
    """Until there are so many tokens: no two documents alike."""
    draw = random.Random(0)
    sentences = [s for text in texts() for s in text.split("\n") if s.strip()]
    lengths = dict(zip(sentences, map(len, tokenizer(sentences)["input_ids"]), strict=True))
    with file.open("w", encoding="utf-8") as out:
        while tokens > 0:
            drawn = draw.choices(sentences, k=SENTENCES)
            tokens -= sum(lengths[sentence] for sentence in drawn)
            out.write(json.dumps({"text": "\n".join(drawn)}, ensure_ascii=False) + "\n")


def recipe(folder: Path) -> Recipe:
    given = recipe_of(folder / "base", folder / "rows.jsonl", folder / "run")
    given["train"]["max_length"] = 2048
    return Recipe.model_validate(given)


def as_lists(told: Recipe) -> tuple[int, Any]:
    """As it was: all examples, then all ids, then a Dataset of them."""
    tokenizer = read_tokenizer(told.model)
    length = told.train["max_length"]
    examples = list(read_examples(told.data.datasets[0], told.data, Counter()))
    whole = [tokenizer(f"{example.answer}</s>")["input_ids"] for example in examples]
    ids = [row[at : at + length] for row in whole for at in range(0, len(row), length)]
    del whole
    rows = Dataset.from_dict({"input_ids": ids, "labels": [list(row) for row in ids]})
    return sum(map(len, ids)), (examples, ids, rows)


def as_files(told: Recipe) -> tuple[int, Any]:
    mixture = mix(told.data, 3)
    prepared = prepare(told, mixture, read_tokenizer(told.model))
    return prepared.train.tokens, (mixture, prepared)


def measure(way: str, folder: Path) -> dict[str, float]:
    """In a process of its own: seconds, tokens, bytes held at the end and at most."""
    told = recipe(folder)
    read_tokenizer(told.model)("あ")  # what is imported on the way is not counted
    at_first = held()
    watch = Watch()
    watch.start()
    begun = time.process_time()
    tokens, kept = as_lists(told) if way == "before" else as_files(told)
    seconds = time.process_time() - begun
    found = {"seconds": seconds, "tokens": tokens, "held": held() - at_first}
    del kept
    return {**found, "most": watch.most - at_first}


def apart(way: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_tokenize", "--way", way]
    done = subprocess.run(
        [*command, "--folder", str(folder)], capture_output=True, text=True, check=True,
        env={**os.environ, "HF_DATASETS_CACHE": str(folder / "cache")},
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=4_000_000)
    parser.add_argument("--skip-before", action="store_true", help="lists need 100 bytes a token")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measure(asked.way, asked.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_base(folder / "base")
        tokenizer = read_tokenizer(recipe(folder).model)
        write_documents(folder / "rows.jsonl", asked.tokens, tokenizer)
        ways = WAYS[1:] if asked.skip_before else WAYS
        found = {way: apart(way, folder) for way in ways}
    first = found[ways[0]]
    head = f"against {ways[0]}"
    table = Table("", "tokens", "CPU s", "tokens/s", head, "MiB held", "at most", "bytes a token")
    for way, f in found.items():
        table.add_row(
            way, f"{f['tokens']:,.0f}", f"{f['seconds']:.1f}",
            f"{f['tokens'] / f['seconds']:,.0f}", f"{first['seconds'] / f['seconds']:.2f}×",
            f"{f['held'] / 2**20:.0f}", f"{f['most'] / 2**20:.0f}",
            f"{f['held'] / f['tokens']:.2f}",
        )  # fmt: skip
    console().print(machine())
    console().print(table)


if __name__ == "__main__":
    main()
