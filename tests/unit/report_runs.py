"""Results of the embedded sample exam as lm-eval writes them, of models that know some of it."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import Doc
from lm_eval_tasks.prompting.docs import docs_of
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import select
from lm_eval_tasks.scoring import metrics
from lm_eval_tasks.scoring.metrics import Scores

STAMP = "2026-01-02T03-04-05.000006"
EXAM = load_exam("sample")
PROCESS: dict[str, Callable[[Doc, Any], Scores]] = {
    "letters": metrics.letters,
    "mc": metrics.mc,
    "letters_mc": metrics.letters_mc,
}


@dataclass(frozen=True)
class Pupil:
    """knows: share of the questions. permute: orders of the choices. changes: of the results.

    rule: the exam's published rule, "" for none.
    """

    knows: float = 0.6
    model_args: str = "pretrained=org/base"
    protocols: Sequence[str] = ("letters", "mc")
    permute: int = 0
    limit: int | None = None
    rule: str = "igakuqa"
    changes: Mapping[str, Any] = field(default_factory=dict)


def written(folder: Path, pupil: Pupil) -> Path:
    """Write results and samples of all protocols; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "results": {},
        "configs": {},
        "versions": {},
        "config": {"model": "hf", "model_args": pupil.model_args, "model_dtype": "torch.bfloat16"},
        "model_source": "hf",
        "model_name": "org/base",
        "chat_template": None,
        "lm_eval_version": "0.4.13",
        "date": 1767322800.5,
    }
    for protocol in pupil.protocols:
        task = f"jmed_sample_{protocol}"
        docs, left_out = _docs(protocol, pupil)
        rows = [_sample(protocol, doc, pupil) for doc in docs[: pupil.limit]]
        found["configs"][task] = _config(protocol, pupil, len(docs), left_out)
        found["versions"][task] = 1.0
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        file = folder / f"samples_{task}_{STAMP}.jsonl"
        file.write_text("".join(lines), encoding="utf-8")
    text = json.dumps({**found, **pupil.changes}, ensure_ascii=False)
    (folder / f"results_{STAMP}.json").write_text(text, encoding="utf-8")
    return folder


def _docs(protocol: str, pupil: Pupil) -> tuple[list[Doc], dict[str, int]]:
    options = Options(permute=pupil.permute)
    chosen = select(EXAM.questions, options, choices_only=protocol != "letters")
    exam = replace(EXAM, card=replace(EXAM.card, published_rule=pupil.rule))
    return list(docs_of(exam, chosen.kept, options)), chosen.left_out


def _config(protocol: str, pupil: Pupil, asked: int, left_out: dict[str, int]) -> dict[str, Any]:
    questions = {
        "published": 120,
        "kept": 120 - sum(left_out.values()),
        "asked": asked,
        "left_out": left_out,
        "marked": {"credited to everybody": 1},
        "docs_sha256": "ab" * 32,
        "jmed_version": "0.1.0",
    }
    options = {"jmed": {"permute": pupil.permute}} if pupil.permute else {}
    return {
        "task": f"jmed_sample_{protocol}",
        "num_fewshot": 0 if protocol == "mc" else 3,
        "generation_kwargs": {"do_sample": False, "max_gen_toks": 64},
        "metadata": {"version": 1.0, "protocol": protocol, "questions": questions, **options},
    }


def _sample(protocol: str, doc: Doc, pupil: Pupil) -> dict[str, Any]:
    drawn = random.Random(f"{doc['id']}{doc['permutation']}")
    knows = drawn.random() < pupil.knows
    if protocol == "letters":
        wrong = "b" if drawn.random() < 0.9 else "わかりません"
        results: list[Any] = [doc["gold"] if knows else wrong]
    else:
        results = [
            (drawn.gauss(0, 1) + 3 * (knows and letter in doc["accepted"][0]), False)
            for letter in LETTERS[: len(doc["choices"])]
        ]
    return {
        "doc": doc,
        "doc_hash": f"{doc['id']} {doc['permutation']}",
        "prompt_hash": f"{doc['id']} {doc['permutation']}",
        "filtered_resps": results,
        **PROCESS[protocol](doc, results),
    }
