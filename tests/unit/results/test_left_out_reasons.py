"""Why a sound run is not shown is never told as damage."""

from pathlib import Path

import pytest
import yaml

from lm_eval_tasks.results.left_out import Reason
from lm_eval_tasks.results.read import read_results
from lm_eval_tasks.results.runs import TaskRun, run_of, superseded
from lm_eval_tasks.streams import printable
from tests.invented import Invented, results, written

WORDS = Path(__file__).parents[3] / "lm_eval_tasks" / "words"


def run(name: str, date: float, samples: int = 2) -> TaskRun:
    config = {"metadata": {"questions": {"asked": 2}}}
    content = {"configs": {"jmed_sample_letters": config}, "date": date}
    return run_of(Path(f"out/results_{name}.json"), content, "jmed_sample_letters", [{}] * samples)


@pytest.mark.parametrize(
    ("older", "instead", "reason"),
    [
        (run("a", 1.0), run("b", 2.0), Reason.NEWER),
        (run("a", 1.0), run("b", 1.0), Reason.NEWER),
        (run("b", 1.0), run("a", 1.0), Reason.SAME),
        (run("b", 2.0, samples=1), run("a", 1.0), Reason.SAME),
    ],
)
def test_why_another_run_was_taken(older: TaskRun, instead: TaskRun, reason: Reason) -> None:
    assert superseded(older, instead).reason is reason


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_reason_has_its_words(language: str) -> None:
    text = (WORDS / f"{language}.yaml").read_text(encoding="utf-8")
    assert {reason.value for reason in Reason} == yaml.safe_load(text)["report"][
        "left out why"
    ].keys()


def test_the_reason_goes_by_what_happened_and_not_by_a_name_in_the_line(tmp_path: Path) -> None:
    whole, stamps = Invented([True, False] * 2), [f"2026-01-0{day}T03-04-05" for day in range(1, 7)]
    folder = tmp_path / "newer run, no samples, no jmed task"
    written(folder, whole, stamp=stamps[0])
    written(folder, whole, stamp=stamps[1])
    metadata = results(whole)["configs"][whole.task]["metadata"]
    limited = Invented([True], changes={"configs.metadata": metadata})
    written(folder, limited, stamp=stamps[2])
    written(folder, Invented([True], sample={"acc": 7}), stamp=stamps[3])
    written(folder, Invented([True], changes={"configs.metadata": {}}), stamp=stamps[4])
    written(folder, whole, stamp=stamps[5])
    (folder / f"samples_{whole.task}_{stamps[5]}.jsonl").unlink()
    reasons = {one.file.name[-24:-5]: one.reason for one in read_results(folder).left_out}
    assert list(map(reasons.get, stamps)) == [
        *(Reason.NEWER, None, Reason.SAME, Reason.DAMAGED, Reason.FOREIGN),
        None,  # its samples are named, not the results file
    ]
    assert Reason.NO_SAMPLES in reasons.values()
    samples = folder / f"samples_{whole.task}_{stamps[5]}.jsonl"
    samples.write_text("{", encoding="utf-8")
    (broken,) = (one for one in read_results(folder).left_out if one.file == samples)
    assert broken.reason is Reason.DAMAGED


def test_spaces_of_all_widths_are_printed_and_nothing_that_steers() -> None:
    assert printable("循環器\u3000内科 a\u00a0b") == "循環器\u3000内科 a\u00a0b"
    assert printable("a\x1b[2J\u202eb\n") == "a\ufffd[2J\ufffdb\ufffd"
