"""Reading answers from responses of 1,500 characters: the code before the candidates and after.

    python -m tests.benchmarks.bench_answers [--full]      # 100,000 responses; else 4,000

"Before" is the code of a commit, taken from the repository's history; without a history only
"after" is measured, and that is said. The responses are made of the sample exam's texts, in the
ways models write: the answer first or last, choice by choice, after a thought, or none.
"""

import argparse
import importlib
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.table import Table

from lm_eval_tasks.answers.reading import read_letters
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.tables.scores import console
from tests.benchmarks.machine import machine
from tests.benchmarks.paired import RUNS, in_turn, ratio

BEFORE = "cd7b9a1"
MODULES = ("answers", "reasoning", "exam")
LENGTH = 1_500
Read = Callable[[str, int], frozenset[str]]


def before(folder: Path) -> Read | None:
    """The reading of commit BEFORE, as a package written into `folder`; None without history."""
    package = folder / "answers_before"
    package.mkdir()
    for name in ("__init__", *MODULES):
        shown = subprocess.run(
            ["git", "show", f"{BEFORE}:lm_eval_tasks/{name}.py"],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
        if shown.returncode:
            return None
        code = shown.stdout
        for module in MODULES:
            code = code.replace(f"lm_eval_tasks.{module} import", f"{package.name}.{module} import")
        (package / f"{name}.py").write_text(code, encoding="utf-8")
    sys.path.insert(0, str(folder))
    reading = importlib.import_module(f"{package.name}.answers").read_letters
    return lambda response, n_select: reading(response, n_select).letters


def after(response: str, n_select: int) -> frozenset[str]:
    return read_letters(response, n_select).letters


def responses(count: int) -> list[tuple[str, str]]:
    """Responses and the letter that each means, "" for none."""
    draw = random.Random(0)
    questions = load_exam("sample").questions
    texts = [text for question in questions for text in (question.stem, *question.choices)]
    return [written(draw, texts) for _ in range(count)]


def written(draw: random.Random, texts: Sequence[str]) -> tuple[str, str]:
    letter = draw.choice("abcde")

    def filled(length: int) -> str:
        text = ""
        while len(text) < length:
            text += draw.choice(texts).strip().rstrip("。") + draw.choice(("。", "、", "。\n"))
        return text[:length]

    def verdict(one: str) -> str:
        called = "正しい" if one == letter else "誤り"
        return f"- {one}: {called}。{filled(LENGTH // 5 - 12)}\n"

    ways = {
        "first": lambda: (f"**{letter}**\n\n{filled(LENGTH - 7)}", letter),
        "last": lambda: (f"{filled(LENGTH - 5)}\n答え：{letter}", letter),
        "sentence": lambda: (f"{filled(LENGTH - 20)}。\nThe answer is {letter.upper()}.", letter),
        "verdicts": lambda: ("".join(verdict(one) for one in "abcde"), letter),
        "thought": lambda: (f"<think>{filled(LENGTH - 17)}</think>{letter}", letter),
        "unfinished": lambda: (f"<think>答え：{letter}{filled(LENGTH - 12)}", ""),
        "none": lambda: (filled(LENGTH), ""),
    }
    return ways[draw.choice(sorted(ways))]()


def read_all(read: Read, given: Sequence[tuple[str, str]]) -> Counter[str]:
    """How many responses were read as meant, read otherwise, or not read."""
    outcomes: Counter[str] = Counter()
    for response, meant in given:
        letters = "".join(sorted(read(response, 1)))
        outcomes["as meant" if letters == meant else "wrong" if letters else "not read"] += 1
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="100,000 responses, once")
    full = parser.parse_args().full
    given, times = responses(100_000 if full else 4_000), 1 if full else RUNS
    with tempfile.TemporaryDirectory() as folder:
        old = before(Path(folder))
        ways = {"before": old, "after": after} if old else {"after": after}
        reads = {name: partial(read_all, read, given) for name, read in ways.items()}
        runs = in_turn(reads, times)
    table = Table("", "seconds / 10,000 responses", "as meant", "wrong", "not read")
    for name, way in runs.items():
        found = way.result or Counter()
        counts = (f"{found[key]:,}" for key in ("as meant", "wrong", "not read"))
        table.add_row(name, f"{way.median * 10_000 / len(given):.2f}", *counts)
    console().print(
        f"{len(given):,} responses of {LENGTH:,} characters; medians of {times} runs; {machine()}"
    )
    console().print(table)
    if old:
        console().print(f"after / before: {ratio(runs['after'], runs['before']):.2f}")
    else:
        console().print(f"before: not measured, the repository's history ({BEFORE}) is not here")


if __name__ == "__main__":
    main()
