"""Why a sound run is not shown is never told as damage."""

from pathlib import Path

import pytest
import yaml

from lm_eval_tasks.report.models import reason
from lm_eval_tasks.results.runs import TaskRun, _why_left_out
from lm_eval_tasks.streams import printable

WORDS = Path(__file__).parents[3] / "lm_eval_tasks" / "words"


def run(name: str, date: float, samples: int = 2) -> TaskRun:
    return TaskRun(
        task="jmed_sample_letters", model="m", file=Path(f"out/results_{name}.json"), setting="",
        config={}, samples=[{}] * samples, asked=2, version="1.1", results={}, date=date,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("older", "instead", "kind"),
    [
        (run("a", 1.0), run("b", 2.0), "newer"),
        (run("a", 1.0), run("b", 1.0), "newer"),
        (run("b", 1.0), run("a", 1.0), "same"),
        (run("b", 2.0, samples=1), run("a", 1.0), "same"),
    ],
)
def test_the_kind_of_each_message_is_known(older: TaskRun, instead: TaskRun, kind: str) -> None:
    assert reason(_why_left_out(older, instead))[1] == kind
    for language in ("ja", "en"):
        text = (WORDS / f"{language}.yaml").read_text(encoding="utf-8")
        assert kind in yaml.safe_load(text)["report"]["left out why"]


def test_spaces_of_all_widths_are_printed_and_nothing_that_steers() -> None:
    assert printable("循環器\u3000内科 a\u00a0b") == "循環器\u3000内科 a\u00a0b"
    assert printable("a\x1b[2J\u202eb\n") == "a\ufffd[2J\ufffdb\ufffd"
