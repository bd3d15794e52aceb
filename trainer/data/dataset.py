"""Recipe and tokenizer -> the datasets that SFTTrainer gets, and the record of how they came.

Tokenised once by one process of a host, into Arrow files that all of them map (kept_once.py).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lm_eval_tasks.errors import JmedError
from trainer.data.chat_template import ChatTemplate, check_kwargs
from trainer.data.example import Chat, Example
from trainer.data.kept_once import kept_once, key_of
from trainer.data.limits import Limits, limits_of
from trainer.data.mixture import Mixture
from trainer.data.taught import notes_on, thinks
from trainer.data.token_file import TokenFile, TokenRows, write_tokens
from trainer.data.tokens import Audit, Tokens, encode, encode_texts
from trainer.mark import file_sha256
from trainer.model.base_model import read_end_tokens
from trainer.recipe.protocols import scoring_task
from trainer.recipe.recipe import Recipe

TOGETHER = 1 << 20
"""Characters of plain text that are tokenised in one call."""
CODE = (
    "chat_template.py", "dataset.py", "document_end.py", "example.py", "learnt_text.py",
    "limits.py", "taught.py", "token_file.py", "tokens.py",
)  # fmt: skip
"""What of this trainer decides ids, labels and notes."""
LIBRARIES = ("transformers", "tokenizers", "jinja2")


@dataclass(frozen=True)
class Part:
    """Training or held-out rows as tokens."""

    examples: TokenRows
    """Their `rows` are what TRL takes."""
    sha256: str
    """Of ids and labels in order."""
    tokens: int
    """How many there are."""
    learnt: int
    """Of `tokens` those that the loss counts."""
    lengths: Mapping[int, int]
    """Tokens of an example before anything was cut -> how many have it."""
    counts: dict[str, int]
    """What was dropped, cut or marked -> how often."""


@dataclass(frozen=True)
class Prepared:
    """All rows of a run as tokens, and what is to be said of them."""

    train: Part
    held_out: Part | None
    """None where nothing is held out."""
    day: date
    """What the chat template took for today."""
    notes: tuple[str, ...]
    """What the answers teach beside their words, for people."""
    thinks: bool
    """Whether the prompt leaves it to the model to think before it answers."""


def prepare(recipe: Recipe, mixture: Mixture, tokenizer: Any, day: date | None = None) -> Prepared:
    """Tokenise both parts, or find them as they were tokenised before.

    Args:
        day: on which the run began, if not today.

    Raises:
        JmedError: as `tokens_of`, or the recipe tells a template or a document what no row uses.
    """
    template = template_of(recipe, mixture, tokenizer, day)
    folder, record = kept_once(
        f"tokens-{_key(recipe, mixture, template)}",
        lambda draft: _write(draft, recipe, mixture, template),
    )
    return Prepared(
        _part(folder, record, "train"),
        _part(folder, record, "eval") if mixture.held_out else None,
        template.day,
        tuple(record["notes"]),
        thinks=record["thinks"],
    )


def template_of(recipe: Recipe, mixture: Mixture, tokenizer: Any, day: date | None) -> ChatTemplate:
    """The tokenizer with what the recipe tells its template.

    Raises:
        JmedError: it is told something, and no row goes through it.
    """
    template = ChatTemplate(
        tokenizer,
        recipe.data.chat_template_kwargs,
        read_end_tokens(recipe.model, tokenizer),
        day or date.today(),
        recipe.data.eos_token,
    )
    _check_kwargs_reach_a_row(template, chain(mixture.train, mixture.held_out))
    return template


def tokens_of(
    examples: Iterable[Example], template: ChatTemplate, limits: Limits, audit: Audit
) -> Iterator[Tokens]:
    """Tokenise, add the end token, and deal with examples that are too long.

    Args:
        audit: of what is found; added to.

    Raises:
        JmedError: the tokenizer cannot serve (no end token, no chat template), the template cannot
            say what a row has, or examples are too long for what the recipe allows.
    """
    check_tokenizer(template)
    checked = seen(examples, template, audit)
    for is_text, group in groupby(checked, key=lambda example: not example.prompt):
        if is_text:
            made = (t for texts in _together(group) for t in encode_texts(texts, template))
        else:
            made = (t for e in group for t in encode(e, template, audit, apart=limits.apart))
        for tokens in made:
            audit.lengths[len(tokens.ids)] += 1
            yield from limits.fit(tokens, audit.counts)
    limits.check(audit.lengths, audit.counts)
    audit.counts = +audit.counts  # without what was looked for and not found


def file_digests(recipe: Recipe) -> dict[str, str]:
    """Local file -> sha256."""
    files = [source.path for source in recipe.data.datasets if source.is_file]
    return {file: file_sha256(Path(file)) for file in files}


def _key(recipe: Recipe, mixture: Mixture, template: ChatTemplate) -> str:
    """All that decides what is written, in one hash."""
    code = [(Path(__file__).parent / name).read_bytes() for name in CODE]
    told = {
        "examples": [mixture.train.sha256, mixture.held_out.sha256],
        "template": template.sha256,
        "limits": asdict(limits_of(recipe)),
        "asked": asdict(scoring_task(recipe.data)),
        "code": hashlib.sha256(b"".join(code)).hexdigest(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return key_of(told)


def _write(
    folder: Path, recipe: Recipe, mixture: Mixture, template: ChatTemplate
) -> dict[str, Any]:
    audits = {"train": Audit(), "eval": Audit()}
    record: dict[str, Any] = {}
    for name, examples in (("train", mixture.train), ("eval", mixture.held_out)):
        if not examples:
            continue
        audit = audits[name]
        bar = tqdm(
            examples, desc=f"tokenize {name}", unit="row", disable=None, leave=False,
            total=len(examples),
        )  # fmt: skip
        made = tokens_of(bar, template, limits_of(recipe), audit)
        written = write_tokens(folder / f"{name}.arrow", made)
        record[name] = {**written, "lengths": sorted(audit.lengths.items()), "counts": audit.counts}
    audit = audits["train"]
    if template.eos_token and not any(one.documents for one in audits.values()):
        raise JmedError("data.eos_token: no row is plain text; allowed with rows of text")
    record["notes"] = list(notes_on(audit, template, scoring_task(recipe.data)))
    record["thinks"] = thinks(audit, template)
    return record


def _part(folder: Path, record: dict[str, Any], name: str) -> Part:
    lengths = {int(length): int(count) for length, count in record[name]["lengths"]}
    return Part(examples=TokenFile(folder / f"{name}.arrow"), **record[name] | {"lengths": lengths})


def _together(texts: Iterable[Example]) -> Iterator[list[Example]]:
    batch: list[Example] = []
    characters = 0
    for example in texts:
        batch.append(example)
        characters += len(str(example.answer))
        if characters >= TOGETHER:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def seen(examples: Iterable[Example], template: ChatTemplate, audit: Audit) -> Iterator[Example]:
    """Yield them, each counted, after a look at whether the template can serve it."""
    told: set[str] = set()
    for example in examples:
        if isinstance(example.prompt, Chat) and example.prompt.kwargs not in told:
            _check_template(template, example)
            told.add(example.prompt.kwargs)
        audit.see(example)
        yield example


def check_tokenizer(template: ChatTemplate) -> None:
    """See that answers will end, and only they.

    Raises:
        JmedError: the tokenizer has no end token, or ends every text.
    """
    tokenizer = template.tokenizer
    if tokenizer.eos_token is None:
        raise JmedError("the tokenizer has no end token: answers would never end")
    if template.feed("a")[-1] == tokenizer.eos_token_id:
        raise JmedError(
            f"the tokenizer ends every text with {tokenizer.eos_token}: lm_eval would feed it "
            "before the answer; allowed: the tokenizer of a causal language model"
        )


def _check_template(template: ChatTemplate, example: Example) -> None:
    assert isinstance(example.prompt, Chat)
    if not template.tokenizer.chat_template:
        raise JmedError(
            f"{example.where}: messages need a chat template, and the tokenizer has none; "
            "allowed: prompt/completion rows and data.apply_chat_template: false"
        )
    own = example.prompt.kwargs
    check_kwargs(template.with_kwargs(**(json.loads(own) if own else {})))


def _check_kwargs_reach_a_row(template: ChatTemplate, examples: Iterable[Example]) -> None:
    if template.kwargs and not any(isinstance(example.prompt, Chat) for example in examples):
        raise JmedError(
            "data.chat_template_kwargs: no row goes through the chat template; allowed with "
            "messages, or data.apply_chat_template: true"
        )
