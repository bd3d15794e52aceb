from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.models.packing import batches, common_prefix, plan

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
