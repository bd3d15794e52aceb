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

from lm_eval_tasks.exams.card import Card, exam_names, read_card
from lm_eval_tasks.prompting.options import CONTEXT, FIGURES
from lm_eval_tasks.results import public as permitted
from lm_eval_tasks.results.public import ENGINES
from lm_eval_tasks.results.result import Answer, Result
from lm_eval_tasks.words import read_words

ID = re.compile(
    # "116A1", "120F-75", "097A001"; "107_64-0"; a row's number; a UUID
    r"\d{2,3}[A-F]-?\d{1,4}|\d{2,3}_\d{1,5}-\d{1,3}|\d{1,6}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
SECTION = re.compile(r"[A-F]?")
GOLD = re.compile(r"[a-h](?:,[a-h])*|-?\d{1,6}(?:\.\d{1,4})?|")
SWITCHES = ("do_sample", "temperature", "top_p", "top_k", "max_gen_toks", "num_beams", "until")
"""Of generation_kwargs, the keys that are shown; of `until` that there is one."""
KEPT_RESULTS = ("results", "n-samples", "date", "fewshot_as_multiturn", "pretty_env_info")
"""Numbers and switches, and what the report reads with forms of its own."""
KEPT_CONFIG = (
    *("model_args", "batch_size", "device", "model_num_parameters"),
    *("random_seed", "numpy_seed", "torch_seed", "fewshot_seed"),
)
"""The same; of model_args the names go through model_name.py."""
FORMS: Mapping[str, re.Pattern[str]] = {
    "chat_template_sha": permitted.SHA256,
    "system_instruction_sha": permitted.SHA256,
    "lm_eval_version": permitted.VERSION,
    "transformers_version": permitted.VERSION,
    "model_source": re.compile("|".join(ENGINES)),
    "model_dtype": permitted.DTYPE,
}


@dataclass
class Withheld:
    """The values that are not shown, numbered as they were met."""

    numbers: dict[str, int] = field(default_factory=dict)

    def value(self, value: object) -> str:
        """What stands in its place."""
        key = json.dumps(value, sort_keys=True, default=str)
        return f"withheld-{self.numbers.setdefault(key, len(self.numbers) + 1)}"

    def text(self, value: object, form: re.Pattern[str]) -> object:
        """`value` if it is none or of the form."""
        if value is None or permitted.text(value, form):
            return value
        return self.value(value)


def public(runs: Iterable[Result], withheld: Withheld) -> list[Result]:
    """Only what may be shown; `original` keeps the rest, for what is found out and not shown."""
    return [_public(scored, withheld) for scored in runs]


def _public(scored: Result, withheld: Withheld) -> Result:
    card = read_card(scored.exam) if scored.exam in exam_names() else None
    exam = scored.exam if card else withheld.value(scored.exam)
    task = f"jmed_{exam}_{scored.protocol}"
    run = scored.run
    docs = _Docs(card, withheld)
    return replace(
        scored,
        exam=exam,
        answers=[docs.answer(answer) for answer in scored.answers],
        original=scored,
        run=replace(
            run,
            task=task,
            version=str(withheld.text(run.version, permitted.VERSION)),
            config=_config(run.config, card, withheld),
            samples=[{**sample, "doc": docs.doc(sample["doc"])} for sample in run.samples],
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


def _config(config: Mapping[str, Any], card: Card | None, withheld: Withheld) -> dict[str, Any]:
    metadata = config["metadata"]
    questions = metadata["questions"]
    counts = {key: questions[key] for key in ("asked", "published", "kept") if key in questions}
    reasons = {
        key: _reasons(questions[key], withheld)
        for key in ("left_out", "marked")
        if key in questions
    }
    hashes = {
        "docs_sha256": withheld.text(questions.get("docs_sha256"), permitted.SHA256),
        "jmed_version": withheld.text(questions.get("jmed_version"), permitted.VERSION),
    }
    return {
        "num_fewshot": config.get("num_fewshot"),
        "generation_kwargs": _generation(config.get("generation_kwargs") or {}, withheld),
        "metadata": {
            "jmed": _options(metadata.get("jmed") or {}, card, withheld),
            "questions": counts | reasons | hashes,
        },
    }


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
        if key in ("permute", "seed"):
            found[key] = _number(value, withheld)
        elif key == "sittings" and isinstance(value, list):
            found[key] = [one if one in sittings else withheld.value(one) for one in value]
        elif (key, value) in {*_pairs("context", CONTEXT), *_pairs("figures", FIGURES)}:
            found[key] = value
        else:
            found[withheld.value(key)] = withheld.value(value)
    return found


def _pairs(key: str, values: Sequence[str]) -> list[tuple[str, Any]]:
    return [(key, value) for value in values]


def _results(results: Mapping[str, Any], old: str, new: str, withheld: Withheld) -> dict[str, Any]:
    """Of the whole file; what belongs to the task under its new name."""
    config = results.get("config") or {}
    kept = {key: results[key] for key in KEPT_RESULTS if key in results}
    for part in ("results", "n-samples"):
        kept[part] = {new: (results.get(part) or {}).get(old)}
    return {
        **kept,
        **{key: withheld.text(results.get(key), form) for key, form in FORMS.items()},
        "chat_template": None if results.get("chat_template") is None else "applied",
        "config": {
            **{key: config[key] for key in KEPT_CONFIG if key in config},
            **{key: config[key] for key in ("model_sha", "peft_sha") if key in config},
            "model_dtype": withheld.text(config.get("model_dtype"), permitted.DTYPE),
        },
    }
