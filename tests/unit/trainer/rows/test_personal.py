"""Personal data by pattern: what is found, and what of medicine is not taken for it."""

import pytest

from trainer.rows.personal import personal_data


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("患者氏名：架空太郎", "name"),
        ("佐藤様は本日退院した。", "name"),
        ("山田 花子さんに説明した。", "name"),
        ("田中一郎（72歳、男性）が受診した。", "name"),
        ("生年月日：1950年1月2日", "birth date"),
        ("昭和25年1月2日生まれの女性", "birth date"),
        ("S25.1.2生", "birth date"),
        ("患者ID：0012345", "record number"),
        ("カルテ番号は 12-3456", "record number"),
        ("ＩＤ番号ではなく診察券番号：１２３４５", "record number"),
        ("電話 03-1234-5678", "telephone number"),
        ("０９０－１２３４－５６７８まで", "telephone number"),
        ("03(1234)5678", "telephone number"),
        ("TEL:0312345678", "telephone number"),
        ("info@example.ac.jp", "e-mail address"),
        ("〒100-0001", "postal address"),
    ],
)
def test_found(text: str, kind: str) -> None:
    assert kind in personal_data(text)


@pytest.mark.parametrize(
    "text",
    [
        "インフルエンザ様症状と紡錘形様細胞がみられる。",
        "橋本病と川崎病、高木の分類を述べる。",
        "患者さんと家族に説明する。",
        "大殿筋と殿部の診察を行う。",
        "薬剤は2024年4月1日から保険適用となった。",
        "1日3回、0.5-1.0 mgを投与する。",
        "Na 140 mEq/L、K 4.0-5.0 mEq/L、血圧 120-80 mmHg",
        "ID番号の付け方と氏名の確認の手順を定める。",
        "2023年5月8日生検を行った症例は除く。",
        "ISBN 978-4-00-000000-0、doi:10.1000/182",
        "10-20 mL/kg/時で2-3時間、050-100は対象外",
    ],
)
def test_medicine_is_not_taken_for_a_person(text: str) -> None:
    assert personal_data(text) == []
