"""The rows of a leaderboard -> Markdown, alone or inside a README, or one HTML page."""

import html
from collections.abc import Sequence
from pathlib import Path

import jinja2

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import LARGEST
from lm_eval_tasks.files.text_file import read_bytes
from lm_eval_tasks.files.write import write_text
from lm_eval_tasks.tables.leaderboard import COLUMNS, NUMBERS, LeaderboardRow, notes
from lm_eval_tasks.words import Words

START, END = "<!-- jmed leaderboard -->", "<!-- /jmed leaderboard -->"
MARKDOWN, HTML = (".md", ".markdown"), (".html", ".htm")
TEMPLATES = Path(__file__).parent


def write_leaderboard(file: Path, rows: Sequence[LeaderboardRow], words: Words) -> None:
    """Write a page of HTML, a Markdown file, or what stands between the markers of one.

    Raises:
        JmedError: `file` is neither, cannot be read or written, or is Markdown without markers.
    """
    if file.suffix.lower() not in MARKDOWN + HTML:
        allowed = ", ".join(MARKDOWN + HTML)
        raise JmedError(f"{file}: a leaderboard is Markdown or HTML (allowed: {allowed})")
    try:
        if file.suffix.lower() in HTML:
            write_text(file, as_html(rows, words))
        else:
            write_text(file, _with_table(file, as_markdown(rows, words)))
    except (OSError, UnicodeDecodeError) as error:
        raise JmedError(f"{file}: cannot be read or written: {error}") from None


def as_markdown(rows: Sequence[LeaderboardRow], words: Words) -> str:
    """A table and its footnotes."""
    shown = [row.cells(words) for row in rows]
    lines = [
        _line([words.leaderboard[column] for column in COLUMNS]),
        _line(["---:" if column in NUMBERS else "---" for column in COLUMNS]),
        *(_line([_safe(cells[column]) for column in COLUMNS]) for cells in shown),
        "",
        *(f"- {_safe(note)}" for note in notes(rows, words)),
    ]
    return "\n".join(lines) + "\n"


def as_html(rows: Sequence[LeaderboardRow], words: Words) -> str:
    """One page, sortable by every column, that needs no network."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("leaderboard.html.jinja").render(
        language=words.language,
        words=words.leaderboard,
        columns=COLUMNS,
        numbers=NUMBERS,
        rows=[(row.cells(words), row.values, row.incomplete) for row in rows],
        notes=notes(rows, words),
    )


def _with_table(file: Path, table: str) -> str:
    """The text of `file` with a new table between its markers; of a new file, just that."""
    block = f"{START}\n\n{table}\n{END}"
    if not file.exists():
        return block + "\n"
    text = read_bytes(file, LARGEST).decode("utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end or START in after or END in after:
        raise JmedError(
            f"{file}: is there already, and does not have the lines {START} and {END} once each, "
            "between which the table would stand; add them, or name a new file"
        )
    return before + block.replace("\n", "\r\n" if "\r\n" in text else "\n") + after


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _safe(text: str) -> str:
    """As Markdown shows it literally."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in r"\`*_[]|~" else sign for sign in escaped)
