"""A model that goes on asks each request once, in the same parts, and answers as if never ended."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.resume.answers import Answers
from lm_eval_tasks.resume.resumed import PART, Resumed, parts

KIND = "loglikelihood"
OPEN: list[Answers] = []


class Pupil:
    """Answers by the hash of the request; `calls` are the prompts of each call."""

    def __init__(self, dies_at: int = 0, batch_size: object = 8) -> None:
        self.calls: list[list[str]] = []
        self.dies_at = dies_at
        self.batch_size_per_gpu = self.batch_size = batch_size
        self.rank = 3

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        self._ask(requests)
        return [(-number(r) / 7, number(r) % 2 == 0) for r in requests]

    def generate_until(self, requests: list[Any]) -> list[str | None]:
        self._ask(requests)
        return [None if "?" in r.args[0] else f"答え：{number(r)}" for r in requests]

    def _ask(self, requests: list[Any]) -> None:
        if len(self.calls) + 1 == self.dies_at:
            raise KeyboardInterrupt
        self.calls.append([r.args[0] for r in requests])

    @property
    def asked(self) -> int:
        return sum(map(len, self.calls))


def number(one: Any) -> int:
    return int(hashlib.sha256(repr(one.args).encode()).hexdigest()[:8], 16)


def requests(questions: int) -> list[Any]:
    """Five choices each, as `mc` asks them."""
    return [
        SimpleNamespace(task_name="jmed_sample_mc", args=(f"q{n}", choice))
        for n in range(questions)
        for choice in "abcde"
    ]


def resumed(pupil: Pupil, folder: Path, model: str = "m", version: object = 1) -> Any:
    """As another process would have it: the one before has ended."""
    if OPEN:
        OPEN.pop().close()
    OPEN.append(Answers(folder, 0))
    return Resumed(pupil, OPEN[0], {"model": model}, lambda task: version)


def test_all_but_the_answers_is_the_models_own(tmp_path: Path) -> None:
    assert resumed(Pupil(), tmp_path).rank == 3
    assert not hasattr(resumed(Pupil(), tmp_path / "b"), "tokenizer_name")


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    asked = requests(200)
    first, second = Pupil(), Pupil()
    whole = resumed(first, tmp_path).loglikelihood(asked)
    assert whole == Pupil().loglikelihood(asked)
    assert (first.asked, len(first.calls)) == (1000, 4)
    assert resumed(second, tmp_path).loglikelihood(asked) == whole
    assert second.calls == []


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4])
def test_what_was_left_is_asked_in_the_parts_it_would_have_had(
    tmp_path: Path, dies_at: int
) -> None:
    asked = requests(200)
    never_ended, first, second = Pupil(), Pupil(dies_at), Pupil()
    whole = resumed(never_ended, tmp_path / "never").loglikelihood(asked)
    with pytest.raises(KeyboardInterrupt):
        resumed(first, tmp_path / "again").loglikelihood(asked)
    assert resumed(second, tmp_path / "again").loglikelihood(asked) == whole
    assert first.calls + second.calls == never_ended.calls
    assert len(first.calls) == dies_at - 1


def test_choices_of_a_question_are_in_one_part() -> None:
    asked = requests(200)
    made = list(parts(asked, PART[KIND]))
    assert [len(part) for part in made] == [260, 260, 260, 220]
    assert [index for part in made for index in part] == list(range(1000))
    assert not list(parts([], 4))


@pytest.mark.parametrize("change", [{"model": "n"}, {"version": 2}])
def test_of_another_model_or_version_nothing_is_taken(
    tmp_path: Path, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    asked = requests(3)
    resumed(Pupil(), tmp_path).loglikelihood(asked)
    assert "of other models" not in caplog.text
    again = Pupil()
    resumed(again, tmp_path, **change).loglikelihood(asked)
    assert again.asked == 15
    assert ("the 15 answers" in caplog.text) == ("model" in change)
    assert "0 of 15 loglikelihood requests" in caplog.text
    assert len(list(tmp_path.glob("model_*.json"))) == 1 + ("model" in change)


def test_a_task_more_asks_that_task_alone(tmp_path: Path) -> None:
    resumed(Pupil(), tmp_path).loglikelihood(requests(3))
    again = Pupil()
    resumed(again, tmp_path).loglikelihood(requests(4))
    assert again.calls == [["q3"] * 5]


def generated(count: int, *more: str) -> list[Any]:
    prompts = [*(f"p{n}" for n in range(count)), *more]
    return [SimpleNamespace(task_name="t", args=(prompt, {"until": []})) for prompt in prompts]


def test_a_request_without_an_answer_is_asked_again_and_the_rest_is_kept(tmp_path: Path) -> None:
    asked = generated(10, "p?")
    with pytest.raises(JmedError, match="no answer to 1 of 11 requests"):
        resumed(Pupil(), tmp_path).generate_until(asked)
    again = Pupil()
    with pytest.raises(JmedError, match="no answer to 1 of 1 requests"):
        resumed(again, tmp_path).generate_until(asked)
    assert again.calls == [["p?"]]


@pytest.mark.parametrize(
    ("batch_size", "concurrent", "calls"), [(8, 1, 4), ("auto", 1, 1), (1, 50, 1)]
)
def test_parts_are_larger_where_the_engine_would_idle(
    tmp_path: Path, batch_size: object, concurrent: int, calls: int
) -> None:
    pupil: Any = Pupil(batch_size=batch_size)
    pupil.batch_size_per_gpu, pupil._concurrent = 1, concurrent
    resumed(pupil, tmp_path).generate_until(generated(200))
    assert len(pupil.calls) == calls


def test_a_batch_size_that_is_looked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match="give a number"):
        resumed(Pupil(batch_size="auto:4"), tmp_path)


@pytest.fixture(autouse=True)
def _log_is_seen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("INFO", logger="lm_eval.jmed"):
        yield
