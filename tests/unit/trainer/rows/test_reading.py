"""Files of every kind -> the same text; what is no text is refused by its name."""

import io
import os
from pathlib import Path

import pytest

from lm_eval_tasks.errors import JmedError
from tests.written_pdf import Line, paragraph, pdf
from trainer.rows.documents import find_documents, read_document, read_documents
from trainer.rows.reading import extra

TEXT = "架空熱の潜伏期間は7日である。発熱は３７．５℃以上で、青い発疹が出る（痒みはない。）。"


def write(folder: Path, name: str, content: bytes | str) -> Path:
    file = folder / name
    raw = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(raw)
    return file


def text_of(file: Path) -> str:
    return read_document(file, file.name).text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_in_utf8_and_shift_jis(tmp_path: Path, encoding: str, end: str) -> None:
    file = write(tmp_path, "a.txt", f"{TEXT}{end}{TEXT}".encode(encoding))
    assert text_of(file) == f"{TEXT}\n{TEXT}"


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("euc_jp", "EUC-JP"), ("iso2022_jp", "ISO-2022-JP"), ("utf-16", "UTF-16")],
)
def test_other_encodings_are_refused_by_their_names(
    tmp_path: Path, encoding: str, name: str
) -> None:
    file = write(tmp_path, "a.txt", TEXT.encode(encoding))
    with pytest.raises(JmedError, match=f"found {name}; allowed: UTF-8, or Shift_JIS"):
        text_of(file)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x81\x82", b"%PDF-1.4\0\x81\xff", b"\x81" * 99])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(JmedError, match="allowed: UTF-8, or Shift_JIS"):
        text_of(write(tmp_path, "a.txt", content))


def test_lines_broken_at_full_width_are_joined(tmp_path: Path) -> None:
    broken = "架空熱は発熱と青い発疹を特徴とする疾患で、潜伏期\n間は7日である。\n・一つ目\n・二つ目"
    assert text_of(write(tmp_path, "a.txt", broken)) == (
        "架空熱は発熱と青い発疹を特徴とする疾患で、潜伏期間は7日である。\n・一つ目\n・二つ目"
    )


def test_markdown(tmp_path: Path) -> None:
    content = "# 診断 #\n\n一行目は\n続く。\n\n- **太字**の項目\n- 次\n\n```\n# 題ではない\n```\n"
    document = read_document(write(tmp_path, "a.md", content), "a.md")
    assert document.text == "診断\n一行目は続く。\n- 太字の項目\n- 次\n# 題ではない"
    assert [document.text[h.start : h.end] for h in document.headings] == ["診断"]


def test_a_table_has_its_columns_with_each_cell(tmp_path: Path) -> None:
    for name, mark in (("a.csv", ","), ("a.tsv", "\t")):
        file = write(tmp_path, name, f"薬{mark}用量\n甲{mark}5 mg\n\n乙{mark}\n")
        assert text_of(file) == "薬：甲、用量：5 mg。\n薬：乙。"
    with pytest.raises(JmedError, match=":2: found 3 cells; allowed: 2"):
        text_of(write(tmp_path, "b.csv", "薬,用量\n甲,5,6\n"))


def test_jsonl(tmp_path: Path) -> None:
    file = write(tmp_path, "a.jsonl", '{"title": "題", "text": "一。\\n二。", "id": 3}\n')
    document = read_document(file, "a.jsonl")
    assert document.text == "題\n一。\n二。"
    assert document.notes == (("field 'id' not read", 1),)
    with pytest.raises(
        JmedError, match=r"a\.jsonl:1: found .*allowed: an object with the text under"
    ):
        text_of(write(tmp_path, "a.jsonl", '{"body": "一。"}\n'))


def test_html_as_a_reader_sees_it(tmp_path: Path) -> None:
    page = (
        "<html><head><title>x</title><meta charset=utf-8><script>var a='p';</script>"
        "<body><nav>目次</nav><h2>診断<br></h2><p>一行目は\n  続く&amp;。<p>次。<table><tr><td>甲"
        "<td>5 mg</table><script>bad()</script><style>p{}</style></body></html>"
    )
    document = read_document(write(tmp_path, "a.html", page), "a.html")
    assert document.text == "診断\n一行目は続く&。\n次。\n甲 5 mg"
    assert [document.text[h.start : h.end] for h in document.headings] == ["診断"]


