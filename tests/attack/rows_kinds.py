"""The kinds of files that `python -m trainer rows` reads: documents, and what it left itself."""

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from lm_eval_tasks.errors import JmedError
from tests.attack.kinds import Files, Kind
from tests.written_pdf import paragraph, pdf
from trainer.rows.card import RowsCard, write_card
from trainer.rows.chunks import Chunk, chunk_all
from trainer.rows.documents import find_documents, read_document
from trainer.rows.drafts import Draft
from trainer.rows.folder import review, write_generated
from trainer.rows.journal import Journal
from trainer.rows.row import candidate
from trainer.rows.server import Answer

TEXT = "架空熱の潜伏期間は7日である。第一選択薬は（成人では）ホムラシンで、1日500 mgを投与する。"


@cache
def documents() -> Files:
    import io  # noqa: PLC0415

    import docx  # noqa: PLC0415

    body, packed = docx.Document(), io.BytesIO()
    body.add_heading("診断", 1)
    body.add_paragraph(TEXT)
    body.add_table(2, 2).cell(0, 0).text = TEXT
    body.save(packed)
    lines = [(60.0, 780.0, 16.0, "診断"), *paragraph(60, 740, 11, TEXT * 3, 30)]
    return {
        "a.txt": f"1 診断\n{TEXT}\n".encode("cp932"),
        "b.md": f"# 診断\n\n{TEXT}\n- **項目**\n".encode(),
        "c.csv": f"薬,用量\n甲,{TEXT}\n".encode(),
        "d.jsonl": f'{{"title": "診断", "text": "{TEXT}"}}\n'.encode(),
        "e.html": f"<h1>診断</h1><p>{TEXT}<table><tr><td>甲</table>".encode(),
        "f.docx": packed.getvalue(),
        "g.pdf": pdf([lines, lines]),
    }


def _documents(folder: Path, _: random.Random) -> None:
    for file in find_documents(folder)[0]:
        try:
            document = read_document(file, "name")
        except JmedError:
            continue
        chunk_all([document], 100, allow_personal_data=False)
        msgspec.json.encode(document.text)


@cache
def rows_folder() -> Files:
    """What a run over one passage leaves."""
    chunk = Chunk("a.txt", "0" * 64, 0, len(TEXT), TEXT)
    drafts = [Draft("qa", f"架空熱の薬は何ですか{n}。", "ホムラシンである。") for n in range(3)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        card = RowsCard(
            jmed="0", documents=[], not_read=[], chunk_characters=100, passages=1,
            passages_held_out=0, passages_left_out={}, model="m", server="s", extra={},
            prompts={}, seed=1, forms=["qa"], exam_fraction=0.0, allow_personal_data=False,
            may_overlap=[], exams_compared=[], dropped={}, passages_with_nothing_to_ask=0,
        )  # fmt: skip
        write_generated(folder, [candidate(chunk, d, held_out=False) for d in drafts], [], card)
        write_card(folder, card)
        with Journal(folder / "answers.jsonl") as journal:
            for number in range(3):
                journal.put(f"{number:032}", Answer("答え"))
        return {
            path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.stat().st_size
        }


def _rows_folder(folder: Path, _: random.Random) -> None:
    for read in (
        lambda: review([folder / "review.xlsx"], folder),
        lambda: Journal(folder / "answers.jsonl").__exit__(None, None, None),
    ):
        try:
            read()
        except JmedError:
            continue


KINDS = (
    Kind("documents: txt, md, csv, jsonl, html, docx, pdf", documents,
         ("txt", "md", "csv", "jsonl", "html", "docx", "pdf"), _documents, 2000),
    Kind("rows: answers, candidates, card, review sheet", rows_folder,
         ("jsonl", "json", "xlsx"), _rows_folder, 1000),
)  # fmt: skip
