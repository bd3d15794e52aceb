"""The exams' cards -> a Markdown table, as README and docs/exams.md print it."""

from collections.abc import Iterator

from lm_eval_tasks.exams.card import Card, exam_names, read_card
from lm_eval_tasks.words import read_words

COLUMNS = (
    *("exam", "title", "questions", "text only", "by letters", "by text"),
    *("with images", "data licence"),
)
BRIEF = ("exam", "title", "questions", "text only", "with images", "data licence")
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


def source_address(card: Card) -> str:
    """Return the publisher's page, "" for what jmed carries itself."""
    source = card.source.partition("@")[0]
    if source.startswith("hf:"):
        return f"https://huggingface.co/datasets/{source.removeprefix('hf:')}"
    return f"https://github.com/{source}" if "/" in source else ""
