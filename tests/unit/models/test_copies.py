from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.models.copies import LEAST, Bounds, Choice, choices_of, copy_batches, groups
from lm_eval_tasks.models.packing import Pack
from lm_eval_tasks.models.proven import Edge

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=12)
PACKS = st.lists(st.tuples(st.integers(1, 40), LENGTHS), min_size=1, max_size=12)


def packs_of(sizes: list[tuple[int, list[int]]]) -> list[Pack]:
    return [
        Pack((row,) * context, tuple((100 * row + i, (1,) * n) for i, n in enumerate(choices)))
        for row, (context, choices) in enumerate(sizes)
    ]


@given(PACKS, st.integers(1, 2000), st.one_of(st.none(), st.integers(0, 20)), st.booleans())
def test_every_pack_is_in_one_batch_and_no_batch_breaks_its_bounds(
    sizes: list[tuple[int, list[int]]], tokens: int, padding: int | None, together: bool
) -> None:
    packs, edge = packs_of(sizes), Edge(16)
    batches = list(copy_batches(packs, 0, Bounds(tokens, padding, together, frozenset({edge}))))
    assert sorted(map(id, packs)) == sorted(id(pack) for batch in batches for pack in batch)
    for batch in batches:
        lengths = [len(pack.context) for pack in batch]
        end = max(pack.longest for pack in batch)
        assert lengths == sorted(lengths, reverse=True)
        assert together or len(batch) == 1 or lengths[0] > lengths[-1]
        assert len(batch) == 1 or sum(len(p.continuations) for p in batch) * end <= tokens
        assert padding is None or lengths[0] - lengths[-1] <= padding
        assert lengths[0] == lengths[-1] or not edge.within(lengths[-1], end)


@given(LENGTHS, st.integers(0, 50), st.integers(1, 900), st.sampled_from([0, 256]))
def test_every_choice_that_is_fed_is_in_one_pass(
    lengths: list[int], columns: int, tokens: int, cost: int
) -> None:
    choices = choices_of([Pack((1,), tuple((i, (1,) * n) for i, n in enumerate(lengths)))])
    cut = groups(choices, columns, tokens, cost)
    assert [choice for group in cut for choice in group] == [c for c in choices if c.fed]
    for group in cut:
        held = (columns + max(group[0].fed, LEAST)) * len(group)
        assert len(group) == 1 or held <= tokens


def test_a_pass_is_only_made_where_it_saves_more_than_it_costs() -> None:
    def cut(long: int, cost: int) -> list[int]:
        choices = [Choice(0, 0, (1,) * (long + 1)), *(Choice(i, 0, (1,) * 6) for i in range(1, 10))]
        return [len(group) for group in groups(choices, 0, 10**6, cost)]

    assert cut(20, 256) == [10]
    assert cut(200, 256) == [1, 9]
    assert cut(20, 0) == [1, 9]
