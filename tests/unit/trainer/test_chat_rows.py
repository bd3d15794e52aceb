"""Columns of rows: used, refused by name, or counted as not used; never dropped in silence."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from lm_eval_tasks.errors import JmedError
from trainer.data.example import Chat, Example, Turn
from trainer.data.examples import read_examples
from trainer.recipe.recipe import Data

ASK = {"role": "user", "content": "問"}
SAY = {"role": "assistant", "content": "答"}
TOOL = {"type": "function", "function": {"name": "dose", "parameters": {}}}
CALL = {"type": "function", "function": {"name": "dose", "arguments": {"mg": 5}}}


def read(folder: Path, row: Mapping[str, Any], **data: Any) -> tuple[Example, Counter[str]]:
    file = folder / "rows.jsonl"
    file.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    counts: Counter[str] = Counter()
    given = Data.model_validate({"datasets": [{"path": str(file)}], **data})
    (example,) = read_examples(given.datasets[0], given, counts)
    return example, counts


def turns(example: Example) -> list[tuple[str, str]]:
    assert isinstance(example.prompt, Chat)
    return [(turn.role, turn.content) for turn in example.prompt.turns]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_a_thought_is_read_under_each_of_its_names(tmp_path: Path, name: str) -> None:
    example, _ = read(tmp_path, {"messages": [ASK, {**SAY, name: "考え。"}]})
    assert example.answer == Turn("assistant", "答", "考え。")
    row = {"instruction": "問", "output": "答", name: "考え。"}
    example, _ = read(tmp_path, row, apply_chat_template=True)
    assert example.answer == Turn("assistant", "答", "考え。")
    with pytest.raises(JmedError, match=rf"rows.jsonl:1: {name}: plain text has no place"):
        read(tmp_path, row)


def test_system_and_history_are_turns_before_the_question(tmp_path: Path) -> None:
    row = {
        "instruction": "問", "input": "", "output": "答", "system": "医師として。",
        "history": [["前の問", "前の答"]],
    }  # fmt: skip
    example, _ = read(tmp_path, row, apply_chat_template=True, learn="all")
    roles = [role for role, _ in turns(example)]
    assert roles == ["system", "user", "assistant", "user"]
    assert turns(example)[:3] == [
        ("system", "医師として。"),
        ("user", "前の問"),
        ("assistant", "前の答"),
    ]
    assert example.learn_all
    for column in ("system", "history"):
        with pytest.raises(JmedError, match=f"{column}: plain text has no place"):
            read(
                tmp_path,
                {k: v for k, v in row.items() if k not in {"system", "history"} - {column}},
            )
    with pytest.raises(JmedError, match=r"history: found '一つ'; allowed: \[\["):
        read(tmp_path, {**row, "history": "一つ"}, apply_chat_template=True)


def test_the_recipes_system_instruction_goes_before_what_it_puts_into_a_prompt(
    tmp_path: Path,
) -> None:
    row = {"prompt": "問", "completion": "答"}
    instruction = {"system_instruction": "医師として。"}
    assert read(tmp_path, row, **instruction)[0].prompt == "医師として。問"
    example, counts = read(tmp_path, row, **instruction, apply_chat_template=True)
    assert turns(example) == [("system", "医師として。"), ("user", "問")]
    assert not counts
    example, counts = read(tmp_path, {"messages": [ASK, SAY]}, **instruction)
    assert turns(example) == [("user", "問")]
    assert counts.total() == 1
    with pytest.raises(JmedError, match=r"this column or data\.system_instruction"):
        read(tmp_path, {**row, "system": "x"}, **instruction, apply_chat_template=True)


def test_tools_and_settings_of_a_row_are_kept(tmp_path: Path) -> None:
    row = {
        "messages": [ASK, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                     {"role": "tool", "content": "5", "tool_call_id": "1"}, SAY],
        "tools": json.dumps([TOOL]), "chat_template_kwargs": {"enable_thinking": False},
    }  # fmt: skip
    example, _ = read(tmp_path, row)
    assert isinstance(example.prompt, Chat)
    assert json.loads(example.prompt.tools) == [TOOL]
    assert json.loads(example.prompt.kwargs) == {"enable_thinking": False}
    assert example.prompt.turns[1].message == {
        "role": "assistant", "content": "", "tool_calls": [CALL],
    }  # fmt: skip
    assert example.prompt.turns[2].extras == {"tool_call_id": "1"}


def test_keys_that_arrow_fills_in_are_no_keys(tmp_path: Path) -> None:
    """In parquet every message has the keys of all, as null."""
    rows = [{"messages": [ASK, {**SAY, "reasoning_content": "考え。", "name": "m"}]}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    data = Data.model_validate({"datasets": [{"path": str(tmp_path / "rows.parquet")}]})
    (example,) = read_examples(data.datasets[0], data, Counter())
    assert turns(example) == [("user", "問")]
    assert example.answer == Turn("assistant", "答", "考え。", json.dumps({"name": "m"}))


def test_columns_that_say_nothing_to_a_model_are_counted(tmp_path: Path) -> None:
    example, counts = read(tmp_path, {"messages": [ASK, SAY], "id": 3, "source": "本", "tags": []})
    assert turns(example) == [("user", "問")]
    file = tmp_path / "rows.jsonl"
    assert counts == {
        f"not used: column id of {file}": 1,
        f"not used: column source of {file}": 1,
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"messages": [ASK, SAY], "reasoning_content": "考"},
            "reasoning_content: not used by rows",
        ),
        ({"messages": [ASK, SAY], "images": ["a.png"]}, "images: not used by rows of messages"),
        ({"messages": [ASK, SAY], "history": [["a", "b"]]}, "allowed beside them: system, tools"),
        ({"text": "文", "tools": [TOOL]}, "tools: not used by rows of text.* beside them: none"),
        ({"prompt": "問", "chosen": "a", "completion": "b"}, "chosen: not used"),
        ({"prompt": [ASK], "completion": [SAY], "thinking": "考"}, "as a key of the assistant's"),
        ({"messages": [{"role": "userr", "content": "a"}, SAY]}, "did you mean 'user'"),
        ({"messages": [ASK, {**SAY, "weight": 0}]}, "a turn has 'weight', which is not read"),
        ({"messages": [{**ASK, "thinking": "考"}, SAY]}, "user has a thought or tool_calls"),
        ({"messages": [ASK, SAY, SAY]}, "two assistant turns in a row"),
        (
            {"messages": [ASK, {**SAY, "thinking": "a", "reasoning": "b"}]},
            "reasoning and thinking: allowed: one",
        ),
        ({"messages": [ASK, {**SAY, "thinking": 3}]}, "thinking: found '3'; allowed: text"),
        ({"messages": [ASK, SAY], "tools": {"a": 1}}, "tools: found .*; allowed: a list"),
        ({"messages": [ASK, SAY], "chat_template_kwargs": "no"}, "allowed: an object"),
        (
            {"messages": [{"role": "system", "content": "a"}, ASK, SAY], "system": "b"},
            "system turn",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(JmedError, match=message) as caught:
        read(tmp_path, row)
    assert str(caught.value).startswith(f"{tmp_path / 'rows.jsonl'}:1: ")
