"""Rows with two answers: TRL's formats with an explicit prompt, and what is refused of them."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from tests.unit.trainer.test_training_rows import data_of, examples_of, jsonl
from trainer.data.example import Chat, Example, Turn
from trainer.data.examples import read_examples
from trainer.data.mixture import mix
from trainer.data.overlap_guard import guard

ASKED = [{"role": "system", "content": "短く。"}, {"role": "user", "content": "何色か。"}]
TEXT = {"prompt": "何色か。", "chosen": "赤。", "rejected": "青。"}


def answer(content: str, **more: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": content, **more}]


MESSAGES = {"prompt": ASKED, "chosen": answer("赤。"), "rejected": answer("青。")}


def test_text_and_messages_are_read_as_one_prompt_with_two_answers(tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "rows.jsonl", [TEXT, MESSAGES])
    text, messages = examples_of(rows)
    assert text == Example("何色か。", "赤。", f"{rows}:1", rejected="青。")
    chat = Chat((Turn("system", "短く。"), Turn("user", "何色か。")))
    turns = Turn("assistant", "赤。"), Turn("assistant", "青。")
    assert messages == Example(chat, turns[0], f"{rows}:2", rejected=turns[1])


def test_text_becomes_a_turn_where_the_recipe_says_so(tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "rows.jsonl", [TEXT | {"system": "短く。"}])
    (example,) = examples_of(rows, apply_chat_template=True)
    assert example.prompt == Chat((Turn("system", "短く。"), Turn("user", "何色か。")))
    assert example.rejected == Turn("assistant", "青。")


def test_thoughts_stay_with_the_answer_that_they_precede(tmp_path: Path) -> None:
    row = MESSAGES | {"rejected": answer("青。", reasoning_content="空は青い。")}
    (example,) = examples_of(jsonl(tmp_path / "rows.jsonl", [row]))
    assert example.rejected == Turn("assistant", "青。", "空は青い。")
    assert example.answer == Turn("assistant", "赤。")


WHOLE = [*ASKED, *answer("赤。")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"chosen": WHOLE, "rejected": WHOLE}, r"rows.jsonl:1: found columns .* prompt too"),
        (
            TEXT | {"chosen": WHOLE},
            r"prompt: found '何色か。'; allowed: prompt, chosen and rejected",
        ),
        (
            MESSAGES | {"chosen": "赤。"},
            "chosen: found '赤。'; allowed: prompt, chosen and rejected",
        ),
        (MESSAGES | {"rejected": WHOLE}, "rejected: found .* one assistant turn each"),
        (MESSAGES | {"rejected": []}, "rejected: found .* one assistant turn each"),
        (MESSAGES | {"chosen": ASKED[1:]}, "the last turn is 'user'; allowed: assistant"),
        (MESSAGES | {"prompt": [*ASKED, *answer("x")]}, "two assistant turns in a row"),
        (TEXT | {"rejected": " "}, "rejected: found ' '; allowed: text that is not empty"),
        (TEXT | {"chosen": 3}, "chosen: found '3'; allowed: text"),
        (
            TEXT | {"reasoning_content": "x"},
            "reasoning_content: not used by rows of prompt, chosen",
        ),
        (TEXT | {"images": ["x"]}, "images: not used by rows of prompt, chosen, rejected"),
        (TEXT | {"system": "x"}, "system: plain text has no place for it"),
    ],
)
def test_what_is_no_pair_is_refused_by_name(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(JmedError, match=message):
        examples_of(jsonl(tmp_path / "rows.jsonl", [row]))


def test_other_columns_are_counted(tmp_path: Path) -> None:
    data = data_of(jsonl(tmp_path / "rows.jsonl", [TEXT | {"score_chosen": 8.0}]))
    counts: Counter[str] = Counter()
    assert len(list(read_examples(data.datasets[0], data, counts))) == 1
    assert [what for what in counts if "score_chosen" in what]


def test_another_rejected_answer_makes_another_row(tmp_path: Path) -> None:
    rows = [TEXT, TEXT, TEXT | {"rejected": "緑。"}, TEXT | {"chosen": "緑。"}]
    mixture = mix(data_of(jsonl(tmp_path / "rows.jsonl", rows)), 0)
    assert [(e.answer, e.rejected) for e in mixture.train] == [
        ("赤。", "青。"),
        ("赤。", "緑。"),
        ("緑。", "青。"),
    ]
    assert mixture.counts == {"dropped: the same prompt and answer stood before": 1}


@pytest.mark.parametrize("where", ["prompt", "chosen", "rejected"])
def test_questions_of_an_exam_are_found_in_either_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("JMED_MIRROR", "")
    stem = max((q.stem for q in load_exam("sample").questions), key=len)
    mixture = mix(data_of(jsonl(tmp_path / "rows.jsonl", [TEXT | {where: stem}])), 0)
    with pytest.raises(JmedError, match=r"may_overlap: \[sample\]"):
        guard(mixture, [])
