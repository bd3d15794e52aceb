"""--gpu: names of cards, and what their file says."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from trainer.gpus import GIB, known_cards, read_card


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a100-80", "a100-80"),
        ("A100_80", "a100-80"),
        (" H100 ", "h100"),
        ("RTX-4090", "4090"),
        ("rtx4090", "4090"),
        ("a6000", "rtx-a6000"),
        ("RTX-A6000", "rtx-a6000"),
        ("6000-ada", "rtx-6000-ada"),
    ],
)
def test_a_card_is_known_by_the_names_people_write(text: str, name: str) -> None:
    assert read_card(text) == known_cards()[name]


@pytest.mark.parametrize(
    ("text", "gib"), [("24GB", 24), ("80 GiB", 80), ("40g", 40), ("0.5GB", 0.5)]
)
def test_a_memory_is_read(text: str, gib: float) -> None:
    card = read_card(text)
    assert card.memory == gib * GIB
    assert card.rates is None


@pytest.mark.parametrize("text", ["", "GB", "24", "0GB", "24TB", "-1GB", "h1000", "big"])
def test_what_is_no_card_is_refused_with_all_that_are(text: str) -> None:
    with pytest.raises(JmedError, match=r"--gpu: found .*24GB.*a100-80, h100, .*v100"):
        read_card(text)


def test_half_a_name_is_answered_with_the_whole_ones() -> None:
    with pytest.raises(JmedError, match=r"did you mean a100-40 or a100-80\?"):
        read_card("A100")
    with pytest.raises(JmedError, match=r"did you mean rtx-6000-ada\?"):
        read_card("rtx-6000ada")


@given(st.text(max_size=20))
def test_no_text_gives_a_traceback(text: str) -> None:
    with suppress(JmedError):
        assert read_card(text).memory > 0


def test_every_card_has_its_source_and_sizes_of_the_right_order() -> None:
    """A rate "with sparsity", a bandwidth in bits or a memory in GB would stand out here."""
    for card in known_cards().values():
        assert card.rates
        assert card.rates.source.startswith("NVIDIA ")
        assert 14 < card.memory / GIB < 200
        operations_per_byte = card.rates.tflops * 1e3 / card.rates.bandwidth
        assert 70 < operations_per_byte < 450, card.name
        assert card.rates.link <= card.rates.bandwidth
