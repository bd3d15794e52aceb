"""Answers are kept as they come, by many threads and one process, whatever ends it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from lm_eval_tasks.errors import JmedError
from trainer.rows.journal import Journal
from trainer.rows.server import Answer
from trainer.rows.workers import worked


def test_what_was_put_is_there_again_from_many_threads(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "answers.jsonl"
    answers = {f"{number:032}": Answer(f"答え\n{number}" * number, "stop") for number in range(200)}
    with Journal(file) as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.put, answers, answers.values()))
        list(pool.map(journal.put, answers, [Answer("anything")] * len(answers)))  # the first stays
    with Journal(file) as journal:
        assert len(journal) == 200
        assert {key: journal.get(key) for key in answers} == answers
        assert journal.get("unknown") is None


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_half_a_line_at_the_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "answers.jsonl"
    with Journal(file) as journal:
        journal.put("a", Answer("一"))
        journal.put("b", Answer("二"))
    file.write_bytes(file.read_bytes()[:-cut])
    with Journal(file) as journal:
        assert journal.get("a") == Answer("一")
        assert journal.get("b") is None
        journal.put("b", Answer("三"))
    with Journal(file) as journal:
        assert journal.get("b") == Answer("三")


def test_damage_within_is_named(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text('{"key": 3}\n', encoding="utf-8")
    with pytest.raises(JmedError, match=r"answers\.jsonl:1: damaged"):
        Journal(file)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    another = pytest.raises(JmedError, match="another process is writing these rows")
    with Journal(tmp_path / "a.jsonl"), another:
        Journal(tmp_path / "a.jsonl")
    with Journal(tmp_path / "a.jsonl") as again:
        again.put("a", Answer("x"))


def test_after_it_is_closed_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.__exit__(None, None, None)
    journal.put("a", Answer("x"))
    assert (tmp_path / "a.jsonl").read_bytes() == b""


def test_work_is_done_once_each_and_an_error_ends_it() -> None:
    done = dict(worked(range(100), lambda item: item * 2, 7, Event()))
    assert done == {place: place * 2 for place in range(100)}

    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 5:
            raise JmedError("the fifth")
        return item

    stopping = Event()
    with pytest.raises(JmedError, match="the fifth"):
        list(worked(range(10_000), work, 2, stopping))
    assert stopping.is_set()
    assert len(begun) < 10_000
