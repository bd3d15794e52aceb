"""The exams' cards -> a Markdown table, as README and docs/exams.md print it."""

from collections.abc import Iterator

from lm_eval_tasks.exams.card import Card, clinical_names, exam_names, read_card
from lm_eval_tasks.exams.clinical import Clinical
from lm_eval_tasks.protocols import PROTOCOLS, is_agreement, task_name
from lm_eval_tasks.words import read_words

COLUMNS = (
    *("exam", "title", "questions", "text only", "by letters", "by text"),
    *("with images", "data licence"),
)
BRIEF = ("exam", "title", "questions", "text only", "with images", "data licence")
CLINICAL_COLUMNS = ("set", "title", "rows", "task", "metric", "majority", "data licence")
NOT_COUNTED = "–"
"""Of an exam whose data was never at hand; of images also where the source has none."""


def exams_markdown(language: str, *, brief: bool = False) -> Iterator[str]:
    """Yield heading and a row for each exam, from its card alone: the same on every machine.

    Args:
        language: "ja" or "en", of the headings; titles and licences are the card's.
        brief: without the questions that each kind of protocol asks, and of a licence what comes
            before a semicolon.
    """
    columns = BRIEF if brief else COLUMNS
    headings = read_words(language).exams
    yield f"| {' | '.join(headings[column] for column in columns)} |"
    yield "|" + "---|" * len(columns)
    for name in exam_names():
        cells = _cells(read_card(name), brief=brief)
        yield f"| {' | '.join(cells[column] for column in columns)} |"


def _cells(card: Card, *, brief: bool) -> dict[str, str]:
    counts = card.checked
    licence = card.licence.partition(";")[0] if brief else card.licence
    address = source_address(card)
    return {
        "exam": f"`{card.name}`",
        "title": card.title,
        "questions": f"{sum(card.published.values()):,}",
        "text only": f"{counts.text_only:,}" if counts else NOT_COUNTED,
        "by letters": f"{counts.letters.kept:,}" if counts else NOT_COUNTED,
        "by text": f"{counts.texts.kept:,}" if counts else NOT_COUNTED,
        "with images": f"{counts.with_images:,}" if counts and counts.vision else NOT_COUNTED,
        "data licence": f"[{licence}]({address})" if address else licence,
    }


def clinical_markdown(language: str, *, brief: bool = False) -> Iterator[str]:
    """The same of the clinical sets, with what answering always the same scores.

    Args:
        brief: without the tasks.
    """
    columns = [name for name in CLINICAL_COLUMNS if not (brief and name == "task")]
    headings = read_words(language).exams
    yield f"| {' | '.join(headings[column] for column in columns)} |"
    yield "|" + "---|" * len(columns)
    for name in clinical_names():
        cells = _clinical_cells(read_card(name))
        yield f"| {' | '.join(cells[column] for column in columns)} |"


def _clinical_cells(card: Card) -> dict[str, str]:
    clinical = card.clinical
    assert clinical
    shown = clinical_metrics(clinical)
    scores = (_share(metric, clinical.majority.get(metric)) for metric in shown)
    names = (f"`{task_name(card.name, protocol)}`" for protocol in clinical.protocols)
    return {
        "set": f"`{card.name}`",
        "title": card.title,
        "rows": f"{sum(card.published.values()):,}",
        "task": ", ".join(names),
        "metric": ", ".join(f"`{metric}`" for metric in shown),
        "majority": ", ".join(scores) if clinical.majority else NOT_COUNTED,
        "data licence": f"[{card.licence.partition(';')[0]}]({source_address(card)})",
    }


def clinical_metrics(clinical: Clinical) -> list[str]:
    """The metric that decides, and where labels are compared the publisher's kappa."""
    protocol = PROTOCOLS[clinical.protocols[0]]
    return [protocol.metrics[0], *(protocol.over_set[-1:] if clinical.kappa else ())]


def _share(metric: str, value: float | None) -> str:
    if value is None:
        return NOT_COUNTED
    return f"{value:.3f}" if is_agreement(metric) else f"{value:.1%}"


def source_address(card: Card) -> str:
    """Return the publisher's page, "" for what jmed carries itself."""
    source = card.source.partition("@")[0]
    if source.startswith("hf:"):
        return f"https://huggingface.co/datasets/{source.removeprefix('hf:')}"
    return f"https://github.com/{source}" if "/" in source else ""
