"""Checks of a row that need no model: each gives one reason to leave it out."""

import math
import re
import unicodedata

from trainer.data.overlap import normalized
from trainer.rows.drafts import Draft
from trainer.rows.personal import personal_data
from trainer.rows.sentences import sentences

SHORTEST_QUESTION, SHORTEST_ANSWER = 8, 6
"""Characters."""
SUPPORT = 0.6
"""Share of the bigrams of an answer's content words that the passage must have."""
CONTENT = re.compile(r"[一-龥々〆]+|[ァ-ヶー]{2,}|[A-Za-z][A-Za-z-]+|[Α-ω]+")
"""Words of content: kanji, katakana, Latin; hiragana are mostly endings and particles."""
NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
KANA = re.compile("[ぁ-んァ-ヶー]")
JAPANESE = re.compile("[ぁ-んァ-ヶー一-龥々]")
POINTS_ELSEWHERE = re.compile(
    r"上記|上述|前述|下記|以下の(?:文|表|図)|本文|文中|本書|本資料|本稿|本文書|"
    r"(?:この|その|次の|与えられた|提示された|当該|上の|下の)(?:文書|文章|文|資料|記事|記述|記載|テキスト|表|図|抜粋|節|章)(?![化脈献様])|"
    r"(?:文書|文章|資料|記事|テキスト|抜粋)(?:に|で|によ|の中|内)|"
    r"(?<![A-Za-z])(?:[図表]\s?\d)|第\s?\d+\s?[章節](?:に|で|の)"
)
LETTER = re.compile(
    r"(?:選択肢|肢)\s?[a-eA-Eａ-ｅ1-5１-５①-⑤ア-オ]|(?<![A-Za-z])[a-eａ-ｅ](?:は|が|の|、|と|も)(?![A-Za-z])"
)


def refusal(draft: Draft, passage: str, *, allow_personal_data: bool) -> str:
    """ "" if the row may stand, else the first reason against it."""
    whole = "\n".join([draft.question, draft.answer, *draft.right, *draft.wrong, draft.explanation])
    said = draft.explanation if draft.form == "mcq" else draft.answer
    if len(draft.question) < SHORTEST_QUESTION or len(said) < SHORTEST_ANSWER:
        return "too short"
    if not (_is_japanese(draft.question) and _is_japanese(said)):
        return "not in Japanese"
    if POINTS_ELSEWHERE.search(draft.question) or POINTS_ELSEWHERE.search(said):
        return "names a text that its reader does not see"
    if draft.form == "mcq" and LETTER.search(draft.explanation):
        return "explanation names a choice by its letter"
    if not allow_personal_data and (kinds := personal_data(whole)):
        return f"personal data: {kinds[0]}"
    return support_refusal(draft.stated, passage)


def support_refusal(stated: str, passage: str) -> str:
    """Why what is stated does not stand in the passage: its numbers, then its words."""
    plain, source = _plain(stated), _plain(passage)
    # a wrong dose reads as well as a right one
    if _numbers(plain) - _numbers(source):
        return "a number that is not in the passage"
    share = support(plain, source)
    return "" if share >= SUPPORT else "words that are not in the passage"


def support(stated: str, passage: str) -> float:
    """Share of the bigrams of the words of content that the passage has; 1 without any."""
    source = normalized(passage)
    bigrams = {
        word[place : place + 2]
        for word in map(normalized, CONTENT.findall(stated))
        for place in range(max(1, len(word) - 1))
        if word
    }
    return sum(bigram in source for bigram in bigrams) / len(bigrams) if bigrams else 1.0


def nearest_sentence(stated: str, passage: str) -> tuple[int, int]:
    """(start, end) of the sentence of the passage that shares most with what is stated."""
    said = _bigrams(stated)
    spans = list(sentences(passage))

    def shared(span: tuple[int, int]) -> float:
        its = _bigrams(passage[slice(*span)])
        return float(len(said & its) / math.sqrt(1 + len(its)))

    start, end = max(spans, key=shared)
    return start, start + len(passage[start:end].rstrip())


def _bigrams(text: str) -> set[str]:
    plain = normalized(text)
    return {plain[place : place + 2] for place in range(len(plain) - 1)}


def _numbers(plain: str) -> set[str]:
    return {number.replace(",", "") for number in NUMBER.findall(plain)}


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _is_japanese(text: str) -> bool:
    letters = sum(letter.isalpha() for letter in text)
    # kanji alone may be Chinese; a term of kanji alone is too short to tell
    enough = KANA.search(text) is not None or len(text) < 12
    return enough and len(JAPANESE.findall(text)) >= 0.3 * letters
