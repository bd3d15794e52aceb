"""`jmed exams`, `fetch`, `link`, `unlink`: what there is, and what this machine has of it."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.table import Table

from lm_eval_tasks.cli.common import Command, add_language
from lm_eval_tasks.cli.link import link, stub_folder, unlink
from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.exams.card import Card, clinical_names, exam_names, read_card, set_names
from lm_eval_tasks.exams.hub import hub_files, hub_rows
from lm_eval_tasks.exams.images import image_files, image_pins, missing_images
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.exams.manifest import read_manifest
from lm_eval_tasks.exams.sources import local_files, local_sittings
from lm_eval_tasks.prompting.options import Options
from lm_eval_tasks.prompting.selection import select_from
from lm_eval_tasks.tables.exams import clinical_markdown, exams_markdown
from lm_eval_tasks.tables.scores import console
from lm_eval_tasks.words import read_words

EXAMS = ", ".join(set_names())
COLUMNS = (
    *("exam", "published", "text only", "questions kept", "with images", "sittings", "here"),
    "overlaps",
)


def add_commands(command: Command) -> None:
    """Add the four."""
    exams = command("exams", "the exams: questions, licences, what is on this machine", "")
    exams.add_argument("--json", action="store_true", help="print JSON instead of a table")
    exams.add_argument(
        "--markdown", action="store_true", help="print the README's tables: cards alone, no data"
    )
    add_language(exams, "en")
    exams.set_defaults(run=_exams)

    fetch = command("fetch", "download the pinned files of exams and check them", "")
    fetch.add_argument("exam", nargs="*", help=EXAMS)
    fetch.add_argument("--all", action="store_true", help="every exam")
    fetch.add_argument("--images", action="store_true", help="their images too, for vision models")
    fetch.set_defaults(run=_fetch)

    stubs = command("link", "let plain lm_eval find the tasks", "")
    stubs.add_argument("exam", nargs="*", help=f"only these; default: all of {EXAMS}")
    stubs.set_defaults(run=_link)
    command("unlink", "take back what link wrote", "").set_defaults(run=_unlink)


@dataclass(frozen=True)
class ExamRow:
    """One exam; what is counted on its questions is None where its data is not on this machine.

    with_images: questions that a task which shows images asks with one; 0 where it has none.
    images, images_here: its image files, and those on this machine.
    """

    exam: str
    title: str
    published: int
    here: int | None
    text_only: int | None
    kept: int | None
    with_images: int | None
    images: int
    images_here: int
    sittings: str
    on_disk: str
    overlaps: str
    licence: str
    citation: str


def _exams(args: argparse.Namespace) -> None:
    if args.markdown:
        print("\n".join([*exams_markdown("en"), "", *clinical_markdown("en")]))
        return
    rows = [_row(read_card(name)) for name in (*exam_names(), *clinical_names())]
    if args.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2))
        return
    words = read_words(args.lang).exams
    table = Table(caption=words["caption"])
    for column in COLUMNS:
        table.add_column(words[column], justify="left", overflow="fold")
    table.add_column(words["licence"], overflow="fold", max_width=50)
    for row in rows:
        table.add_row(
            row.exam,
            str(row.published),
            *("-" if count is None else str(count) for count in (row.text_only, row.kept)),
            _with_images(row),
            row.sittings,
            row.on_disk,
            row.overlaps,
            row.licence,
        )
    console().print(table)


def _with_images(row: ExamRow) -> str:
    """ "99", or where image files are not here "101 (30/150)"."""
    if not row.images:
        return "-"
    count = "-" if row.with_images is None else str(row.with_images)
    here = f" ({row.images_here}/{row.images})" if row.images_here < row.images else ""
    return count + here


def _row(card: Card) -> ExamRow:
    here = local_sittings(card)
    whole = len(here) == len(card.published)
    questions = text_only = kept = with_images = None
    if here:
        exam = load_exam(card.name, () if whole else tuple(here))
        questions = len(exam.questions)
        text_only = sum(not question.has_figure for question in exam.questions)
        kept = len(select_from(exam, Options(), choices_only=False).kept)
        shown = select_from(exam, Options(figures="show"), choices_only=False).kept
        with_images = sum(bool(question.shown_images) for question in shown)
    images = len(image_pins(card))
    nowhere = "Hub" if card.hub else "no"
    return ExamRow(
        exam=card.name,
        title=card.title,
        published=sum(card.published.values()),
        here=questions,
        text_only=text_only,
        kept=kept,
        with_images=with_images,
        images=images,
        images_here=images - len(missing_images(card)),
        sittings=_span(list(card.published)),
        on_disk="yes" if whole else _span(here) or nowhere,
        overlaps=", ".join(card.overlaps),
        licence=card.licence,
        citation=card.citation,
    )


def _span(sittings: Sequence[str]) -> str:
    named = [sitting for sitting in sittings if sitting]
    return f"{named[0]}-{named[-1]}" if len(named) > 1 else "".join(named)


def _fetch(args: argparse.Namespace) -> None:
    if bool(args.exam) == args.all:
        raise JmedError(f"fetch: name exams, or --all (exams: {EXAMS})")
    without = [name for name in args.exam if args.images and not read_card(name).images]
    if without:
        known = ", ".join(name for name in set_names() if read_card(name).images)
        raise JmedError(
            f"fetch --images: {', '.join(without)}: no images; exams with some: {known}"
        )
    failed = []
    for name in set_names() if args.all else args.exam:
        card = read_card(name)
        try:
            got = _fetched(card, images=args.images)
        except JmedError as error:
            if not args.all:
                raise
            failed.append(str(error))  # the others are still fetched
            continue
        print(f"{name}: {got}, from {card.source}")
        print(f"  licence: {card.licence}\n  cite: {card.citation}")
        if card.images and not args.images:
            print(f"  its images, which vision models are shown: jmed fetch {name} --images")
    if failed:
        raise JmedError(f"{len(failed)} exams could not be fetched:\n" + "\n".join(failed))


def _fetched(card: Card, *, images: bool) -> str:
    """Fetch what is not here, and say what now is: "1 files and 110 images (26.0 MB) here …"."""
    if card.hub:
        got = len(hub_files(card) if card.hub.files else hub_rows(card))
        return f"{got} {'files' if card.hub.files else 'rows'} here and checked"
    got, known = len(local_files(card)), [pin.sha256 for pin in read_manifest(card).values()]
    if not all(known):
        return f"{got} files here, pinned by the commit alone (no sha256 of them was known)"
    if not images or not card.images:
        return f"{got} files here and checked"
    files = image_files(card, image_pins(card))
    size = sum(file.stat().st_size for file in files.values())
    return f"{got} files and {len(files)} images ({size / 1e6:.1f} MB) here and checked"


def _link(args: argparse.Namespace) -> None:
    for name in args.exam:
        check_choice(name, set_names(), "link: exam")
    folder = stub_folder()
    stubs = link(folder, args.exam)
    print(f"{len(stubs)} task stubs written to {folder}; `jmed unlink` removes them")


def _unlink(_: argparse.Namespace) -> None:
    folder = stub_folder()
    print(f"{len(unlink(folder))} task stubs removed from {folder}")
