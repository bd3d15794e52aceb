from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.models.packing import batches, common_prefix, padded_batches, plan

TOKENS = st.lists(st.integers(0, 9), min_size=1, max_size=8).map(tuple)
REQUESTS = st.lists(st.tuples(TOKENS, TOKENS), max_size=30)


@given(REQUESTS, st.integers(1, 14), st.integers(1, 30))
def test_every_request_is_in_one_pack_or_left_over(
    requests: list[tuple[tuple[int, ...], tuple[int, ...]]], max_length: int, max_tokens: int
) -> None:
    packs, rest = plan(requests, max_length, max_tokens)
    packed = [(i, pack.context, tokens) for pack in packs for i, tokens in pack.continuations]
    assert sorted([i for i, _, _ in packed] + rest) == list(range(len(requests)))
    assert all(requests[i] == (context, tokens) for i, context, tokens in packed)
    assert all(len(sum(requests[i], ())) > max_length + 1 for i in rest)
    assert [pack.length for pack in packs] == sorted((p.length for p in packs), reverse=True)
    for pack in packs:
        assert pack.length <= max_tokens or len(pack.continuations) == 1


@given(REQUESTS)
def test_without_bounds_each_context_stands_once(
    requests: list[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    packs, rest = plan(requests, 1000, 1000)
    assert rest == []
    assert len(packs) == len({context for context, _ in requests})


@given(st.lists(TOKENS, min_size=1, max_size=10))
def test_a_prefix_is_shared_and_leaves_a_token_of_each(contexts: list[tuple[int, ...]]) -> None:
    shared = common_prefix(contexts)
    assert len({context[:shared] for context in contexts}) == 1
    assert all(len(context) > shared for context in contexts)
    longer = {context[: shared + 1] for context in contexts}
    assert len(longer) > 1 or min(map(len, contexts)) == shared + 1


@given(REQUESTS, st.integers(1, 60))
def test_batches_keep_order_and_bound(
    requests: list[tuple[tuple[int, ...], tuple[int, ...]]], max_tokens: int
) -> None:
    packs, _ = plan(requests, 1000, 1000)
    prefix = common_prefix([pack.context for pack in packs])
    made = list(batches(packs, prefix, max_tokens))
    assert [pack for batch in made for pack in batch] == packs
    for batch in made:
        padded = len(batch) * max(pack.length - prefix for pack in batch)
        assert padded <= max_tokens or len(batch) == 1


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(1, 60))
def test_rows_are_cut_in_order_and_within_the_bound(lengths: list[int], max_tokens: int) -> None:
    lengths = sorted(lengths, reverse=True)
    cut = list(padded_batches(lengths, max_tokens))
    assert [row for rows in cut for row in rows] == list(range(len(lengths)))
    assert all(len(rows) == 1 or len(rows) * lengths[rows[0]] <= max_tokens for rows in cut)


def test_short_rows_are_not_padded_to_long_ones_where_a_pass_is_full_without_them() -> None:
    assert list(padded_batches([1000, 950, 900, 100, 90], 9999, 0.1)) == [range(3), range(3, 5)]
    assert list(padded_batches([1000, 950, 900, 100, 90], 9999)) == [range(5)]
    assert list(padded_batches([100, 10, 10], 9999, 0.1)) == [range(3)]


def test_an_empty_continuation_is_left_to_stock_code() -> None:
    assert plan([((1, 2), ()), ((1, 2), (3,))], 10, 10)[1] == [0]
