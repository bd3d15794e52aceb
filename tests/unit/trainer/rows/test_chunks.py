"""Sentences and passages: nothing is lost, nothing is cut, and everything is found again."""

from hypothesis import given
from hypothesis import strategies as st

from trainer.rows.chunks import chunk_all, chunks
from trainer.rows.reading.document import Document, Heading, Text
from trainer.rows.sentences import sentences

TEXTS = st.text(st.sampled_from("あ漢カa1 .。！？!?「」（）()\n．，、"), max_size=80)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@given(TEXTS)
def test_sentences_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text
    assert all(split(text))


def test_where_sentences_end() -> None:
    assert split("一。二！三？") == ["一。", "二！", "三？"]
    assert split("「痛い。」と言う。次。") == ["「痛い。」と言う。", "次。"]
    assert split("発熱（37.5℃以上。）がある。次") == ["発熱（37.5℃以上。）がある。", "次"]
    assert split("３７．５℃である．次である．") == ["３７．５℃である．", "次である．"]
    assert split("Give 0.5 mg daily. Then stop. 次") == ["Give 0.5 mg daily. ", "Then stop. 次"]
    assert split("（閉じない\n次。") == ["（閉じない\n", "次。"]


LINES = st.lists(
    st.tuples(st.text("あ漢。、1", min_size=1, max_size=60), st.booleans(), st.integers(1, 3)),
    min_size=1, max_size=30,
)  # fmt: skip


@given(LINES, st.integers(1, 80))
def test_passages_hold_every_sentence_whole_and_lead_back(
    lines: list[tuple[str, bool, int]], characters: int
) -> None:
    text = Text()
    page = 1
    for line, heading, step in lines:
        page += step - 1
        text.add(line, page, heading=heading)
    document = text.document("a.txt", "0")
    made = list(chunks(document, characters))
    whole = [document.text[start:end].rstrip() for start, end in sentences(document.text)]
    found = [c.text[s:e].rstrip() for c in made for s, e in sentences(c.text)]
    assert found == whole
    for chunk in made:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert len(chunk.text) <= characters or len(split(chunk.text)) == 1
        assert chunk.pages[0] == (0, document.page_at(chunk.start))
        assert chunk.pages[-1][1] == document.page_at(chunk.end - 1)


def test_a_heading_begins_a_passage_and_names_it() -> None:
    first, second = "診断\n" + "あ" * 400 + "。\n", "治療\n" + "い" * 400 + "。"
    headings = (Heading(0, 2), Heading(len(first), len(first) + 2))
    document = Document("a.md", "0", first + second, headings=headings)
    one, other = chunks(document, 1200)
    assert (one.heading, other.heading) == ("診断", "治療")
    assert other.text == second


def test_what_is_left_out_is_said() -> None:
    body = (
        "架空熱の潜伏期間は7日であり、青い発疹が左の前腕に現れ、52時間で消える。"
        "確定診断には共鳴斑試験を用いる。採血は要らない。"
    )
    documents = [
        Document("a.txt", "0", body),
        Document("b.txt", "1", body),
        Document("c.txt", "2", "短い。"),
        Document("d.txt", "3", f"{body}問い合わせは電話 03-1234-5678 まで。"),
        Document("e.txt", "4", f"{body}(cid:12)"),
        Document("f.txt", "5", "長" * 500),
    ]
    kept, left_out = chunk_all(documents, 100, allow_personal_data=False)
    assert [chunk.document for chunk in kept] == ["a.txt"]
    assert {one.where.split()[0]: one.why for one in left_out} == {
        "b.txt": "passage stands twice",
        "c.txt": "passage of fewer than 60 characters",
        "d.txt": "personal data in the passage: telephone number",
        "e.txt": "letters that cannot be read",
        "f.txt": "sentence of more than 400 characters",
    }
    assert len(chunk_all(documents, 100, allow_personal_data=True)[0]) == 2
