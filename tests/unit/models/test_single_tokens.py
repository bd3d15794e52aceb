from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.models.single_tokens import Encoded, plan

TOKENS = st.lists(st.integers(0, 3), max_size=4)
REQUESTS = st.lists(
    st.tuples(st.none(), TOKENS, st.lists(st.integers(0, 9), min_size=1, max_size=2))
)


@given(REQUESTS)
def test_every_request_stands_in_one_place_and_contexts_are_not_torn(
    requests: list[Encoded],
) -> None:
    planned = plan(requests, longest=3, most_labels=4)
    asked = [p for q in planned.questions for places in q.labels.values() for p in places]
    assert sorted([*asked, *planned.rest]) == list(range(len(requests)))
    for question in planned.questions:
        assert 0 < len(question.context) <= 3
        assert len(question.labels) <= 4
        for label, places in question.labels.items():
            for place in places:
                assert requests[place][1:] == (list(question.context), [label])
    left = {tuple(requests[place][1]) for place in planned.rest}
    assert left.isdisjoint({question.context for question in planned.questions})
    assert sum(planned.reasons.values()) == len(left)


def test_questions_that_begin_alike_stand_together() -> None:
    contexts = [[1, 2, 3], [2, 1], [1, 2, 4], [1, 3]]
    planned = plan([(None, context, [9]) for context in contexts], 9, 9)
    assert [question.context for question in planned.questions] == [
        (1, 2, 3), (1, 2, 4), (1, 3), (2, 1),
    ]  # fmt: skip


def test_two_requests_for_one_label_are_asked_once() -> None:
    planned = plan([(None, [1], [7]), (None, [1], [8]), (None, [1], [7])], 9, 9)
    (question,) = planned.questions
    assert question.labels == {7: [0, 2], 8: [1]}


def test_reasons_count_contexts() -> None:
    requests: list[Encoded] = [
        (None, [1], [7]), (None, [1], [7, 7]),
        (None, [2], [7, 7]),
        (None, [], [7]),
        (None, [1, 1], [7]),
        (None, [3], [7]), (None, [3], [8]),
    ]  # fmt: skip
    planned = plan(requests, longest=1, most_labels=1)
    assert planned.questions == []
    assert planned.reasons == {
        "continuations of more than one token": 2,
        "an empty context": 1,
        "contexts of more than 1 tokens, which are cut": 1,
        "more than 1 labels": 1,
    }
