"""Token ids and labels: those of TRL for the same rows, those of lm_eval for the same prompt."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.models.huggingface import HFLM
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

from demo.tiny_model import build
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.exams.load import load_exam
from lm_eval_tasks.prompting import prompts
from lm_eval_tasks.prompting.doc import to_doc
from tests.e2e.sft_run import recipe_of
from tests.e2e.token_cases import chats, write_jsonl
from tests.e2e.tokenizer_kinds import sentencepiece_like, wordpiece_like
from trainer.data.chat_template import ChatTemplate
from trainer.data.dataset import prepare, tokens_of
from trainer.data.example import Chat, Example, Turn
from trainer.data.limits import ANSWER_CUT, PIECES, PROMPT_CUT, Limits
from trainer.data.mixture import mix
from trainer.data.tokens import IGNORED, KEPT_APART, MERGED, Audit, Tokens, encode
from trainer.planning.lengths import example_texts
from trainer.recipe.recipe import Recipe

CHATS = [
    Chat((Turn("user", "どの色か。"),)),
    Chat(
        (
            Turn("system", "短く答える。"),
            Turn("user", "幾つか。"),
            Turn("assistant", "三。"),
            Turn("user", "本当か。"),
        )
    ),
]
RED = Turn("assistant", "赤。")
LIMIT = Limits(256, "error")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens") / "base"
    build(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    return AutoTokenizer.from_pretrained(base)


@pytest.fixture(scope="module")
def template(tokenizer: Any) -> ChatTemplate:
    return ChatTemplate(tokenizer, ends=frozenset({tokenizer.eos_token_id}))


def encoded(example: Example, template: ChatTemplate) -> Tokens:
    (tokens,) = encode(example, template, Audit())
    return tokens


def tokenize(
    examples: list[Example], template: ChatTemplate, limits: Limits
) -> tuple[list[Tokens], Audit]:
    audit = Audit()
    return list(tokens_of(examples, template, limits, audit)), audit


def of_trl(base: Path, rows: list[dict[str, Any]], out: Path) -> list[tuple[list[int], list[int]]]:
    """(ids, labels) that TRL itself makes of TRL's own formats."""
    arguments = SFTConfig(
        output_dir=str(out), max_length=None, report_to="none", use_cpu=True, bf16=False
    )
    trainer = SFTTrainer(str(base), arguments, train_dataset=Dataset.from_list(rows))
    batch = [trainer.data_collator([row]) for row in trainer.train_dataset]
    return [(b["input_ids"][0].tolist(), b["labels"][0].tolist()) for b in batch]


def test_prompts_and_completions_are_those_of_trl(
    base: Path,
    template: ChatTemplate,
    tmp_path: Path,
) -> None:
    docs = [to_doc(question) for question in load_exam("sample").questions[:20]]
    rows = [
        {"prompt": prompts.letters(doc), "completion": prompts.letters_target(doc)} for doc in docs
    ]
    found = [encoded(Example(row["prompt"], row["completion"], ""), template) for row in rows]
    assert [(tokens.ids, tokens.labels) for tokens in found] == of_trl(base, rows, tmp_path)


def test_texts_and_their_end_are_those_of_trl(
    base: Path,
    template: ChatTemplate,
    tmp_path: Path,
) -> None:
    rows = [{"text": "血圧を測る。"}, {"text": "脈をとる。</s>"}]
    found = [encoded(Example("", row["text"], ""), template) for row in rows]
    assert [(tokens.ids, tokens.labels) for tokens in found] == of_trl(base, rows, tmp_path)
    assert all(tokens.ids.count(template.tokenizer.eos_token_id) == 1 for tokens in found)


def test_messages_are_those_of_trl(
    base: Path,
    template: ChatTemplate,
    tmp_path: Path,
) -> None:
    rows = [
        {"prompt": [turn.message for turn in prompt.turns], "completion": [RED.message]}
        for prompt in CHATS
    ]
    found = [encoded(Example(prompt, RED, ""), template) for prompt in CHATS]
    assert [(tokens.ids, tokens.labels) for tokens in found] == of_trl(base, rows, tmp_path)


def test_the_prompt_is_what_lm_eval_feeds(base: Path, template: ChatTemplate) -> None:
    """HFLM encodes a context by itself: the model must see the same ids in training."""
    scorer = HFLM(pretrained=str(base), device="cpu")
    for question in load_exam("sample").questions[:30]:
        doc = to_doc(question)
        tokens = encoded(Example(prompts.paper(doc), "答", ""), template)
        assert tokens.ids[: tokens.learnt_from] == scorer.tok_encode(prompts.paper(doc))


def test_the_end_is_learnt_and_the_prompt_is_not(tokenizer: Any, template: ChatTemplate) -> None:
    tokens = encoded(Example("問：赤か。\n", "はい", ""), template)
    assert set(tokens.labels[: tokens.learnt_from]) == {IGNORED}
    assert tokenizer.decode(tokens.labels[tokens.learnt_from :]) == "はい</s>"
    assert tokens.labels[-1] == tokenizer.eos_token_id


