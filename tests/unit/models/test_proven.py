from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.models.packing import Pack, plan
from lm_eval_tasks.models.proven import (
    FLOAT32,
    Edge,
    Proven,
    choices_to_check,
    kind_of,
    to_check,
    tolerance,
)

TOKENS = st.lists(st.integers(0, 9), min_size=1, max_size=8).map(tuple)
REQUESTS = st.lists(st.tuples(TOKENS, TOKENS), max_size=30)
KINDS = frozenset({(0,), (1,), (2,)})
EPS = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}


def packs_of(requests: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[Pack]:
    return plan(requests, 100, 20)[0]


@given(st.lists(REQUESTS, max_size=4))
def test_nothing_is_ever_longer_than_what_was_checked(
    calls: list[list[tuple[tuple[int, ...], tuple[int, ...]]]],
) -> None:
    proven: Proven | None = None
    for packs in map(packs_of, calls):
        chosen = to_check(packs, proven)
        assert set(chosen) <= set(packs)
        assert chosen == sorted(chosen, key=lambda pack: -pack.length)
        proven = (proven or Proven()).and_also(chosen) if chosen else proven
        assert all(proven and pack.longest <= proven.tokens for pack in packs)
        assert all(proven and pack.length <= proven.row for pack in packs)
        assert proven is None or {kind_of(pack, None) for pack in packs} <= proven.kinds
        assert to_check(packs, proven) == []


def test_one_choice_proves_nothing_about_several() -> None:
    """A model whose choices see each other scores one of them right, as MPT in a packed row."""
    alone = Pack((1,) * 40, ((0, (1, 2, 3)),))
    several = Pack((2,) * 5, ((1, (1, 2)), (2, (3, 4))))
    label = Pack((3,) * 5, ((3, (1,)), (4, (2,))))
    proven = Proven().and_also(to_check([alone], None))
    assert to_check([label], proven) == []
    assert several in to_check([alone, several, label], proven)
    assert several in to_check([several], proven)
    assert to_check([several, label], proven.and_also([several])) == []


def test_few_packs_are_checked_and_the_shortest_is_among_them() -> None:
    packs = packs_of([((n,) * n, (1,)) for n in range(1, 16)])
    assert [len(pack.context) for pack in to_check(packs, None)] == [15, 8, 1]
    assert to_check(packs, Proven(16, 15, kinds=KINDS)) == []
    assert len(to_check(packs, Proven(15, 15, kinds=KINDS))) == 3


def test_the_longest_row_and_the_longest_sequence_are_checked_both() -> None:
    choices = Pack((1,) * 5, tuple((index, (1,) * 5) for index in range(9)))
    sequence = Pack((2,) * 30, ((9, (1, 2)),))
    middle, short = Pack((3,) * 4, ((10, (1,)),)), Pack((4,), ((11, (1,)),))
    packs = [choices, sequence, middle, short]
    assert to_check(packs, Proven(31, 99, kinds=KINDS)) == [choices, sequence, short]
    assert to_check(packs, Proven(99, 40, kinds=KINDS)) == [choices, sequence, short]
    assert to_check(packs, Proven(32, 41, kinds=KINDS)) == []


@given(st.lists(TOKENS, min_size=1, max_size=40))
def test_first_last_and_longest_choice_are_checked(choices: list[tuple[int, ...]]) -> None:
    chosen = choices_to_check(Pack((1,), tuple(enumerate(choices))))
    assert {0, len(choices) - 1} <= set(chosen)
    assert max(map(len, choices)) == max(len(choices[index]) for index in chosen)
    assert len(chosen) <= 5


def test_tolerances_are_of_the_precision() -> None:
    assert tolerance(EPS["float32"], 40, 0) == FLOAT32
    assert tolerance(EPS["float32"], 40, 9.0) == 10 * FLOAT32
    assert tolerance(EPS["bfloat16"], 1, 0) == 0.125
    assert tolerance(EPS["float16"], 1, 0) == 0.125 / 8
    assert tolerance(EPS["bfloat16"], 1, 0.05) == 0.2
    assert tolerance(EPS["bfloat16"], 1, 9.0) == 0.5
    assert tolerance(EPS["bfloat16"], 16, 9.0) == 2.0


@given(st.integers(1, 40), st.integers(2, 9), st.sampled_from([Edge(16), Edge(16, repeats=True)]))
def test_lengths_at_an_edge_are_kinds_of_their_own(tokens: int, more: int, edge: Edge) -> None:
    def kind(length: int) -> tuple[int, ...]:
        return kind_of(Pack((1,) * length, ((0, (1,) * more),)), [edge])

    apart = min(abs(tokens - 16), abs(tokens + 1 - 16))
    assert (kind(tokens) != kind(tokens + 1)) >= (apart <= 1)
    assert kind(100) == kind(101) or edge.repeats


@given(st.integers(1, 60), st.integers(0, 20), st.booleans())
def test_an_edge_is_within_two_lengths_or_near(low: int, more: int, repeats: bool) -> None:
    lengths = range(low - 2, low + more + 3)
    multiples = range(16, 200, 16) if repeats else [16]
    assert Edge(16, repeats).within(low, low + more) == any(m in lengths for m in multiples)


def test_two_contexts_of_one_length_are_checked_together() -> None:
    packs = [Pack((n, *(1,) * (20 - n // 2)), ((n, (1, 2)),)) for n in range(10)]
    lengths = [len(pack.context) for pack in to_check(packs, None, [])]
    assert len(lengths) > len(set(lengths))
