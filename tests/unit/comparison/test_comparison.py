"""What two runs differ in, and which runs cannot be compared."""

from dataclasses import replace
from typing import Any

import pytest

from lm_eval_tasks.comparison.compare import compare_runs
from lm_eval_tasks.comparison.flips import ExtractionChange, Flips
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.scoring.verdict import State
from tests.invented import Invented, scored
from tests.unit.comparison.pairs import compared, refused

YES, NO = True, False
BASE = Invented([YES, YES, YES, YES, NO, NO, NO, NO])


def test_differences_and_flips_are_counted_by_part() -> None:
    found = compared(BASE, replace(BASE, right=[YES, NO, YES, YES, NO, YES, NO, YES]))
    change = found.changes[0]
    assert (change.metric, change.before, change.after, change.difference) == (
        *("acc_lenient", 0.5, 5 / 8, 1 / 8),
    )
    assert change.low < 1 / 8 < change.high
    assert (found.test.gained, found.test.lost, found.test.p) == (2, 1, 1.0)
    assert (found.gained, found.lost) == (["900A0005", "900A0007"], ["900A0001"])
    assert found.flips["section"] == [Flips("A", 4, 2, 2, 0, 0), Flips("B", 4, 2, 3, 2, 1)]
    assert [part.name for part in found.flips["human accuracy"]] == [
        *("00-50 %", "50-70 %", "90-100 %", "unknown"),
    ]
    for parts in found.flips.values():
        assert sum(part.answers for part in parts) == found.questions == 8
        assert sum(part.gained - part.lost for part in parts) == 1


def test_a_broken_answer_format_does_not_look_like_lost_knowledge() -> None:
    mute = replace(BASE, right=[YES, NO, NO, NO, NO, NO, NO, YES], told=[YES, YES, *[NO] * 5, YES])
    found = compared(BASE, mute)
    assert found.format == ExtractionChange(
        unread_before=0,
        unread_after=5,
        lost=3,
        lost_unread=2,
        gained=1,
        gained_read=0,
        both=3,
        both_before=2,
        both_after=2,
    )
    extracted = next(change for change in found.changes if change.metric == "extracted")
    assert extracted.difference == -5 / 8
    back = compared(mute, BASE).format
    assert back
    assert (back.gained, back.gained_read, back.lost_unread) == (3, 2, 0)


def test_where_nothing_is_generated_there_is_no_format() -> None:
    run = Invented([YES, NO], task="jmed_sample_mc")
    assert compared(run, run).format is None


def test_points_and_verdict_before_and_after() -> None:
    whole = Invented([YES] * 159)
    found = compared(whole, replace(whole, right=[NO] * 30 + [YES] * 129))
    ((before, after),) = found.sittings
    assert (before.total.earned, before.state) == (159, State.PASSED)
    assert (after.total.earned, after.state) == (129, State.FAILED)


def test_permuted_questions_count_once() -> None:
    before = Invented([YES, YES, NO, NO, NO, NO], times=3)
    after = replace(before, right=[YES, YES, YES, NO, YES, NO])
    found = compared(before, after)
    assert found.questions == 2
    assert (found.test.gained, found.test.lost) == (2, 0)
    assert found.changes[0].difference == pytest.approx(2 / 6)
    assert found.changes[0].low == pytest.approx(2 / 6)  # each question gained one answer of three
    assert found.sittings == []
    assert sum(part.gained for part in found.flips["section"]) == 2


def test_holm_is_over_the_tasks_of_the_two_models() -> None:
    letters, mc = Invented([NO] * 12), Invented([NO] * 12, task="jmed_sample_mc")
    alone = compared(letters, replace(letters, right=[YES] * 12))
    assert alone.p_holm == alone.test.p
    both = compare_runs(
        [scored(letters), scored(mc)],
        [scored(replace(letters, right=[YES] * 12)), scored(mc)],
    )
    assert [comparison.p_holm for comparison in both] == [2 * alone.test.p, 1.0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"versions": "2.0"}, "task version: 1.0 ≠ 2.0"),
        ({"configs.num_fewshot": 0}, "shots: 3 ≠ 0"),
        ({"configs.generation_kwargs": {"x": 9}}, "'max_gen_toks': 64} ≠ {'x': 9}"),
        ({"chat_template": "{{ messages }}"}, "chat template: no ≠ applied"),
        ({"system_instruction_sha": "abc"}, "system instruction: None ≠ abc"),
        ({"fewshot_as_multiturn": True}, "few-shot examples as turns: False ≠ True"),
    ],
)
def test_another_protocol_is_named(changes: dict[str, Any], named: str) -> None:
    message = refused(BASE, replace(BASE, changes=changes))
    assert "jmed_sample_letters: " in message
    assert named in message
    assert "results.json" in message


def test_other_questions_and_prompts_are_named() -> None:
    assert "questions: 8 ≠ 7 answers; 1 in one run alone, the first is 900A0007" in refused(
        BASE, replace(BASE, right=BASE.right[:-1])
    )
    assert "doc hashes: 8 differ, the first is 900A0000" in refused(
        BASE, replace(BASE, sample={"doc_hash": "another"})
    )
    assert "prompts: 8 differ, the first is 900A0000" in refused(
        BASE, replace(BASE, sample={"prompt_hash": "another"})
    )


def test_prompts_of_two_chat_templates_may_differ() -> None:
    chats = [
        replace(BASE, changes={"chat_template": text, "chat_template_sha": text}, sample=given)
        for text, given in [("a", {"prompt_hash": "1"}), ("b", {"prompt_hash": "2"})]
    ]
    assert compared(chats[0], chats[1]).remarks == ["chat template (sha): a ≠ b"]


def test_every_difference_of_every_task_is_named() -> None:
    others = [
        scored(Invented([YES], task=task, changes={"versions": "9"}))
        for task in ("jmed_sample_letters", "jmed_sample_mc")
    ]
    bases = [scored(Invented([YES])), scored(Invented([YES], task="jmed_sample_mc"))]
    with pytest.raises(JmedError, match=r"letters: task version.*mc: task version"):
        compare_runs(bases, others)


def test_runs_without_a_task_in_common() -> None:
    message = refused(BASE, Invented([YES], task="jmed_sample_mc"))
    assert message == ("no task in common: jmed_sample_letters in one, jmed_sample_mc in the other")


def test_several_runs_of_one_task_are_not_chosen_from() -> None:
    runs = [scored(BASE, "a/results_1.json"), scored(BASE, "b/results_2.json")]
    with pytest.raises(JmedError, match=r"several runs.*a/results_1.json or b/results_2.json"):
        compare_runs(runs, [scored(BASE)])


def test_runs_with_other_shots_are_other_rows() -> None:
    none = replace(BASE, changes={"configs.num_fewshot": 0})
    found = compare_runs([scored(BASE), scored(none)], [scored(none), scored(BASE)])
    assert [c.base.run.config.num_fewshot for c in found] == [0, 3]
