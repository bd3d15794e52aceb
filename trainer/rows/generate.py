"""Passages -> rows and what was dropped: the model is asked, its answers are checked."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

from lm_eval_tasks.errors import JmedError
from trainer.data.overlap import Index
from trainer.rows.checks import refusal
from trainer.rows.chunks import Chunk
from trainer.rows.drafts import Draft, NoDraft, drafts, is_faithful
from trainer.rows.journal import Journal
from trainer.rows.near_duplicates import Seen, Texts
from trainer.rows.personal import personal_data
from trainer.rows.prompts import CHECK, Prompts, Request
from trainer.rows.row import Candidate, Dropped, candidate
from trainer.rows.server import Answer, Server
from trainer.rows.workers import worked

ATTEMPTS = 2
"""Times a passage is asked about where the answer is no list of rows."""


LOGGED = 60.0
"""Seconds between two lines of progress where no terminal shows them."""


@dataclass(frozen=True)
class Unit:
    """One passage, asked in one form."""

    chunk: Chunk
    form: str
    held_out: bool


@dataclass
class Found:
    """What came of a unit, or of all of them in their order."""

    kept: list[Candidate] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    empty: int = 0
    """Units in whose passage the model found nothing to ask."""


@dataclass
class Writer:
    """What asks and checks. asked: questions that the server answered in this process."""

    prompts: Prompts
    server: Server
    journal: Journal
    allow_personal_data: bool = False
    asked: int = 0

    def unit(self, unit: Unit) -> Found:
        """Ask about one passage and check each row, by its words first and then by the model.

        Raises:
            JmedError: the server does not answer or refuses, naming the passage.
        """
        try:
            return self._unit(unit)
        except JmedError as error:
            raise JmedError(f"{error} (asked about {unit.chunk.where})") from None

    def _unit(self, unit: Unit) -> Found:
        found = Found()
        read = self._drafts(unit)
        found.empty = int(not read)
        for draft in read:
            why, shown = self._refusal(unit.chunk, draft)
            if not self.allow_personal_data and personal_data(shown):
                shown = ""  # what is left out for a person's sake is not written down elsewhere
            if why or isinstance(draft, NoDraft):
                found.dropped.append(_dropped(unit, why, shown))
            else:
                found.kept.append(candidate(unit.chunk, draft, held_out=unit.held_out))
        return found

    def _drafts(self, unit: Unit) -> list[Draft | NoDraft]:
        count = self.prompts.by_name[unit.form].count
        read: list[Draft | NoDraft] = []
        for attempt in range(ATTEMPTS):
            request = self.prompts.request(
                unit.form, unit.chunk.sha256, attempt,
                passage=unit.chunk.text, heading=unit.chunk.heading,
            )  # fmt: skip
            read = list(drafts(unit.form, self._ask(request), count))
            if not (len(read) == 1 and isinstance(read[0], NoDraft)):
                break
        return read

    def _refusal(self, chunk: Chunk, draft: Draft | NoDraft) -> tuple[str, str]:
        if isinstance(draft, NoDraft):
            return draft.why, draft.shown
        shown = f"{draft.question} → {draft.stated}"
        why = refusal(draft, chunk.text, allow_personal_data=self.allow_personal_data)
        if why:
            return why, shown
        request = self.prompts.request(
            CHECK, chunk.sha256, 0,
            passage=chunk.text, heading=chunk.heading,
            question=draft.question, answer=draft.stated,
        )  # fmt: skip
        return is_faithful(self._ask(request)), shown

    def _ask(self, request: Request) -> Answer:
        answer = self.journal.get(request.key)
        if answer is None:
            answer = self.server.ask(request)
            self.journal.put(request.key, answer)
            self.asked += 1
        return answer


def units(
    chunks: Sequence[Chunk], forms: Sequence[str], exam_fraction: float, seed: int
) -> Iterator[Unit]:
    """What is asked. Of a held-out passage multiple-choice questions alone: none is trained on.

    A passage that is nearly the same as one before it, as in two editions of a guideline, goes
    where that one went.

    Args:
        exam_fraction: of the passages, drawn by their own text.
    """
    texts, held_out = Texts(), list[bool]()
    for chunk in chunks:
        twin = texts.twin(chunk.text) if exam_fraction else None
        drawn = hashlib.sha256(f"{seed} held out {chunk.sha256}".encode()).digest()
        by_lot = int.from_bytes(drawn[:8]) < exam_fraction * 2**64
        held_out.append(by_lot if twin is None else held_out[twin])
        for form in ["mcq"] if held_out[-1] else forms:
            yield Unit(chunk, form, held_out[-1])


def generate(writer: Writer, work: Sequence[Unit], concurrency: int) -> Found:
    """Do all units, so many at a time; in their order whatever order they are finished in.

    Raises:
        JmedError: the server does not answer or refuses; what was answered is in the journal.
    """
    by_place: dict[int, Found] = {}
    kept = 0
    # in the log of a job a line now and then
    every = 0.1 if sys.stderr.isatty() else LOGGED
    bar = tqdm(total=len(work), desc="rows", unit="passage", mininterval=every, maxinterval=every)
    with bar:
        for place, found in worked(work, writer.unit, concurrency, writer.server.stopping):
            by_place[place] = found
            kept += len(found.kept)
            seconds = bar.format_dict["elapsed"] or 1e-9
            bar.set_postfix_str(f"{kept} rows, {kept / seconds:.2f} rows/s", refresh=False)
            bar.update()
    whole = Found()
    for place in range(len(work)):
        whole.kept += by_place[place].kept
        whole.dropped += by_place[place].dropped
        whole.empty += by_place[place].empty
    return whole


def without_repeats(found: Found) -> Found:
    """Leave out rows that nearly repeat one before them; those held out come first.

    A question of the exam and its twin among the training rows would be a test that was trained on.
    """
    seen = Seen()
    kept: list[Candidate] = []
    dropped = list(found.dropped)
    for one in sorted(found.kept, key=lambda one: one.exam is None):  # stable
        if seen.is_new(one.row.instruction.partition("\n")[0], one.row.output):
            kept.append(one)
        else:
            dropped.append(_dropped_row(one, "nearly the same as another row"))
    order = {id(one): place for place, one in enumerate(found.kept)}
    return Found(sorted(kept, key=lambda one: order[id(one)]), dropped, found.empty)


def without_exams(found: Found, index: Index, may_overlap: Sequence[str]) -> Found:
    """Leave out rows that hold a question of an exam on this machine: the model may know it."""
    kept, dropped = [], list(found.dropped)
    for one in found.kept:
        text = "\n".join([one.row.instruction, one.row.output])
        held = {o.exam for o in index.find("", text)} - {*may_overlap}
        if held:
            dropped.append(_dropped_row(one, f"holds a question of {min(held)}"))
        else:
            kept.append(one)
    return Found(kept, dropped, found.empty)


def _dropped(unit: Unit, why: str, shown: str) -> Dropped:
    return Dropped(why=why, where=unit.chunk.where, form=unit.form, shown=shown)


def _dropped_row(one: Candidate, why: str) -> Dropped:
    source = one.row.source
    page = f" p. {source.page}" if source.page else f" [{source.start}:{source.end}]"
    shown = f"{one.row.instruction} → {one.row.output}"
    return Dropped(why=why, where=f"{source.document}{page}", form=source.form, shown=shown)
