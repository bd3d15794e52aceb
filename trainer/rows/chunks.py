"""Documents -> passages that a model is asked about: whole sentences, under their heading."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainer.rows.personal import personal_data
from trainer.rows.reading.document import Document
from trainer.rows.reading.pdf import UNREADABLE
from trainer.rows.sentences import sentences

SMALLEST = 60
"""Characters below which a passage says too little to be asked about."""
SPLIT_AT = 300
"""Characters from which on a heading begins a new passage; below, the section shares it."""
LONGEST_SENTENCES = 4
"""Times the wanted length that one sentence may have: beyond, it is no sentence."""


@dataclass(frozen=True)
class Chunk:
    """A passage of a document.

    start, end: its characters of the document's text; pages: (place in the passage, page), empty
    where there are no pages; heading: what it stands under, "" without any.
    """

    document: str
    document_sha256: str
    start: int
    end: int
    text: str
    heading: str = ""
    pages: Sequence[tuple[int, int]] = ()

    @property
    def sha256(self) -> str:
        """What its answers are kept under: the heading and the text, wherever they stand."""
        return hashlib.sha256(f"{self.heading}\0{self.text}".encode()).hexdigest()

    @property
    def where(self) -> str:
        """`guide.pdf p. 3`, or the characters where there are no pages."""
        if not self.pages:
            return f"{self.document} [{self.start}:{self.end}]"
        first, last = self.pages[0][1], self.pages[-1][1]
        return f"{self.document} p. {first}{f'-{last}' if last != first else ''}"


@dataclass(frozen=True)
class LeftOut:
    """A passage that is not asked about, and why."""

    why: str
    where: str


def chunk_all(
    documents: Iterable[Document], characters: int, *, allow_personal_data: bool
) -> tuple[list[Chunk], list[LeftOut]]:
    """The passages of all documents, each text once, and those that are left out.

    A passage with personal data is left out whole: a pattern that sees one name of it may not see
    what a model writes of that person.
    """
    kept: dict[str, Chunk] = {}
    left_out: list[LeftOut] = []
    for document in documents:
        for chunk in chunks(document, characters):
            why = _refused(chunk, characters)
            if not why and chunk.sha256 in kept:
                why = "passage stands twice"
            if not why and not allow_personal_data and (kinds := personal_data(chunk.text)):
                why = f"personal data in the passage: {kinds[0]}"
            if why:
                left_out.append(LeftOut(why, chunk.where))
            else:
                kept[chunk.sha256] = chunk
    return list(kept.values()), left_out


def _refused(chunk: Chunk, characters: int) -> str:
    if len(chunk.text) < SMALLEST:
        return f"passage of fewer than {SMALLEST} characters"
    if len(chunk.text) > LONGEST_SENTENCES * characters:
        return f"sentence of more than {LONGEST_SENTENCES * characters} characters"
    return "letters that cannot be read" if UNREADABLE.search(chunk.text) else ""


def chunks(document: Document, characters: int) -> Iterator[Chunk]:
    """Part a document; no sentence is cut, none is left out.

    Args:
        characters: a passage has at most so many, or is one longer sentence.
    """
    headings = {heading.start for heading in document.headings}
    under = ""
    start, first_under = 0, ""
    at = 0
    for begin, end in sentences(document.text):
        is_heading = begin in headings
        full = end - start > characters and begin > start
        if full or (is_heading and begin - start >= SPLIT_AT):
            yield _chunk(document, start, begin, first_under)
            start, first_under = begin, under
        if is_heading:
            under = document.text[begin:end].strip()
            if start == begin:
                first_under = under
        at = end
    if at > start:
        yield _chunk(document, start, at, first_under)


def _chunk(document: Document, start: int, end: int, heading: str) -> Chunk:
    text = document.text[start:end].rstrip()
    return Chunk(
        document=document.name,
        document_sha256=document.sha256,
        start=start,
        end=start + len(text),
        text=text,
        heading=heading,
        pages=_pages(document, start, start + len(text)),
    )


def _pages(document: Document, start: int, end: int) -> Sequence[tuple[int, int]]:
    if (first := document.page_at(start)) is None:
        return ()
    rest = [(place - start, page) for place, page in document.pages if start < place < end]
    return [(0, first), *rest]
