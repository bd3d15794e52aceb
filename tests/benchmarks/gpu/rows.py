"""Rows to train on: all as long as allowed, or of lengths as exam questions have."""

import json
import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.files.write import write_text
from tests.benchmarks.gpu_cases import PHRASE

MEDIAN, SPREAD = 250, 0.6
"""Tokens of a drawn row: log-normal."""
MEAN = int(MEDIAN * math.exp(SPREAD**2 / 2))


def write_full(file: Path, tokens: int) -> Path:
    """One text of so many tokens and some, which is cut into full examples."""
    text = PHRASE * (int((tokens + 100) / _phrase_tokens()) + 1)
    return _write(file, [{"text": text}])


def write_drawn(file: Path, tokens: int, longest: int) -> Path:
    """Prompts and completions, a third of a row, of about so many tokens in all."""
    draw, each = random.Random(0), _phrase_tokens()
    rows: list[dict[str, Any]] = []
    while tokens > 0:
        length = min(longest - 20, max(16, int(draw.lognormvariate(0, SPREAD) * MEDIAN)))
        tokens -= length
        said = max(1, int(length * 2 / 3 / each)), max(1, int(length / 3 / each))
        prompt, completion = (PHRASE * count for count in said)
        rows.append({"prompt": f"{len(rows)}:{prompt}", "completion": completion})
    return _write(file, rows)


def _phrase_tokens() -> float:
    return len(build_tokenizer()(PHRASE * 100)["input_ids"]) / 100


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write_text(file, "".join(lines))  # whole or not at all: every rank writes the same
    return file
