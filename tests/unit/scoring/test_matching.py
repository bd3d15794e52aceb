from difflib import SequenceMatcher

from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_tasks.scoring.matching import matched, popular, ratio

SHORT = st.text("ab心", max_size=14)
# long enough for autojunk, of few and of many characters
LONG = st.builds(
    lambda head, piece, times, tail: head + piece * times + tail,
    st.text("abcd心肺", max_size=30),
    st.text("abcdefghij心肺肝腎脾胃", min_size=3, max_size=60),
    st.integers(4, 9),
    st.text("abc心肺肝腎\U0010ffff", max_size=90),
)
TEXT = SHORT | LONG


@settings(max_examples=400)
@given(TEXT, TEXT)
def test_ratios_are_those_of_difflib_to_the_last_bit(a: str, b: str) -> None:
    assert ratio(a, b, popular(b)) == SequenceMatcher(None, a, b).ratio()
    assert ratio(a, b, frozenset()) == SequenceMatcher(None, a, b, autojunk=False).ratio()


@settings(max_examples=400)
@given(st.text("ab", max_size=20), st.text("ab", max_size=20))
def test_of_equally_long_pieces_difflib_s_is_taken(a: str, b: str) -> None:
    blocks = SequenceMatcher(None, a, b).get_matching_blocks()
    assert matched(a, b, frozenset()) == sum(block.size for block in blocks)


@given(TEXT)
def test_popular_characters_are_those_of_autojunk(b: str) -> None:
    assert popular(b) == vars(SequenceMatcher(None, "", b))["bpopular"]