def test_tokens_across_the_end_of_a_prompt_are_kept_apart(tokenizer: Any) -> None:
    """lm_eval feeds the prompt alone: a token that reached into the answer never stands there."""
    words = (tokenizer.decode([number]) for number in range(300, len(tokenizer)))
    word = next(w for w in words if len(w) == 2 and len(tokenizer(w).input_ids) == 1)
    template = ChatTemplate(tokenizer)
    (tokens,) = encode(Example(word[:1], word[1:], "a:1"), template, audit := Audit())
    assert audit.counts == {KEPT_APART: 1}
    assert tokens.ids[: tokens.learnt_from] == tokenizer(word[:1]).input_ids
    assert tokenizer.decode(tokens.ids) == f"{word}</s>"
    (joined,) = encode(Example(word[:1], word[1:], "a:1", joined=True), template, Audit())
    assert joined.ids == tokenizer(f"{word}</s>").input_ids  # as for log-likelihoods


@given(st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=5))
@settings(max_examples=60)
def test_whatever_is_said_the_prompt_is_the_one_that_is_fed(
    template: ChatTemplate, contents: list[str]
) -> None:
    """Any characters, tokens' names among them; the last content is the answer."""
    *before, answer = contents
    roles = ("user", "assistant")
    prompt = Chat((Turn("system", "§"), *(Turn(roles[i % 2], c) for i, c in enumerate(before))))
    if prompt.turns[-1].role == "assistant":
        return
    example = Example(prompt, Turn("assistant", answer), "a:1", learn_all=True)
    found = list(encode(example, template, audit := Audit()))
    start, end = found[-1].spans[-1]
    assert not audit.counts[MERGED]
    assert end == len(found[-1].ids)
    assert found[-1].ids[:start] == template.feed(template.ask(prompt))
    assert template.tokenizer.decode(found[-1].ids[start:]) == f"{answer}</s>\n"
    assert sum(len(tokens.spans) for tokens in found) == 1 + len(before) // 2
    for tokens in found:
        assert sum(label != IGNORED for label in tokens.labels) == tokens.learnt


@pytest.mark.parametrize("bos", [True, False])
def test_no_blank_comes_between_prompt_and_answer(bos: bool) -> None:
    """SentencePiece puts one before a text that it is given alone."""
    tokenizer = sentencepiece_like(bos=bos)
    template = ChatTemplate(tokenizer)
    for prompt, answer in (("問", "題：暗所"), ("答え：", "a,c"), ("### 応答：\n", "GIP")):
        tokens = encoded(Example(prompt, answer, ""), template)
        assert tokens.ids[: tokens.learnt_from] == template.feed(prompt)
        learnt = tokenizer.convert_ids_to_tokens(tokens.ids[tokens.learnt_from :])
        assert "▁" not in "".join(learnt)


def test_a_tokenizer_that_ends_every_text_is_refused() -> None:
    with pytest.raises(JmedError, match="ends every text with </s>"):
        tokenize([Example("問", "答", "a:1")], ChatTemplate(wordpiece_like()), LIMIT)


def test_show_prints_text_and_mask(template: ChatTemplate) -> None:
    turns = [Example("問：赤か。\n", "はい", "a:1"), Example(CHATS[1], RED, "a:2", learn_all=True)]
    kept, _ = tokenize(turns, template, LIMIT)
    text = "\n".join(str(part) for part in example_texts(kept, template.tokenizer, 2))
    assert "問：赤か。\n⟦はい</s>⟧" in text
    assert "a:1: " in text
    assert "<|assistant|>\n⟦三。</s>\n⟧<|user|>\n本当か。</s>\n<|assistant|>\n⟦赤。</s>\n⟧" in text


