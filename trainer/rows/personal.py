"""Personal data by pattern: what looks like a patient's name, birth date, number or telephone.

A pattern sees what is written the usual way and nothing else. What it lets pass may still be
about a person: who trains on rows of patient records needs more than this.
"""

import re
import unicodedata

SURNAMES = (
    "佐藤|鈴木|高橋|田中|伊藤|渡辺|渡邊|渡邉|山本|中村|小林|加藤|吉田|山田|佐々木|山口|松本|井上|"
    "木村|斎藤|斉藤|齋藤|林|清水|山崎|池田|阿部|橋本|山下|森|石川|前田|小川|藤田|岡田|後藤|長谷川|"
    "石井|村上|近藤|坂本|遠藤|青木|藤井|西村|福田|太田|三浦|藤原|岡本|松田|中島|中川|中野|原田|小野|"
    "田村|竹内|金子|和田|中山|石田|上田|森田|柴田|酒井|工藤|横山|宮崎|宮本|内田|高木|安藤|谷口|大野|"
    "丸山|今井|河野|藤本|村田|武田|上野|杉山|増田|平野|大塚|千葉|久保|松井|岩崎|桜井|木下|野口|松尾|"
    "菊地|菊池|野村|新井"
)
"""The commonest: about a third of the people in Japan."""
PATTERNS = {
    "name": re.compile(
        rf"(?:氏\s*名|患者名|お名前|フリガナ|ふりがな)\s*[:=|、]?\s*(?!欄|等|及|や|と|の|を|は|が)"
        r"[一-龥々ァ-ヶーぁ-んA-Za-z]{2,}"
        rf"|(?:{SURNAMES})[ ]?[一-龥々ぁ-んァ-ヶー]{{0,3}}[ ]?"
        r"(?:様|さん|さま|氏|殿|君|ちゃん)(?![式型部体])"
        rf"|(?:{SURNAMES})[ ]?[一-龥々]{{1,3}}[ ]?[(、,]\s*(?:\d{{1,3}}(?:歳|才|代)|[男女])"
    ),
    "birth date": re.compile(
        r"生年月日\s*[:=|、]?\s*[0-9一-龥A-Z]"
        r"|(?:(?:明治|大正|昭和|平成|令和|[MTSHR])\s?(?:\d{1,2}|元)|(?:18|19|20)\d\d)"
        r"[年./-]\s?\d{1,2}[月./-]\s?\d{1,2}日?\s?(?:生(?!産|検|食|存|物|体|理|化|活)|誕生|出生)"
    ),
    "record number": re.compile(
        r"(?:患者\s?(?:ID|番号|No\.?)|カルテ\s?(?:ID|番号|No\.?)|診察券\s?(?:番号|No\.?)|病歴番号|"
        r"登録番号|被保険者(?:証)?(?:の)?(?:記号)?番号|個人番号|マイナンバー|症例\s?ID|MRN)"
        r"\s*[:=#|は、.]?\s*[A-Z]{0,3}[- ]?\d[\d-]{2,}",
        re.IGNORECASE,
    ),
    "telephone number": re.compile(
        r"(?<![\d.])(?:\+81[- ]?\d{1,4}|0\d{1,4})(?:[- ]|\s?[()]\s?)"
        r"\d{1,4}(?:[- ]|\s?\)\s?)\d{3,4}(?![\d.])"
        r"|(?<![\d.])0[5-9]0\d{8}(?!\d)"
        r"|(?:TEL|電話|携帯|FAX)(?:番号)?\s*[:.]?\s*\(?0\d{8,10}(?!\d)",
        re.IGNORECASE,
    ),
    "e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII),
    "postal address": re.compile(r"〒\s?\d{3}-?\d{4}"),
}
DASHES = re.compile("[‐-―−ー－](?=\\d)|(?<=\\d)[‐-―−ー－]")


def personal_data(text: str) -> list[str]:
    """The kinds of personal data that stand in a text, by the names of PATTERNS."""
    plain = DASHES.sub("-", unicodedata.normalize("NFKC", text))
    return [kind for kind, pattern in PATTERNS.items() if pattern.search(plain)]
