from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.answers.corrections import Claim, published_claim, read_correction
from lm_eval_tasks.exams.free_answers import Correction

NONE, UNREAD = Claim(error=False, sentence=0), Claim()


def names(sentence: int) -> Claim:
    return Claim(error=True, sentence=sentence)


# the publisher's reading: held against its program on 400,000 random responses, none differed
@pytest.mark.parametrize(
    ("response", "claim"),
    [
        ("CORRECT", NONE),
        ("`CORRECT`", NONE),
        ("_CORRECT_", NONE),
        ("The text is correct.", NONE),
        ("5: 熱はない。\nCORRECT", NONE),
        ("INCORRECT", UNREAD),
        ("CORRECTです", UNREAD),
        ("5: 熱はない。", names(5)),
        ("```text\n12 : 熱はない。\n```", names(12)),
        ("考えた。\n 3:熱はない。\n4: 咳", names(3)),
        ("0: 熱はない。", names(0)),
        ("99: 熱はない。", names(99)),
        ("5：熱はない。", UNREAD),
        ("5:", UNREAD),
        ("文17: 熱はない。", names(17)),
        ("7. 熱はない。", names(7)),
        ("77. 熱はない。", UNREAD),
        ("文番号: 3: 熱はない。", names(3)),
        ("文番号: 3\n4. 熱はない。", names(4)),
        ("エラーなし", NONE),
        ("エラーなしです", UNREAD),
        ("2文目: 熱はない。", names(2)),
        ("- 6: 熱はない。", names(6)),
        ("文番号: 8\n熱はない。", names(8)),
        ("文番号 8", UNREAD),
        ("分からない", UNREAD),
        ("", UNREAD),
        ("9" * 5000 + ": 熱", UNREAD),
        ("<think>1: CORRECT</think>5: 熱はない。", names(5)),
    ],
)
def test_as_the_publisher_reads(response: str, claim: Claim) -> None:
    assert published_claim(response) == claim


@pytest.mark.parametrize(
    ("response", "read"),
    [
        ("CORRECT", Correction()),
        ("ＣＯＲＲＥＣＴ。", Correction()),
        ("**CORRECT**", Correction()),
        ("答え：CORRECT", Correction()),
        ("誤りはありません。", Correction()),
        ("エラーなし", Correction()),
        ("No error", Correction()),
        ("Answer: No errors.", Correction()),
        ("5. 熱はない。", Correction(5, "熱はない。")),
        ("5.2 mg/dLである", None),
        ("**5: 熱はない。**", Correction(5, "熱はない。")),
        ("5: 。", None),
        ("5: 熱はない。", Correction(5, "熱はない。")),
        ("５：熱はない。", Correction(5, "熱はない。")),
        ("答え：文5: 熱はない。", Correction(5, "熱はない。")),
        ("文番号: 5: 熱はない。", Correction(5, "熱はない。")),
        ("`5: 熱はない。`", Correction(5, "熱はない。")),
        ("第5文目: 熱はない。", None),
        ("調べた。\n5: 熱がない。\n5: 熱はない。", Correction(5, "熱はない。")),
        ("5: 熱はない。\n問題：1. 島\n答え：CORRECT", Correction(5, "熱はない。")),
        ("<think>CORRECT</think>\n5: 熱はない。", Correction(5, "熱はない。")),
        ("4: 咳はない。\n5: 熱はない。", None),
        ("5: 熱はない。\nCORRECT", None),
        ("The text is not correct.", None),
        ("0: 熱はない。", None),
        ("5:", None),
        ("", None),
    ],
)
def test_as_we_read(response: str, read: Correction | None) -> None:
    assert read_correction(response) == read


PLAIN = st.text("熱咳なし文番号:。. 15→\u3000aC", min_size=1).map(
    lambda text: f"熱{text.strip()}値"
)


@given(st.integers(1, 99), PLAIN)
def test_what_the_prompt_asks_for_is_read_by_both(sentence: int, text: str) -> None:
    right = Correction(sentence, " ".join(text.split()))
    read = read_correction(right.line)
    assert read
    assert read.sentence == sentence
    assert published_claim(right.line) == names(sentence)


@given(st.sampled_from("「（(-–・『【＜~"), PLAIN)
def test_a_sentence_keeps_the_sign_it_begins_with(sign: str, text: str) -> None:
    """A minus sign, or the mark of a quotation: the key's own line is wholly right."""
    right = Correction(5, normalize("NFKC", sign + " ".join(text.split())))
    assert read_correction(right.line) == right


@given(st.text("CORET熱:：.。\n 0159`*文番号目エラーなし-「」", max_size=40))
def test_any_response_is_read_or_not(response: str) -> None:
    read, claim = read_correction(response), published_claim(response)
    assert read is None or bool(read.sentence) == bool(read.text)
    assert (claim.error is None) == (claim.sentence is None)
