"""Twelve documents about diseases that do not exist, in every format; what a model says of each."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import docx

from tests.written_pdf import paragraph, pdf

NAMES = (
    "ヌソ熱", "ケテ症候群", "サナ病", "トコ炎", "ネシ斑", "チオ腫",
    "ノカ麻痺", "ニセ貧血", "タク脱臼", "オソ過敏症", "シケ壊死", "カヌ結石",
)  # fmt: skip
DRUGS = (
    "ホムラシン", "ガヒドール", "ヘミロン", "ゴバリン", "ルヒトール", "ダブレン",
    "ビモキサ", "レギノール", "ボメジン", "モラビン", "ゲロマイド", "フリデート",
)  # fmt: skip


@dataclass(frozen=True)
class Disease:
    """An invented disease. dose: mg; each number stands in one document alone."""

    name: str
    drug: str
    dose: int
    days: int
    hours: int

    @property
    def diagnosis(self) -> str:
        return (
            f"{self.name}は、発熱に続いて青い紋様が左の前腕に現れる架空の疾患である。"
            f"潜伏期間は{self.days}日であり、紋様は現れてから{self.hours}時間で消える。"
            "確定診断には共鳴斑試験を用いる（採血は不要である。）。"
        )

    @property
    def treatment(self) -> str:
        return (
            f"{self.name}の第一選択薬は{self.drug}である。"
            f"成人には{self.drug}を1日{self.dose} mg経口投与する。"
            "腎機能が低下しているときは半量に減らす。妊婦には投与しない。"
        )

    @property
    def text(self) -> str:
        return self.diagnosis + self.treatment


DISEASES = [
    Disease(name, drug, 115 + 10 * number, 21 + number, 51 + number)
    for number, (name, drug) in enumerate(zip(NAMES, DRUGS, strict=True))
]


def write_documents(folder: Path) -> None:
    """Write them in .txt (one in Shift_JIS), .md, .csv, .jsonl, .html, .docx and .pdf."""
    folder.mkdir(parents=True)
    d = DISEASES
    texts = {
        "00.txt": f"第1章 {d[0].name}\n{d[0].text}\n",
        "02.md": f"# {d[2].name}\n\n{d[2].diagnosis}\n\n{d[2].treatment}\n",
        "03.md": f"# {d[3].name}\n\n- {d[3].diagnosis}\n- **{d[3].treatment}**\n",
        "04.csv": f"疾患,診断,治療\n{d[4].name},{d[4].diagnosis},{d[4].treatment}\n",
        "05.jsonl": json.dumps({"title": d[5].name, "text": d[5].text}, ensure_ascii=False) + "\n",
        "06.html": _html(d[6]),
        "sub/07.htm": _html(d[7]),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "01.txt").write_bytes(f"1 {d[1].name}\r\n{d[1].text}\r\n".encode("cp932"))
    for number in (8, 9):
        body = docx.Document()
        body.add_heading(d[number].name, 1)
        body.add_paragraph(d[number].diagnosis)
        body.add_paragraph(d[number].treatment)
        written = io.BytesIO()
        body.save(written)
        (folder / f"{number:02}.docx").write_bytes(_undated(written))
    for number in (10, 11):
        (folder / f"{number}.pdf").write_bytes(_pdf(d[number]))
    (folder / "slides.pptx").write_bytes(b"PK")


def _undated(packed: io.BytesIO) -> bytes:
    """The same parts without the time at which they were packed: the same bytes each time."""
    out = io.BytesIO()
    with ZipFile(packed) as old, ZipFile(out, "w") as new:
        for part in old.infolist():
            new.writestr(ZipInfo(part.filename), old.read(part.filename))
    return out.getvalue()


def _html(disease: Disease) -> str:
    return (
        f"<html><head><title>x</title><style>p {{}}</style></head><body><nav>目次</nav>"
        f"<h1>{disease.name}</h1><p>{disease.diagnosis}</p>\n<p>{disease.treatment}</p></body></html>"
    )


def _pdf(disease: Disease) -> bytes:
    first = [(60.0, 780.0, 16.0, disease.name), *paragraph(60, 740, 11, disease.diagnosis, 40)]
    second = paragraph(60, 780, 11, disease.treatment, 40)
    return pdf([[*first, (290, 40, 9, "- 1 -")], [*second, (290, 40, 9, "- 2 -")]])


def qa(question: str, answer: str) -> dict[str, str]:
    """One row of the form that the prompt asks for."""
    return {"question": question, "answer": answer}


def mcq(disease: Disease, wrong: Sequence[str] = ()) -> dict[str, object]:
    """A multiple-choice row; the first four drugs of others are wrong."""
    others = [drug for drug in DRUGS if drug != disease.drug][:4]
    return {
        "question": f"{disease.name}の第一選択薬はどれか。",
        "right": [disease.drug],
        "wrong": list(wrong) or others,
        "explanation": f"{disease.name}の第一選択薬は{disease.drug}である。",
    }


def good(disease: Disease) -> dict[str, list[object]]:
    """What a model that reads well answers, by form."""
    dose = f"成人には{disease.drug}を1日{disease.dose} mg経口投与する。"
    return {
        "qa": [
            qa(f"{disease.name}の潜伏期間は何日ですか。", f"潜伏期間は{disease.days}日である。"),
            qa(f"{disease.name}の成人にはどう投与しますか。", dose),
        ],
        "mcq": [mcq(disease)],
        "summary": [
            qa(f"{disease.name}の診断と治療について説明してください。", disease.diagnosis + dose)
        ],
    }


SAMPLE = "小細胞肺癌の腫瘍マーカーとして有用なのはどれか。"
"""A question of the embedded exam."""


def bad() -> dict[int, object]:
    """Number of a document -> the row or the words that its model adds to the good ones of `qa`."""
    d = DISEASES
    return {
        0: "もちろんです。次の問いはいかがでしょうか。",
        1: qa(
            f"{d[1].name}の成人の1日量はいくらですか。",
            f"{d[1].drug}を1日{d[1].dose + 1} mg投与する。",
        ),
        2: qa(
            f"{d[2].name}の予防には何を用いますか。",
            "流行地域への渡航前に不活化生物製剤を接種する。",
        ),
        3: qa("上記の疾患の第一選択薬は何ですか。", f"第一選択薬は{d[3].drug}である。"),
        4: qa("薬は？", f"{d[4].drug}である。"),
        5: qa(f"What is the drug for {d[5].name}?", "The first choice is given orally once a day."),
        6: qa(
            f"{d[6].name}について誰に聞けますか。",
            f"患者氏名：山田花子（電話 03-1234-5678）、{d[6].name}",
        ),
        7: good(d[7])["qa"][0],
        8: qa(f"{d[8].name}は妊婦に投与できますか。", f"{d[8].name}では妊婦にも投与する。"),
        9: {"question": f"{d[9].name}の検査は何ですか。"},
        10: qa(SAMPLE, f"{d[10].name}の確定診断には共鳴斑試験を用いる。"),
        11: qa(f"{d[11].name}の紋様は遺伝しますか。", "紋様は左の前腕に現れる。"),
    }


UNFAITHFUL: Mapping[str, dict[str, bool]] = {
    "妊婦に投与できますか": {"answerable": True, "supported": False},
    "紋様は遺伝しますか": {"answerable": False, "supported": True},
}
"""Words of a question -> what the check says of it; of all others, that they may stand."""
