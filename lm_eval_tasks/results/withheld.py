"""Result runs that somebody else may have made -> the same, as far as they may be shown.

A value of a form that is known stays as it is. Any other could be a path, a host, a person or a
token, and is replaced by "withheld-1", the same number wherever the same value stands: groups and
differences remain. Results that were not looked at this way are shown with --show-local alone.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from lm_eval_tasks.exams.card import Card, read_card, set_names
from lm_eval_tasks.prompting.options import CONTEXT, FIGURES, VISION_FIGURES
from lm_eval_tasks.protocols import task_name
from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.public import ENGINES
from lm_eval_tasks.results.records import (
    Metadata,
    Questions,
    ResultsFile,
    TaskConfig,
)
from lm_eval_tasks.results.result import Answer, Result
from lm_eval_tasks.words import read_words

ID = re.compile(
    # "116A1", "120F-75", "097A001"; "107_64-0"; a row's number; a UUID; "nurse-2024-AM12"
    r"\d{2,3}[A-F]-?\d{1,4}|\d{2,3}_\d{1,5}-\d{1,3}|\d{1,6}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|[a-z-]{5,25}-20\d\d-(?:[A-F]|[AP]M)?\d{1,3}"
)
SECTION = re.compile(r"[A-F]?|[AP]M")
GOLD = re.compile(r"[a-h](?:,[a-h])*|-?\d{1,6}(?:\.\d{1,4})?|")
SWITCHES = ("do_sample", "temperature", "top_p", "top_k", "max_gen_toks", "num_beams", "until")
"""Of generation_kwargs, the keys that are shown; of `until` that there is one."""
ENGINE = re.compile("|".join(ENGINES))
_CHOICES: Sequence[tuple[str, Any]] = [
    *(("context", value) for value in CONTEXT),
    *(("figures", value) for value in (*FIGURES, *VISION_FIGURES)),
]
"""Options of few values, with each of them; `in` compares values that have no hash too."""


@dataclass
class Withheld:
    """The values that are not shown, numbered as they were met."""

    numbers: dict[str, int] = field(default_factory=dict)

    def value(self, value: object) -> str:
        """What stands in its place."""
        key = json.dumps(value, sort_keys=True, default=str)
        return f"withheld-{self.numbers.setdefault(key, len(self.numbers) + 1)}"

    def text(self, value: object, form: re.Pattern[str]) -> str | None:
        """`value` as text if it is of the form; None if it is none."""
        if value is None:
            return None
        return permitted.text(value, form) or self.value(value)


def public(runs: Iterable[Result], withheld: Withheld) -> list[Result]:
    """Only what may be shown; `original` keeps the rest, for what is found out and not shown."""
    return [_public(result, withheld) for result in runs]


def _public(result: Result, withheld: Withheld) -> Result:
    card = read_card(result.exam) if result.exam in set_names() else None
    exam = result.exam if card else withheld.value(result.exam)
    task = task_name(exam, result.protocol)
    run = result.run
    docs = _Docs(card, withheld)
    return replace(
        result,
        exam=exam,
        answers=[docs.answer(answer) for answer in result.answers],
        original=result,
        run=replace(
            run,
            task=task,
            version=str(withheld.text(run.version, permitted.VERSION)),
            config=_config(run.config, card, withheld),
            samples=(),
            metadata={},
            results=_results(run.results, run.task, task, withheld),
        ),
    )


class _Docs:
    """Docs of one exam, public or (card: None) private."""

    def __init__(self, card: Card | None, withheld: Withheld) -> None:
        self.withheld = withheld
        categories = {*card.categories, ""} if card else {""}
        self.allowed: Mapping[str, Callable[[str], object]] = {
            "id": lambda text: card and _is_id(text, card),
            "sitting": lambda text: text in (card.published if card else {""}),
            "section": SECTION.fullmatch,
            "category": lambda text: text in categories,
            "gold": GOLD.fullmatch,
        }

    def doc(self, doc: Mapping[str, Any]) -> dict[str, Any]:
        return {**doc, **{key: self._field(key, doc[key]) for key in self.allowed if key in doc}}

    def answer(self, answer: Answer) -> Answer:
        item = answer.item and answer.item._replace(sitting=self._field("sitting", answer.item[1]))
        key = answer.key._replace(id=self._field("id", answer.key.id))
        return replace(answer, key=key, doc=self.doc(answer.doc), item=item)

    def _field(self, key: str, value: object) -> str:
        text = str(value)
        return text if self.allowed[key](text) else self.withheld.value(text)


def _is_id(text: str, card: Card) -> bool:
    category, _, number = text.rpartition("-")
    return bool(ID.fullmatch(text)) or (
        category in card.categories and number.isascii() and number.isdecimal()
    )


def _config(config: TaskConfig, card: Card | None, withheld: Withheld) -> TaskConfig:
    given = config.metadata
    questions = Questions(
        asked=given.questions.asked,
        published=given.questions.published,
        kept=given.questions.kept,
        left_out=_reasons(given.questions.left_out, withheld),
        marked=_reasons(given.questions.marked, withheld),
        docs_sha256=withheld.text(given.questions.docs_sha256, permitted.SHA256),
        jmed_version=withheld.text(given.questions.jmed_version, permitted.VERSION),
        images=given.questions.images,
    )
    return TaskConfig(
        num_fewshot=config.num_fewshot,
        generation_kwargs=_generation(config.generation_kwargs or {}, withheld),
        metadata=Metadata(jmed=_options(given.jmed or {}, card, withheld), questions=questions),
    )


def _reasons(given: Mapping[str, int], withheld: Withheld) -> dict[str, int]:
    known = read_words("ja").report["reasons"]
    return {why if why in known else withheld.value(why): n for why, n in given.items()}


def _generation(given: Mapping[str, Any], withheld: Withheld) -> dict[str, Any]:
    return {
        key if key in SWITCHES else withheld.value(key): _number(value, withheld)
        for key, value in given.items()
    }


def _number(value: object, withheld: Withheld) -> object:
    plain = value is None or permitted.number(value) is not None
    return value if plain else withheld.value(value)


def _options(given: Mapping[str, Any], card: Card | None, withheld: Withheld) -> dict[str, Any]:
    """Those of options.py."""
    sittings = {*card.published} if card else set()
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in ("permute", "seed", "max_pixels"):
            found[key] = _number(value, withheld)
        elif key == "sittings" and isinstance(value, list):
            found[key] = [one if one in sittings else withheld.value(one) for one in value]
        elif (key, value) in _CHOICES:
            found[key] = value
        else:
            found[withheld.value(key)] = withheld.value(value)
    return found


def _results(results: ResultsFile, old: str, new: str, withheld: Withheld) -> ResultsFile:
    """What belongs to the task, under its new name.

    Of the rest numbers and switches stay, and what the report reads with forms of its own; names
    among the model_args go through model_name.py.
    """
    return ResultsFile(
        config_given=msgspec.structs.replace(
            results.config,
            model_dtype=withheld.text(results.config.model_dtype, permitted.DTYPE),
        ),
        scores_given={new: dict(results.scores(old))},
        counts_given={new: dict(results.counts(old))},
        date=results.date,
        fewshot_as_multiturn=results.fewshot_as_multiturn,
        pretty_env_info=results.pretty_env_info,
        chat_template=None if results.chat_template is None else "applied",
        chat_template_sha=withheld.text(results.chat_template_sha, permitted.SHA256),
        system_instruction_sha=withheld.text(results.system_instruction_sha, permitted.SHA256),
        lm_eval_version=withheld.text(results.lm_eval_version, permitted.VERSION),
        transformers_version=withheld.text(results.transformers_version, permitted.VERSION),
        model_source=withheld.text(results.model_source, ENGINE),
    )
