"""What is kept in a folder is read back as it was, whatever ended the process that wrote it."""

import json
import math
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.resume.answers import Answers

FIRST = {"k1": "a,c", "k2": [-1.25, True], "k3": -7.5}
SECOND = {"k4": "答え：\n b", "k5": [-math.inf, False]}


def read(folder: Path, rank: int = 0) -> Answers:
    return Answers(folder, rank)


def content(folder: Path) -> dict[str, object]:
    with closing(read(folder)) as found:
        return {key: found[key] for key in (*FIRST, *SECOND) if key in found}


def write(folder: Path) -> Path:
    with closing(read(folder)) as answers:
        answers.add(FIRST)
        answers.add(SECOND)
        return answers.file


def test_what_was_added_is_there_in_the_next_process(tmp_path: Path) -> None:
    write(tmp_path)
    assert content(tmp_path) == FIRST | SECOND


def test_a_file_cut_at_any_byte_has_every_part_that_was_finished(
    tmp_path: Path,
) -> None:
    whole = write(tmp_path).read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    kept = [0, len(FIRST), len(FIRST | SECOND)]
    file = tmp_path / "cut" / "answers_rank0.jsonl"
    file.parent.mkdir()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        finished = kept[sum(end < length for end in ends)]
        assert list(content(file.parent)) == list(FIRST | SECOND)[:finished], length
        with closing(read(file.parent)) as going_on:
            going_on.add({"next": "x"})
        with closing(read(file.parent)) as again:
            assert len(again) == finished + 1, length
            assert again["next"] == "x", length


@pytest.mark.parametrize("number", [1, 2])
def test_a_changed_line_is_refused_by_its_number(tmp_path: Path, number: int) -> None:
    file = write(tmp_path)
    lines = file.read_text(encoding="ascii").splitlines(keepends=True)
    entry = json.loads(lines[number - 1])
    for change in (
        {"answers": {**entry["answers"], "k1": "e"}},
        {"answers": {"other": "a,c"}},
        {"sha256": "0" * 16},
        {"answers": [1]},
    ):
        changed = f"{json.dumps(entry | change)}\n"
        file.write_text("".join([*lines[: number - 1], changed, *lines[number:]]), encoding="ascii")
        with pytest.raises(JmedError, match=f"line {number} is damaged"):
            read(tmp_path)


@pytest.mark.parametrize("line", [b"\0\0\0\n", b"{}\n", b"[1]\n", b"\xff\n", b"\n", b'"a"\n'])
def test_a_line_that_is_none_of_ours_is_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "answers_rank0.jsonl").write_bytes(line)
    with pytest.raises(JmedError, match="line 1 is damaged"):
        read(tmp_path)


def test_two_runs_at_once_are_refused_and_two_processes_of_one_run_are_not(tmp_path: Path) -> None:
    first = read(tmp_path)
    with pytest.raises(JmedError, match="another run adds its answers there"):
        read(tmp_path)
    first.add(FIRST)
    second = read(tmp_path, rank=1)
    assert "k1" in second
    second.add(SECOND)
    first.close()
    second.close()
    assert content(tmp_path) == FIRST | SECOND


def test_what_another_process_is_writing_is_left_to_it(tmp_path: Path) -> None:
    whole = write(tmp_path).read_bytes()
    (tmp_path / "answers_rank1.jsonl").write_bytes(whole[:-5])
    assert len(read(tmp_path)) == 5
    assert (tmp_path / "answers_rank1.jsonl").read_bytes() == whole[:-5]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("", encoding="utf-8")
    with pytest.raises(JmedError, match="--resume"):
        read(tmp_path / "kept")


ANSWERS = st.one_of(
    st.text(), st.floats(allow_nan=False), st.tuples(st.floats(allow_nan=False), st.booleans())
)


@given(st.dictionaries(st.text(min_size=1), ANSWERS, max_size=5))
def test_any_answer_comes_back_to_the_last_digit(answers: dict[str, object]) -> None:
    import tempfile  # noqa: PLC0415 (a fixture would be one folder for all examples)

    as_json = {key: list(one) if isinstance(one, tuple) else one for key, one in answers.items()}
    with tempfile.TemporaryDirectory() as name:
        with closing(read(Path(name))) as kept:
            kept.add(as_json)
        with closing(read(Path(name))) as found:
            assert {key: found[key] for key in as_json} == as_json