def test_a_pdf_has_pages_headings_and_paragraphs(tmp_path: Path) -> None:
    pytest.importorskip("pdfminer", reason="[rows] is not installed")
    long = "架空熱は発熱と青い発疹を特徴とする疾患であり、潜伏期間は7日である。" * 3
    first: list[Line] = [(60, 780, 16, "架空熱の診断"), *paragraph(60, 740, 11, long, 30)]
    half = "この文は次の頁へ続き、そこで終わるように書かれた長い長い文で、最後"
    first += [*paragraph(60, 600, 11, half, 30)[:1], (290, 40, 9, "1 / 2")]
    second: list[Line] = [
        *paragraph(60, 780, 11, half[30:] + "に句点がある。", 30),
        (290, 40, 9, "2 / 2"),
    ]
    document = read_document(write(tmp_path, "a.pdf", pdf([first, second])), "a.pdf")
    assert document.text == f"架空熱の診断\n{long}\n{half}に句点がある。"
    assert [document.text[h.start : h.end] for h in document.headings] == ["架空熱の診断"]
    assert document.page_at(document.text.index("この文")) == 1
    assert document.page_at(len(document.text) - 2) == 2
    assert dict(document.notes) == {"running heads and page numbers taken out": 2}


@pytest.mark.parametrize("pitch", [1.2, 1.6, 2.0])
def test_two_columns_are_read_one_after_the_other(tmp_path: Path, pitch: float) -> None:
    pytest.importorskip("pdfminer", reason="[rows] is not installed")
    texts = (
        "左の段の文はここで続き、そして終わる。" * 12,
        "右の段の文は別の話であり、混ざらない。" * 12,
    )
    lines = [
        line
        for x, text in zip((50, 320), texts, strict=True)
        for line in paragraph(x, 780, 11, text, 20, pitch=pitch)
    ]
    assert text_of(write(tmp_path, "a.pdf", pdf([lines]))) == "\n".join(texts)


def test_pdfs_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    pytest.importorskip("pdfminer", reason="[rows] is not installed")
    whole = pdf([[(60, 780, 11, TEXT)]])
    upright = [(500.0, 780.0, 12.0, "縦書きの文は上から下へ読むものである。")]
    cases = {
        "protected by a password": Path(__file__).with_name("password.pdf").read_bytes(),
        "so a scan": pdf([[], []]),
        "vertical text": pdf([upright], encoding="UniJIS-UTF16-V"),
        "a broken one": whole[: len(whole) // 2],
        "not a PDF": b"nothing of the kind",
    }
    for why, raw in cases.items():
        with pytest.raises(JmedError, match=why) as refused:
            text_of(write(tmp_path, "a.pdf", raw))
        assert str(tmp_path / "a.pdf") in str(refused.value)
        assert "\n" not in str(refused.value)


def test_docx_in_its_order(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx", reason="[rows] is not installed")
    body = docx.Document()
    body.add_heading("診断", 2)
    body.add_paragraph("一。")
    table = body.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "甲", "5 mg"
    body.add_paragraph("二。")
    out = io.BytesIO()
    body.save(out)
    document = read_document(write(tmp_path, "a.docx", out.getvalue()), "a.docx")
    assert document.text == "診断\n一。\n甲 5 mg\n二。"
    assert [document.text[h.start : h.end] for h in document.headings] == ["診断"]
    for raw, why in (
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "password"),
        (b"PK\3\4x", "a broken one"),
    ):
        with pytest.raises(JmedError, match=why):
            text_of(write(tmp_path, "b.docx", raw))


def test_without_the_extra_the_command_that_brings_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(name: str) -> None:
        raise ModuleNotFoundError(name=name.partition(".")[0])

    monkeypatch.setattr(extra, "import_module", lacking)
    for name, package in (("a.pdf", "pdfminer"), ("a.docx", "docx")):
        with pytest.raises(JmedError, match=rf"needs {package}: pip install -e '\.\[rows\]'"):
            text_of(write(tmp_path, name, b"%PDF"))


def test_a_folder_is_read_in_order_and_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.txt", "1.md", "~$3.docx", ".hidden.txt", "slides.pptx"):
        write(tmp_path, name, "文。")
    files, others = find_documents(tmp_path)
    assert [document.name for document in read_documents(tmp_path, files)] == ["1.md", "b/2.txt"]
    assert [path.name for path in others] == ["slides.pptx"]


def test_a_name_of_any_bytes_can_be_written(tmp_path: Path) -> None:
    write(tmp_path, os.fsdecode(b"\xff.txt"), "文。")
    files, _ = find_documents(tmp_path)
    (document,) = read_documents(tmp_path, files)
    assert document.name == "\\xff.txt"
    (alone,) = read_documents(files[0], files)
    assert alone.name == "\\xff.txt"


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match="found no file; allowed: documents"):
        find_documents(tmp_path)
    write(tmp_path, "old.doc", "x")
    with pytest.raises(JmedError, match=r"found only old\.doc and the like"):
        find_documents(tmp_path)
    with pytest.raises(JmedError, match="no such file or folder"):
        find_documents(tmp_path / "nowhere")
    for content, why in (("", "is empty"), ("\n \n", "no text in it")):
        with pytest.raises(JmedError, match=why):
            text_of(write(tmp_path, "a.txt", content))
