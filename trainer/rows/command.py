"""python -m trainer rows: the order of things."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from lm_eval_tasks import __version__
from lm_eval_tasks.errors import JmedError, check_choice
from lm_eval_tasks.exams.card import set_names
from lm_eval_tasks.files.json_file import JsonError, parse_json
from trainer.data.overlap import Index
from trainer.data.overlap_guard import questions_here
from trainer.rows.address import check_address
from trainer.rows.card import CARD, RowsCard, counts, record_of, reviewed
from trainer.rows.folder import ANSWERS, EXAM, ROWS, check_folder, review, write_generated
from trainer.rows.generate import Found, Unit, Writer, generate, without_exams, without_repeats
from trainer.rows.journal import Journal
from trainer.rows.options import FORMS
from trainer.rows.plan import Plan, check_documents, read_plan, say_plan
from trainer.rows.prompts import Prompts, read_prompts
from trainer.rows.server import Server, key_from
from trainer.rows.transformers_serve import served


def run(args: argparse.Namespace) -> None:
    """Do what the command line says.

    Raises:
        JmedError: bad input, a server that fails, or no row is kept; answers so far are kept.
    """
    if args.reviewed:
        _take_back(args)
        return
    if lacking := [n for n in ("documents", "output", "model") if not getattr(args, n)]:
        raise JmedError(
            f"rows: {', '.join(lacking)} not given; allowed: DOCUMENTS -o FOLDER --model NAME, or "
            "--reviewed SHEET"
        )
    check_folder(args.output, args.documents)
    for name in args.may_overlap:
        check_choice(name, set_names(), "--may-overlap")
    if args.base_url:
        check_address(args.base_url, allow_remote=args.allow_remote)
    prompts = _prompts(args)
    plan = read_plan(args, _forms(args))
    say_plan(plan, prompts)
    questions, compared, _ = questions_here()
    index = Index(questions)
    check_documents(plan.chunks, index, args.may_overlap)
    if args.dry_run:
        return
    found = _ask(args, prompts, plan.work)
    found = without_exams(without_repeats(found), index, args.may_overlap)
    _finish(args.output, found, _card(args, prompts, plan, found, compared))


def _take_back(args: argparse.Namespace) -> None:
    folder = args.output or args.reviewed[0].parent
    card, _ = review(args.reviewed, folder)
    print(f"{folder / ROWS}: {card.rows:,} rows; {reviewed(card)}")
    if card.exam_questions:
        print(f"{folder / EXAM}: {card.exam_questions:,} questions")


def _forms(args: argparse.Namespace) -> list[str]:
    forms = [check_choice(name.strip(), FORMS, "--forms") for name in args.forms.split(",")]
    return sorted(set(forms), key=FORMS.index)


def _prompts(args: argparse.Namespace) -> Prompts:
    try:
        template = parse_json(args.chat_template_kwargs)
    except JsonError as error:
        raise JmedError(f"--chat-template-kwargs: {error}") from None
    if not isinstance(template, dict):
        raise JmedError(f"--chat-template-kwargs: found {template!r}; allowed: a JSON object")
    extra = {"chat_template_kwargs": template} if template else {}
    forms = sorted({*_forms(args), *(["mcq"] if args.exam_fraction else [])}, key=FORMS.index)
    return read_prompts(forms, args.model, args.seed, extra, args.prompts)


def _ask(args: argparse.Namespace, prompts: Prompts, work: Sequence[Unit]) -> Found:
    with ExitStack() as open_:
        journal = open_.enter_context(Journal(args.output / ANSWERS))
        if len(journal):
            print(f"{args.output / ANSWERS}: {len(journal):,} answers are kept", file=sys.stderr)
        url = args.base_url or open_.enter_context(
            served(args.model, trust_remote_code=args.trust_remote_code)
        )
        server = Server(url, key_from(args.api_key_env), args.timeout, args.retries)
        if args.base_url:
            names = server.models()
            # transformers serve lists the Hub's cache alone, whatever folder it serves
            if args.model not in names and not Path(args.model).is_dir():
                raise JmedError(
                    f"--model: {args.base_url} has no {args.model!r}; allowed: {', '.join(names)}"
                )
        writer = Writer(prompts, server, journal, args.allow_personal_data)
        return generate(writer, work, args.concurrency)


def _card(
    args: argparse.Namespace, prompts: Prompts, plan: Plan, found: Found, compared: Sequence[str]
) -> RowsCard:
    held_out = {unit.chunk.sha256 for unit in plan.work if unit.held_out}
    return RowsCard(
        jmed=__version__,
        documents=[record_of(document) for document in plan.documents],
        not_read=list(plan.not_read),
        chunk_characters=args.chunk_characters,
        passages=len(plan.chunks),
        passages_held_out=len(held_out),
        passages_left_out=dict(Counter(one.why for one in plan.left_out)),
        model=args.model,
        # a port that was free for once says nothing, and would differ each time
        server=args.base_url or "transformers serve",
        extra=dict(prompts.extra),
        prompts=dict(prompts.sha256),
        seed=args.seed,
        forms=_forms(args),
        exam_fraction=args.exam_fraction,
        allow_personal_data=args.allow_personal_data,
        may_overlap=args.may_overlap,
        exams_compared=list(compared),
        dropped=dict(Counter(one.why for one in found.dropped)),
        passages_with_nothing_to_ask=found.empty,
    )


def _finish(folder: Path, found: Found, card: RowsCard) -> None:
    card = write_generated(folder, found.kept, found.dropped, card)
    for why, count in Counter(one.why for one in found.dropped).most_common():
        print(f"  dropped: {why}: {count:,}")
    if not card.rows:
        first = next((one.shown for one in found.dropped if one.shown), "")
        raise JmedError(
            f"{folder}: no row was kept ({counts(card.dropped)}); the model's words, for example: "
            f"{json.dumps(first[:80], ensure_ascii=False)}. {CARD} has the counts"
        )
    print(f"{folder / ROWS}: {card.rows:,} rows ({counts(card.by_form)}), read by nobody yet")
    if card.exam_questions:
        print(f"{folder / EXAM}: {card.exam_questions:,} questions of held-out passages")
    print(
        f"Let people who know the subject read {folder / 'review.xlsx'}, then "
        f"python -m trainer rows --reviewed {folder / 'review.xlsx'}"
    )