def test_a_chat_template_without_an_end_is_refused(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    template = ChatTemplate(tokenizer, ends=frozenset({tokenizer.eos_token_id}))
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    with pytest.raises(JmedError, match="no end token"):
        tokenize([Example(CHATS[0], RED, "a:1")], template, LIMIT)
    tokenizer.chat_template = None
    with pytest.raises(JmedError, match="need a chat template"):
        tokenize([Example(CHATS[0], RED, "a:1")], template, LIMIT)


def test_settings_of_the_template_reach_a_row_and_are_read(
    base: Path, tokenizer: Any, template: ChatTemplate, tmp_path: Path
) -> None:
    given = recipe_of(base, tmp_path / "rows.jsonl", Path("unused"))
    given["data"]["chat_template_kwargs"] = {"enable_thinking": False}
    recipe = Recipe.model_validate(given)
    text: dict[str, Any] = {"prompt": "問", "completion": "答"}
    write_jsonl(tmp_path / "rows.jsonl", [text])
    with pytest.raises(JmedError, match="no row goes through the chat template"):
        prepare(recipe, mix(recipe.data, 3), tokenizer)
    write_jsonl(tmp_path / "rows.jsonl", [text, *chats(1)])
    with pytest.raises(JmedError, match="enable_thinking: not read by the model's chat template"):
        prepare(recipe, mix(recipe.data, 3), tokenizer)
    own = Example(Chat(CHATS[0].turns, kwargs='{"thinking": false}'), RED, "a:3")
    with pytest.raises(JmedError, match="thinking: not read by the model's chat template"):
        tokenize([own], template, LIMIT)


def long_and_short(long: int, short: int) -> list[Example]:
    return [Example("問", "答" * 400, f"l:{i}") for i in range(long)] + [
        Example("問", "答", f"s:{i}") for i in range(short)
    ]


@pytest.mark.parametrize(
    ("examples", "policy", "message"),
    [
        (long_and_short(1, 99), "error", "1 of 100 examples are longer than train.max_length 100"),
        (long_and_short(6, 94), "truncate", r"would cut 6 of 100 answers \(6%; allowed: 5%\)"),
        (long_and_short(5, 0), "drop", "every example is longer"),
    ],
)
def test_what_is_too_long_is_not_cut_in_silence(
    template: ChatTemplate,
    examples: list[Example],
    policy: str,
    message: str,
) -> None:
    with pytest.raises(JmedError, match=message):
        tokenize(examples, template, Limits(100, policy))


def test_each_drop_and_cut_is_counted(template: ChatTemplate) -> None:
    kept, audit = tokenize(long_and_short(3, 97), template, Limits(100, "drop"))
    assert len(kept) == 97
    assert audit.counts["dropped: longer than max_length"] == 3
    kept, audit = tokenize(long_and_short(3, 97), template, Limits(100, "truncate"))
    assert len(kept) == 100
    assert audit.counts == {ANSWER_CUT: 3}
    assert max(len(tokens.ids) for tokens in kept) == 100
    assert audit.lengths.total() == 100


def test_a_long_text_is_kept_in_pieces(template: ChatTemplate) -> None:
    example = Example("", "検査をする。" * 100, "t:1")
    whole = encoded(example, template)
    kept, audit = tokenize([example], template, Limits(100, "error"))
    assert [i for tokens in kept for i in tokens.ids] == whole.ids
    assert len(kept) == 1 + audit.counts[PIECES]


def of_qlora(tokenizer: Any, prompt: str, answer: str, source: int, target: int) -> Any:
    """ids and labels of artidoro/qlora's collator (qlora.py at 00e5ad2), in its words: source and
    target tokenised by themselves without special tokens, each cut at the right, joined."""
    ids = tokenizer(prompt, add_special_tokens=False, truncation=True, max_length=source).input_ids
    learnt = tokenizer(
        answer + tokenizer.eos_token, add_special_tokens=False, truncation=True, max_length=target
    ).input_ids
    return ids + learnt, [IGNORED] * len(ids) + learnt


def test_the_two_lengths_are_those_of_qlora(template: ChatTemplate) -> None:
    """512 + 512 where the tokenizer has no BOS of its own; a prompt may be cut, an answer too."""
    pairs = [("問題：" + "検" * n, "答" * m) for n, m in [(3, 4), (40, 4), (3, 40), (40, 40)]]
    pairs += [("短い。", "答")] * 96
    examples = [Example(prompt, answer, f"a:{i}") for i, (prompt, answer) in enumerate(pairs)]
    kept, audit = tokenize(examples, template, Limits(64, "truncate", 24, 40))
    tokenizer = template.tokenizer
    assert [(t.ids, t.labels) for t in kept] == [
        of_qlora(tokenizer, prompt, answer, 24, 40) for prompt, answer in pairs
    ]
    cut = [
        sum(len(tokenizer(p[i]).input_ids) + i > n for p in pairs) for i, n in ((0, 24), (1, 40))
    ]
    assert (audit.counts[PROMPT_CUT], audit.counts[ANSWER_CUT]) == tuple(cut)
    assert min(cut) > 0


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("error", "2 of 10 examples are longer than data.source_max_len 24 or target_max_len 40"),
        ("truncate", r"would cut 1 of 10 answers \(10%; allowed: 5%\): raise data.source_max_len"),
    ],
)
def test_no_more_is_cut_at_two_lengths_than_at_one(
    template: ChatTemplate, policy: str, message: str
) -> None:
    examples = [Example("検" * 40, "答", "a:1"), Example("問", "答" * 60, "a:2")]
    examples += [Example("問", "答", "b:1")] * 8
    with pytest.raises(JmedError, match=message):
        tokenize(examples, template, Limits(64, policy, 24, 40))
    kept, audit = tokenize(examples, template, Limits(64, "drop", 24, 40))
    assert len(kept) + sum(audit.counts.values()) == len(examples)


def test_two_lengths_leave_bos_as_lm_eval_feeds_it() -> None:
    """qlora.py writes one before every prompt; a model is then asked without where it has none."""
    for bos in (True, False):
        tokenizer = sentencepiece_like(bos=bos)
        limits = Limits(64, "error", 32, 32)
        kept, _ = tokenize([Example("問", "答", "a:1")], ChatTemplate(tokenizer), limits)
        assert (kept[0].ids[0] == tokenizer.bos_token_id) == bos
