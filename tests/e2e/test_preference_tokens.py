"""Pairs as token ids: those of SFT for either answer, and what does not fit counted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from tests.e2e.sft_run import recipe_of
from trainer.data.chat_template import ChatTemplate
from trainer.data.dataset import tokens_of
from trainer.data.example import Chat, Example, Turn
from trainer.data.limits import ANSWER_CUT, Limits
from trainer.data.mixture import Mixture
from trainer.data.preference import (
    COLUMNS,
    SAME,
    PairRows,
    encode_pair,
    row_lengths,
    tokenize_pairs,
)
from trainer.data.tokens import Audit
from trainer.recipe.recipe import Recipe
from trainer.training.method import method_of

TEXT = Example("どの色か。", "赤。", "rows:1", rejected="青と緑。")
CHAT = Example(
    Chat((Turn("system", "短く。"), Turn("user", "どの色か。"))),
    Turn("assistant", "赤。"),
    "rows:2",
    rejected=Turn("assistant", "青と緑。"),
)
LIMIT = Limits(256, "error")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ChatTemplate:
    folder = tmp_path_factory.mktemp("pairs") / "base"
    build(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    return ChatTemplate(tokenizer, ends=frozenset({tokenizer.eos_token_id}))


@pytest.mark.parametrize("example", [TEXT, CHAT], ids=["text", "chat"])
def test_either_answer_has_the_ids_that_sft_learns(
    template: ChatTemplate, example: Example
) -> None:
    (pair,), _ = tokenize_pairs([example], template, LIMIT, "train")
    prompt, chosen, rejected = pair.columns
    assert example.rejected
    alone = [replace(example, answer=a, rejected=None) for a in (example.answer, example.rejected)]
    sft = list(tokens_of(alone, template, LIMIT, Audit()))
    for ids, one in zip((chosen, rejected), sft, strict=True):
        assert prompt + ids == one.ids
        assert ids == [label for label in one.labels if label >= 0]
    end = template.tokenizer.eos_token_id
    assert chosen.count(end) == rejected.count(end) == 1


def test_the_prompt_is_the_one_that_is_asked(template: ChatTemplate) -> None:
    assert isinstance(CHAT.prompt, Chat)
    assert isinstance(TEXT.prompt, str)
    asked = {CHAT: template.ask(CHAT.prompt), TEXT: TEXT.prompt}
    for example, prompt in asked.items():
        assert encode_pair(example, template, Audit()).columns[0] == template.feed(prompt)


def test_trl_cuts_nothing_of_what_it_gets(template: ChatTemplate) -> None:
    pairs, _ = tokenize_pairs([TEXT, CHAT], template, LIMIT, "train")
    rows = PairRows(pairs).rows
    assert rows.column_names == list(COLUMNS)
    batch = DataCollatorForPreference(pad_token_id=0, max_length=max(row_lengths(rows)))(list(rows))
    sides = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    for made, ids, mask, learnt in zip(
        sides, batch["input_ids"], batch["attention_mask"], batch["completion_mask"], strict=True
    ):
        assert ids[mask.bool()].tolist() == made.ids
        assert int(learnt.sum()) == made.learnt


LONG = replace(TEXT, rejected="青" * 100)


def test_a_pair_whose_one_answer_is_too_long_is_an_error_or_dropped_whole(
    template: ChatTemplate,
) -> None:
    with pytest.raises(JmedError, match="1 of 2 examples are longer"):
        tokenize_pairs([TEXT, LONG], template, Limits(32, "error"), "train")
    kept, audit = tokenize_pairs([TEXT, LONG], template, Limits(32, "drop"), "train")
    assert [pair.chosen.where for pair in kept] == ["rows:1"]
    assert audit.counts == {"dropped: longer than max_length": 1}
    assert audit.lengths.total() == 2
    assert max(audit.lengths) > 100


def test_a_cut_is_that_of_a_pair(template: ChatTemplate) -> None:
    examples = [*[replace(TEXT, answer=f"赤{n}。") for n in range(30)], LONG]
    kept, audit = tokenize_pairs(examples, template, Limits(32, "truncate"), "train")
    assert audit.counts == {ANSWER_CUT: 1}
    assert len(kept) == 31
    assert len(kept[-1].rejected.ids) == 32


def test_equal_answers_are_dropped_and_counted_also_where_only_a_cut_makes_them_equal(
    template: ChatTemplate,
) -> None:
    same = replace(TEXT, rejected=TEXT.answer)
    kept, audit = tokenize_pairs([TEXT, same], template, LIMIT, "train")
    assert (len(kept), audit.counts) == (1, {SAME: 1})
    cut = replace(TEXT, answer="青" * 100, rejected="青" * 101)
    examples = [*[replace(TEXT, answer=f"赤{n}。") for n in range(30)], cut]
    kept, audit = tokenize_pairs(examples, template, Limits(32, "truncate"), "train")
    assert (len(kept), audit.counts) == (30, {ANSWER_CUT: 1, SAME: 1})
    with pytest.raises(JmedError, match="in every row chosen and rejected are the same"):
        tokenize_pairs([same, same], template, LIMIT, "train")


def test_a_prompt_that_fills_the_length_is_no_pair(template: ChatTemplate) -> None:
    long = replace(TEXT, prompt="色" * 100)
    _, audit = tokenize_pairs([TEXT, long], template, Limits(32, "drop"), "train")
    assert audit.counts == {"dropped: the prompt alone fills max_length": 1}


@pytest.mark.parametrize(
    ("example", "more", "message"),
    [
        (TEXT, {}, "rows:1: prompt, chosen, rejected: allowed in a recipe with a section dpo"),
        (replace(TEXT, rejected=None), {"dpo": {}}, "rows:1: one answer; allowed with a section"),
    ],
)
def test_rows_of_the_other_method_are_refused(
    template: ChatTemplate, example: Example, more: dict[str, Any], message: str
) -> None:
    base = Path(template.tokenizer.name_or_path)
    recipe = Recipe.model_validate(recipe_of(base, base / "rows.jsonl", base / "run") | more)
    rows: Any = [example]
    mixture = Mixture(rows, rows[1:], {}, {})
    with pytest.raises(JmedError, match=message):
        method_of(recipe).prepare(recipe, mixture, template.tokenizer, None)
