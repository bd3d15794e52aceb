"""Results that lm-eval wrote with an earlier jmed stay readable, with the figures of then.

old_results/: the embedded sample exam, answered with its own key, cut short by --limit: as printed,
and with two orders of the choices. Of the files as they were written, `pretty_env_info` alone was
emptied.
"""

from pathlib import Path

import pytest

from lm_eval_tasks.cli.main import main
from lm_eval_tasks.results.read import read_results

OLD = Path(__file__).with_name("old_results")
LETTERS = ["acc_lenient", "acc", "extracted"]
PAPER = [
    *("gestalt_acc_set", "gestalt_acc", "gestalt_score_set", "gestalt_score"),
    *("exact_match_set", "exact_match", "gestalt_tie"),
]
EXPECTED = {
    ("permuted", "jmed_sample_letters"): (4, "4/224", LETTERS),
    ("permuted", "jmed_sample_paper"): (4, "4/224", PAPER),
    ("printed", "jmed_sample_letters"): (6, "6/116", LETTERS),
    ("printed", "jmed_sample_mc"): (6, "6/112", ["acc", "acc_norm"]),
    ("printed", "jmed_sample_paper"): (6, "6/112", PAPER),
}
"""Run -> answers, how --limit cut it short, metrics."""


def test_every_run_is_read() -> None:
    found = read_results(OLD)
    assert not found.left_out
    runs = {(one.run.file.parent.name, one.run.task): one for one in found.results}
    assert {
        key: (len(run.answers), run.limit, run.metrics) for key, run in runs.items()
    } == EXPECTED
    assert all(run.score(run.metric) == 1.0 for run in runs.values())
    letters = runs["printed", "jmed_sample_letters"]
    assert (letters.shots, letters.rule, letters.questions_of_published) == (3, "igakuqa", "6/120")
    assert [item.earned for item in letters.items] == [1] * 6


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["verdict"], "116"),
        (["leaderboard", "--lang", "en"], "only 6 of 116 docs"),
    ],
)
def test_commands_read_them(
    command: list[str], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = command
    main([name, str(OLD / "printed"), *options])
    assert shown in capsys.readouterr().out
