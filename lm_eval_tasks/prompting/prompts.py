"""doc -> prompt text and the text of the right answer. The wording is in templates/.

Training renders through the same functions, so both sides see the same bytes.
"""

from functools import cache
from pathlib import Path

import jinja2

from lm_eval_tasks.exams.question import LETTERS
from lm_eval_tasks.prompting.doc import PLACEHOLDER, Doc, VisionDoc, gold_texts, is_clinical

TEMPLATES = Path(__file__).resolve().parent / "templates"
ANSWER_LINE = {"ja": "答え：", "en": "Answer: "}


def paper(doc: Doc) -> str:
    """Instruction, input (the choices as text, joined by commas), response marker."""
    return _render("paper", doc)


def letters(doc: Doc) -> str:
    """Question, lettered choices, "exactly n letters", answer line."""
    return _render("letters", doc)


def cot(doc: Doc) -> str:
    """As `letters`, but to think first and to end with an answer line."""
    return _render("cot", doc)


def letters_vision(doc: VisionDoc) -> str:
    """As `letters`, behind a placeholder for each image."""
    return _placeholders(doc) + letters(doc)


def cot_vision(doc: VisionDoc) -> str:
    """As `cot`, behind a placeholder for each image."""
    return _placeholders(doc) + cot(doc)


class Target(str):
    """Text that stays text: of "25" lm-eval 0.5.0.dev1 makes a number, and at "②" it stops."""

    __slots__ = ()

    def isdigit(self) -> bool:
        return False  # what config/templates.py there asks


def paper_target(doc: Doc) -> str:
    """The right choices as text, joined by commas."""
    return Target(",".join(gold_texts(doc)))


def letters_target(doc: Doc) -> str:
    """The right letters as on the answer sheet, "a,c", or its digits; of a clinical set "C"."""
    return Target(doc["gold"].upper() if is_clinical(doc) else doc["gold"])


def extract(doc: Doc) -> str:
    """Question with its text, "all expressions, word for word, as a list", answer line."""
    return _render("extract", doc)


def extract_target(doc: Doc) -> str:
    """The list of the right expressions."""
    return doc["gold"]


def correct(doc: Doc) -> str:
    """Text of numbered sentences, "CORRECT, or the number of the wrong one and it put right"."""
    return _render("correct", doc)


def correct_target(doc: Doc) -> str:
    """ "5: …" or "CORRECT"."""
    return doc["gold"]


def contrast(doc: Doc) -> str:
    """Two documents, "every place where they contradict each other, one on a line"."""
    return _render("contrast", doc)


def contrast_target(doc: Doc) -> str:
    """A line "- … → …" for each place, or "なし"."""
    return doc["gold"]


def cot_target(doc: Doc) -> str:
    """The explanation of a worked example and its answer line."""
    return f"{doc['explanation']}\n{ANSWER_LINE[doc['language']]}{doc['gold']}".strip()


def labels(doc: Doc) -> list[str]:
    """The letters in use: a to e, mostly; in clinical sets capitals, as their publisher reads."""
    letters = LETTERS.upper() if is_clinical(doc) else LETTERS
    return list(letters[: len(doc["choices"])])


def _placeholders(doc: VisionDoc) -> str:
    """In front, where chat APIs put the images themselves; nothing for a question without any."""
    return PLACEHOLDER * len(doc["images"]) + "\n" * bool(doc["images"])


def _render(protocol: str, doc: Doc) -> str:
    template = _environment().get_template(f"{protocol}.{doc['language']}.jinja")
    return template.render(doc, labels=labels(doc))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # the prompt of the paper ends with one
        autoescape=False,  # plain text for a model, not HTML
    )
