"""Files -> rows -> examples -> mixture: every format, every drop counted, faults by line."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from trainer.data.example import Chat, Example, Turn
from trainer.data.examples import read_examples
from trainer.data.mixture import Mixture, mix
from trainer.data.rows import absent_sources, read_source
from trainer.recipe.recipe import Data, Source

ROWS = [
    {"instruction": "色はどれか。", "input": "赤,青", "output": "赤"},
    {"instruction": "数はいくつか。", "input": "", "output": "三"},
]


def data_of(*files: Path, **more: Any) -> Data:
    return Data.model_validate({"datasets": [{"path": str(file)} for file in files], **more})


def jsonl(file: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(lines), encoding="utf-8")
    return file


def examples_of(file: Path, **more: Any) -> list[Example]:
    data = data_of(file, **more)
    return list(read_examples(data.datasets[0], data, Counter()))


def test_one_table_is_the_same_from_every_kind_of_file(tmp_path: Path) -> None:
    head = "instruction,input,output\n"
    body = '色はどれか。,"赤,青",赤\n数はいくつか。,,三\n'
    (tmp_path / "rows.csv").write_text(head + body, encoding="utf-8-sig")
    (tmp_path / "rows.tsv").write_text(
        "instruction\tinput\toutput\n色はどれか。\t赤,青\t赤\n数はいくつか。\t\t三\n",
        encoding="utf-8",
    )
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    wanted = examples_of(jsonl(tmp_path / "rows.jsonl", ROWS))
    for suffix in ("csv", "tsv", "parquet"):
        found = examples_of(tmp_path / f"rows.{suffix}")
        assert [(e.prompt, e.answer) for e in found] == [(e.prompt, e.answer) for e in wanted]


def test_rows_of_parquet_are_numbered_through(tmp_path: Path) -> None:
    """Beyond what is held at a time (128 rows), numbers go on."""
    count = 3_000
    parquet.write_table(pa.table({"text": ["あ"] * count}), tmp_path / "rows.parquet")
    rows = list(read_source(Source(path=str(tmp_path / "rows.parquet"))))
    assert len({row.where for row in rows}) == count
    assert rows[-1].where.endswith(f":{count}")


def test_an_instruction_is_asked_as_the_evaluation_asks(tmp_path: Path) -> None:
    """The prompt is the paper's, whose sections the recorded prompts hold to the byte."""
    first, second = examples_of(jsonl(tmp_path / "rows.jsonl", ROWS))
    assert "### 指示：\n色はどれか。\n" in str(first.prompt)
    assert "### 入力：\n赤,青\n" in str(first.prompt)
    assert str(first.prompt).endswith("### 応答：\n")
    assert "### 入力" not in str(second.prompt)
    assert (first.answer, second.answer) == ("赤", "三")


def exam(**more: Any) -> tuple[list[Example], Counter[str]]:
    data = Data.model_validate({"datasets": [{"exam": "sample"}], **more})
    counts: Counter[str] = Counter()
    return list(read_examples(data.datasets[0], data, counts)), counts


@pytest.mark.parametrize(
    ("asked", "shots"),
    [
        ({"protocol": "paper"}, 0),
        ({"protocol": "paper", "num_fewshot": 1}, 1),
        ({"protocol": "paper_1shot"}, 1),
        ({"protocol": "letters"}, 3),
        ({"protocol": "letters", "num_fewshot": 0}, 0),
        ({"protocol": "mc"}, 0),
        ({"protocol": "letters_mc"}, 3),
    ],
    ids=str,
)
def test_an_exam_is_asked_with_its_worked_examples_and_these_are_never_learnt(
    asked: dict[str, Any], shots: int
) -> None:
    """Bytes are held against lm_eval in tests/e2e/test_asked_as_scored.py."""
    found, counts = exam(**asked)
    published = load_exam("sample")
    left_out = sum(counts.values())
    assert len(found) + left_out == sum(published.card.published.values())
    shown = [question for question, _ in published.demonstrations]
    for example in found:
        assert [question.stem in str(example.prompt) for question in shown] == [
            place < shots for place in range(len(shown))
        ]
        assert not any(question.stem in example.text for question in shown)
    assert not {f"sample:{question.id}" for question in shown} & {e.where for e in found}
    turned, _ = exam(**asked, apply_chat_template=True, learn="all")
    assert not any(example.learn_all for example in turned)


