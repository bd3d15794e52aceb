"""lm-eval's `custom_dataset`: exam name and options -> splits of docs."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from datasets import Dataset

from lm_eval_tasks import __version__
from lm_eval_tasks.exams.card import CARD_SUFFIX
from lm_eval_tasks.exams.load import Exam, load_exam
from lm_eval_tasks.exams.question import Question
from lm_eval_tasks.prompting.doc import Doc, clinical_doc, to_doc
from lm_eval_tasks.prompting.docs import docs_of
from lm_eval_tasks.prompting.images import images_of
from lm_eval_tasks.prompting.options import Options, parse_options
from lm_eval_tasks.prompting.selection import Selection, select_from

# lm-eval configures this logger alone; elsewhere an info line would not be shown
log = logging.getLogger("lm_eval.jmed")

NO_OPTIONS: Mapping[str, object] = {}


def questions(
    exam: str,
    questions: dict[str, Any],
    config_source: str = "",
    jmed: object = NO_OPTIONS,
    **_: object,
) -> dict[str, Dataset]:
    """All questions that a generated answer can be read for: choices and numbers.

    Args:
        exam: from the task's `dataset_kwargs`: a name, or the card of a private exam, relative to
            the task's YAML.
        questions: the task's own `metadata.questions`; filled in place, because that is how what
            was kept and what was left out gets into lm-eval's results file.
        config_source: where lm-eval found that YAML.
        jmed: the options of the run, see `options.Options`.
        _: lm-eval also hands over all model_args and metadata.

    Returns:
        split "test", the questions; split "dev", the worked examples for few-shot prompts.

    Raises:
        JmedError: see `load_exam`, `parse_options`, `select`.
    """
    name = _resolved(exam, config_source)
    return _splits(name, questions, parse_options(jmed), choices_only=False)


def choice_questions(
    exam: str,
    questions: dict[str, Any],
    config_source: str = "",
    jmed: object = NO_OPTIONS,
    **_: object,
) -> dict[str, Dataset]:
    """As `questions`, without those that have no choices to compare an answer with."""
    name = _resolved(exam, config_source)
    return _splits(name, questions, parse_options(jmed), choices_only=True)


def vision_questions(
    exam: str,
    questions: dict[str, Any],
    config_source: str = "",
    jmed: object = NO_OPTIONS,
    **_: object,
) -> dict[str, Dataset]:
    """As `questions`, those that need an image too: docs name the images to be shown."""
    name = _resolved(exam, config_source)
    return _splits(name, questions, parse_options(jmed, vision=True), choices_only=False)


def _resolved(exam: str, config_source: str) -> str:
    if not exam.endswith(CARD_SUFFIX):
        return exam
    return str(Path(config_source).parent / exam)


def _splits(
    name: str, record: dict[str, Any], options: Options, *, choices_only: bool
) -> dict[str, Dataset]:
    exam = load_exam(name, options.sittings)
    selection = select_from(exam, options, choices_only=choices_only)
    images = images_of(exam.card, selection.kept, options) if options.vision else None
    docs = list(docs_of(exam, selection.kept, options, images))
    record.update(_record(exam, selection, docs))
    if images:
        record["images"] = images.record(selection.kept)
    _log_once(f"{exam.card.name}: {describe(record)}")
    shown = [_demonstration(exam, *worked, options) for worked in exam.demonstrations]
    return {"test": Dataset.from_list(docs), "dev": Dataset.from_list(shown)}


def _demonstration(
    exam: Exam, question: Question, explanation: str, options: Options
) -> dict[str, Any]:
    none = {"images": [], "max_pixels": 0} if options.vision else {}
    doc, clinical = to_doc(question), exam.card.clinical
    shown = clinical_doc(doc, question, clinical.kappa) if clinical else doc
    return {**shown, "explanation": explanation} | none


def _record(exam: Exam, selection: Selection, docs: Sequence[Doc]) -> dict[str, Any]:
    text = json.dumps(docs, ensure_ascii=False, sort_keys=True)
    return {
        "source": exam.card.source,
        "published": sum(exam.card.published.values()),
        "kept": len(selection.kept),
        "asked": len(docs),
        "left_out": selection.left_out,
        "marked": selection.marked,
        "docs_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "jmed_version": __version__,
    }


def describe(record: dict[str, Any]) -> str:
    """One line: "1459 of 2000 questions kept; left out: needs a figure 529, …".

    Of a task that shows images also which: "98 with 110 images, at most 2 each, 26.0 MB".
    """
    line = f"{record['kept']} of {record['published']} questions kept"
    for title, counts in (("left out", record["left_out"]), ("among the kept", record["marked"])):
        if counts:
            line += f"; {title}: " + ", ".join(f"{reason} {n}" for reason, n in counts.items())
    return line + (f"; {_described(record['images'])}" if "images" in record else "")


def _described(images: Mapping[str, Any]) -> str:
    if images["withheld"]:
        return "all images withheld"
    smaller = f", at most {images['max_pixels']} pixels" if images["max_pixels"] else ""
    return (
        f"{images['questions']} with images: {images['files']} files, "
        f"{images['bytes'] / 1e6:.1f} MB, at most {images['most']} a question{smaller}"
    )


@cache
def _log_once(line: str) -> None:
    log.info(line)
