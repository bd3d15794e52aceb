"""The table of architectures in docs/architectures.md: what `jmed_hf` makes of each, measured.

JMED_MIRROR=… python -m tests.e2e.architectures_table [architecture…]

Without names, those that have no row yet, or one of other versions: on an idle core all take
about ten minutes.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.models.attention import of_config, of_modules
from lm_eval_tasks.models.fed import count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from lm_eval_tasks.models.paths import COPIES
from lm_eval_tasks.models.scores import Score
from tests.benchmarks.questions import EXAM, spread_out
from tests.e2e.architectures import ARCHITECTURES, config_of, model_of, windows

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"
QUESTIONS = 12
MEASURED = "Measured with "
"""How the line of the page begins that names the versions."""
NOISE = 0.01
"""Largest difference of a score in float32 by which a row is still written, unless hf is farther
from itself: one of Mamba's came to 0.007, and to 0.0002 in float64."""
WINDOW = 48
"""Tokens: less than any whole question has, so that every prompt is beyond it."""


@dataclass(frozen=True)
class Measured:
    """Of one model: what its layers are besides full attention; the ways its prompts went, or why
    hf's own code did it; tokens fed by hf and by jmed_hf; largest difference of a score."""

    layers: str
    ways: str
    hf: int
    ours: int
    apart: float

    @property
    def ratio(self) -> float:
        return self.hf / self.ours


def measure(
    config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast, asked: Sequence[Instance]
) -> Measured:
    """Score `asked` by hf, in batches of 16, and by jmed_hf, whose checks do not count."""
    model = model_of(config)
    stock, ours = (kind(pretrained=model, tokenizer=tokenizer, batch_size=16, max_length=4096)
                   for kind in (HFLM, JmedHF))  # fmt: skip
    fed = count_fed(model)
    wanted = stock.loglikelihood(list(asked), disable_tqdm=True)
    by_hf, fed.tokens = fed.tokens, 0
    ours.loglikelihood(list(asked), disable_tqdm=True)
    fed.tokens = 0
    found = ours.loglikelihood(list(asked), disable_tqdm=True)
    other = sorted({*of_config(model.config), *of_modules(model.modules())})
    ways = list(dict.fromkeys(short(name) for name in ours.proven))
    apart = largest(found, wanted)
    if apart > NOISE:  # which of two equal tokens sparse attention reads hangs on the batch
        alone = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, max_length=4096)
        noise = largest(alone.loglikelihood(list(asked), disable_tqdm=True), wanted)
        if apart > noise:
            raise AssertionError(
                f"{model.config.model_type}: scores are {apart} apart from hf's, hf's own {noise}"
            )
    return Measured(
        ", ".join(other) or "full attention",
        " and ".join(ways) or f"hf: {ours.fallback.get('loglikelihood', 'sparse')}",
        by_hf,
        fed.tokens,
        apart,
    )


def largest(scores: Sequence[Score], others: Sequence[Score]) -> float:
    """Difference of two log-likelihoods."""
    return max(abs(a[0] - b[0]) for a, b in zip(scores, others, strict=True))


def short(name: str) -> str:
    """The name of a path, in a table."""
    name = name.removesuffix(" after a cached prefix")
    return "packed" if name == "packed scores" else name.replace(COPIES, "copies")


@cache
def exam_tokenizer() -> PreTrainedTokenizerFast:
    texts = [" ".join((q.stem, *q.choices)) for q in load_exam(EXAM).questions]
    return build_tokenizer(4000, texts)


def row(kind: str) -> str:
    """What a row of Markdown says after the name."""
    tokenizer, asked = exam_tokenizer(), spread_out("mc", QUESTIONS)
    real = measure(config_of(kind, len(tokenizer)), tokenizer, asked)
    cells = [real.layers, real.ways, fed(real)]
    if narrow := windows(kind, WINDOW):
        beyond = measure(config_of(kind, len(tokenizer), **narrow), tokenizer, asked)
        cells += [f"{beyond.ways}: {beyond.ratio:.1f}×"]
    else:
        cells += [""]
    return " | ".join(cells)


def fed(measured: Measured) -> str:
    return f"{measured.hf:,} → {measured.ours:,} ({measured.ratio:.1f}×)"


def printed(kinds: Sequence[str], page: Path) -> None:
    """Write the rows of `kinds` into a page, each as soon as it is measured.

    Those of other versions than are installed leave the page.
    """
    head, rows, tail = parts(page)
    if versions() not in head:
        head = [versions() if line.startswith(MEASURED) else line for line in head]
        rows = {}
    for kind in kinds:
        rows[kind] = row(kind)
        page.write_text("\n".join([*head, *lines_of(rows), *tail]) + "\n", encoding="utf-8")
        print(f"{kind} | {rows[kind]}", flush=True)


def versions() -> str:
    names = ("transformers", "torch", "lm_eval")
    return f"{MEASURED}{', '.join(f'{name} {version(name)}' for name in names)}."


def parts(page: Path) -> tuple[list[str], dict[str, str], list[str]]:
    """The lines before the rows; model_type -> row; the lines after them."""
    lines = page.read_text(encoding="utf-8").splitlines()
    places = [place for place, line in enumerate(lines) if line.startswith("| `")]
    rows: dict[str, str] = {}
    for line in (lines[place] for place in places):
        names, rest = line.removeprefix("| ").removesuffix(" |").split(" | ", 1)
        rows |= dict.fromkeys((name.strip("`") for name in names.split(", ")), rest)
    return lines[: places[0]], rows, lines[places[-1] + 1 :]


def lines_of(rows: Mapping[str, str]) -> list[str]:
    """One line for all that go alike: the packed first, then copies, and hf's own code at last."""

    def place(kind: str) -> tuple[int, str]:
        way = rows[kind].split(" | ")[1]
        order = ("packed", "copies", "hf")
        return next(n for n, name in enumerate(order) if way.startswith(name)), rows[kind]

    return [
        f"| {', '.join(f'`{kind}`' for kind in sorted(alike))} | {rest} |"
        for (_, rest), alike in groupby(sorted(rows, key=place), place)
    ]


def main(kinds: Sequence[str]) -> None:
    if not os.environ.get("JMED_MIRROR"):
        sys.exit("rows are of igakuqa: JMED_MIRROR=FOLDER is needed (docs/exams.md)")
    logging.disable(logging.CRITICAL)
    head, rows, _ = parts(PAGE)
    known = rows if versions() in head else {}
    printed(kinds or [kind for kind in ARCHITECTURES if kind not in known], PAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