def test_questions_that_are_left_out_are_counted_by_reason() -> None:
    _, counts = exam(protocol="letters")
    assert counts == {"left out of exam sample: needs a figure": 4}


def test_thinking_is_not_taught_from_questions_without_explanations() -> None:
    with pytest.raises(JmedError, match=r"cot: 116 of 116 questions .* after '考え方：'"):
        exam(protocol="cot")


def test_more_worked_examples_than_there_are_is_one_message() -> None:
    with pytest.raises(JmedError, match="num_fewshot: 4: exam sample has 3 worked examples"):
        exam(protocol="letters", num_fewshot=4)


def test_a_sitting_that_there_is_not_is_named() -> None:
    data = Data.model_validate({"datasets": [{"exam": "sample", "sittings": ["999"]}]})
    with pytest.raises(
        JmedError, match=r"^sittings of sample: '999' is not known \(allowed: 900\)"
    ):
        list(read_examples(data.datasets[0], data, Counter()))


@pytest.mark.parametrize("more", [{"protocol": "paper_1shot"}, {"num_fewshot": 1}])
def test_instruction_rows_have_no_worked_examples(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(JmedError, match="no worked examples"):
        examples_of(jsonl(tmp_path / "rows.jsonl", ROWS), **more)


def test_other_formats_are_taken_as_they_are(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "問"}, {"role": "assistant", "content": "答"}]
    rows: list[dict[str, Any]] = [
        {"prompt": "問：", "completion": "答"},
        {"messages": turns},
        {"prompt": turns[:1], "completion": turns[1:]},
        {"text": "ただの文。"},
    ]
    found = [examples_of(jsonl(tmp_path / f"{i}.jsonl", [row]))[0] for i, row in enumerate(rows)]
    assert [(e.prompt, e.answer) for e in found] == [
        ("問：", "答"),
        (Chat((Turn("user", "問"),)), Turn("assistant", "答")),
        (Chat((Turn("user", "問"),)), Turn("assistant", "答")),
        ("", "ただの文。"),
    ]


