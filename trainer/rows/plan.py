"""What a run will ask, said before it asks; documents that hold exam questions end it there."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_tasks.errors import JmedError
from trainer.data.overlap import Index
from trainer.rows.card import counts
from trainer.rows.chunks import Chunk, LeftOut, chunk_all
from trainer.rows.documents import find_documents, read_documents, written
from trainer.rows.generate import ATTEMPTS, Unit, units
from trainer.rows.prompts import Prompts
from trainer.rows.reading.document import Document


@dataclass(frozen=True)
class Plan:
    """The documents, their passages, and what will be asked of them.

    not_read: files of other kinds.
    """

    documents: Sequence[Document]
    not_read: Sequence[str]
    chunks: Sequence[Chunk]
    left_out: Sequence[LeftOut]
    work: Sequence[Unit]


def read_plan(args: argparse.Namespace, forms: Sequence[str]) -> Plan:
    """Read the documents that the command line names.

    Raises:
        JmedError: one of them cannot be read.
    """
    files, others = find_documents(args.documents)
    documents = list(read_documents(args.documents, files))
    chunks, left_out = chunk_all(
        documents, args.chunk_characters, allow_personal_data=args.allow_personal_data
    )
    chunks = chunks[: args.limit]
    work = list(units(chunks, forms, args.exam_fraction, args.seed))
    return Plan(documents, [written(Path(path.name)) for path in others], chunks, left_out, work)


def say_plan(plan: Plan, prompts: Prompts) -> None:
    """Print what was read, what is left out, and how much will be asked.

    Raises:
        JmedError: nothing will.
    """
    letters = sum(len(document.text) for document in plan.documents)
    print(
        f"{len(plan.documents):,} documents, {letters:,} characters, {len(plan.chunks):,} passages"
    )
    for document in plan.documents:
        for what, count in document.notes:
            print(f"  {document.name}: {what}: {count:,}")
    if plan.not_read:
        first = ", ".join(plan.not_read[:3])
        print(f"  not read, being of other kinds: {len(plan.not_read):,} ({first} …)")
    for why, count in Counter(one.why for one in plan.left_out).most_common():
        first = next(one.where for one in plan.left_out if one.why == why)
        print(f"  left out: {why}: {count:,} (the first: {first})")
    if not plan.chunks:
        why = counts(Counter(one.why for one in plan.left_out))
        raise JmedError(f"no passage to ask about (left out: {why})")
    asked = [prompts.by_name[unit.form] for unit in plan.work]
    characters = sum(len(unit.chunk.text) for unit in plan.work)
    characters += sum(len(prompt.system) + len(prompt.user) for prompt in asked)
    print(
        f"{len(asked):,} questions to write rows (again where the answer is none, at most "
        f"{ATTEMPTS} times): {characters:,} characters of prompt, at most "
        f"{sum(prompt.max_tokens for prompt in asked):,} tokens of answer; at most "
        f"{sum(prompt.count for prompt in asked):,} questions to check rows"
    )


def check_documents(chunks: Sequence[Chunk], index: Index, may_overlap: Sequence[str]) -> None:
    """Stop before anything is asked, as training would.

    Raises:
        JmedError: the documents hold questions of an exam.
    """
    held = [
        overlap
        for chunk in chunks
        for overlap in index.find(chunk.where, chunk.text)
        if overlap.exam not in may_overlap
    ]
    if held:
        exams = sorted({one.exam for one in held})
        first = ", ".join(f"{one.where} ({one.exam} {one.question})" for one in held[:5])
        raise JmedError(
            f"the documents hold {len({(o.exam, o.question) for o in held}):,} questions of exams "
            f"on this machine ({', '.join(exams)}): {first}. Rows of them would train on a test. "
            f"Take them out, or declare it: --may-overlap {' --may-overlap '.join(exams)}"
        )