def test_apply_chat_template_makes_the_prompt_the_users_message(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rows.jsonl", ROWS[:1])
    plain, chat = examples_of(file)[0], examples_of(file, apply_chat_template=True)[0]
    assert chat.prompt == Chat((Turn("user", str(plain.prompt)),))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "問", "answer": "答"}, "found columns question, answer; allowed"),
        ({"instruction": "問", "output": ""}, "output: found ''; allowed: text that is not empty"),
        ({"instruction": None, "output": "答"}, "instruction: found 'None'"),
        ({"prompt": 3, "completion": "答"}, "prompt: found '3'"),
        ({"messages": "問"}, "messages: found '問'"),
        ({"messages": [{"role": "user", "content": "問"}]}, "messages: found"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
            "the last turn is 'user'",
        ),
        ({"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}, "allowed"),
        ({"text": " "}, "text: found ' '"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    file = jsonl(tmp_path / "rows.jsonl", [{"text": "先の行。"}, row])
    with pytest.raises(JmedError, match=message) as caught:
        examples_of(file)
    assert str(caught.value).startswith(f"{file}:2: ")


@pytest.mark.parametrize("protocol", ["letters", "cot"])
def test_instructions_have_no_letters(tmp_path: Path, protocol: str) -> None:
    with pytest.raises(JmedError, match=r"data\.protocol: paper"):
        examples_of(jsonl(tmp_path / "rows.jsonl", ROWS), protocol=protocol)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "no rows"),
        ("a.jsonl", b'{"text": "a"\n', "a.jsonl:1"),
        ("a.jsonl", '{"text": "あ"}\n'.encode("cp932"), "UTF-8"),
        ("a.csv", b"", "no rows"),
        ("a.csv", b"text\n", "no rows"),
        ("a.csv", b"text,text\na,b\n", "stands twice"),
        ("a.csv", b"text\na,b,c\n", "found 3 cells; allowed: 1"),
        ("a.parquet", b"not parquet", "not parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_message(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(JmedError, match=message) as caught:
        examples_of(file)
    assert str(file) in str(caught.value)


def test_what_is_not_here_is_listed_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JMED_MIRROR", "")
    monkeypatch.setenv("JMED_CACHE", str(tmp_path / "cache"))
    sources = [Source(path=str(tmp_path / "none.jsonl")), Source(exam="igakuqa")]
    found = absent_sources([*sources, Source(exam="sample")])
    assert len(found) == 2
    assert "no such file" in found[0]
    assert "jmed fetch igakuqa" in found[1]


def test_a_byte_far_in_a_file_is_named_by_its_place(tmp_path: Path) -> None:
    """The decoder reads in pieces, and counts from the beginning of its piece."""
    row = json.dumps({"text": "検査をする。" * 9}, ensure_ascii=False).encode() + b"\n"
    file = tmp_path / "rows.jsonl"
    file.write_bytes(row * 500 + b'{"text": "\xff"}\n' + row)
    with pytest.raises(JmedError, match=f"not UTF-8 at byte {500 * len(row) + 10};"):
        examples_of(file)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_corpus_is_not_held(tmp_path: Path, suffix: str) -> None:
    """Neither while it is mixed nor while it is read again: bytes of Python, at most."""
    rows = [{"text": f"{i}番の文書。" + "血圧を測る。" * 500} for i in range(2_000)]
    file = tmp_path / f"rows.{suffix}"
    if suffix == "jsonl":
        jsonl(file, rows)
    else:
        parquet.write_table(pa.Table.from_pylist(rows), file, row_group_size=100)
    size = sum(2 * len(row["text"]) for row in rows)
    del rows
    tracemalloc.start()
    try:
        found = mix(data_of(file, eval_fraction=0.1), seed=0)
        assert sum(len(str(e.answer)) for e in found.train) > size // 3
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(found.train), len(found.held_out)) == (1_800, 200)
    assert most < size / 6


def mixed(folder: Path, parts: Sequence[tuple[float, Sequence[str]]], held: float = 0) -> Mixture:
    sources = [
        {"path": str(jsonl(folder / f"{i}.jsonl", [{"text": t} for t in texts])), "weight": weight}
        for i, (weight, texts) in enumerate(parts)
    ]
    return mix(Data.model_validate({"datasets": sources, "eval_fraction": held}), seed=1)


@given(
    st.lists(
        st.tuples(st.floats(0.1, 3), st.lists(st.sampled_from("abcdefghij"), min_size=1)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([0.0, 0.2, 0.5]),
)
def test_rows_are_all_accounted_for(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[float, list[str]]],
    held: float,
) -> None:
    parts = [(1.0, ["always"]), (1.0, ["there"]), (1.0, ["too"]), *parts]
    found = mixed(tmp_path_factory.mktemp("mix"), parts, held)
    dropped = sum(n for what, n in found.counts.items() if what.startswith("dropped"))
    added = found.counts.get("added by weight", 0)
    assert sum(found.read.values()) == len(found.train) + len(found.held_out) + dropped - added
    assert not {e.answer for e in found.train} & {e.answer for e in found.held_out}


def test_a_prompt_is_held_out_with_all_its_answers(tmp_path: Path) -> None:
    rows = [{"prompt": f"問{i % 10}", "completion": f"答{i}"} for i in range(40)]
    data = data_of(jsonl(tmp_path / "rows.jsonl", rows), eval_fraction=0.3)
    found = mix(data, seed=0)
    assert len(found.held_out) == 12
    assert not {e.prompt for e in found.train} & {e.prompt for e in found.held_out}


def test_weights_repeat_whole_rows_and_draw_the_rest(tmp_path: Path) -> None:
    texts = [f"文{i}" for i in range(10)]
    found = mixed(tmp_path, [(2.5, texts)])
    counts = [sum(e.answer == text for e in found.train) for text in texts]
    assert sorted(counts) == [2] * 5 + [3] * 5
    assert found.counts == {"added by weight": 15}
    half = mixed(tmp_path, [(0.5, texts)])
    assert half.counts == {"dropped by weight": 5}
