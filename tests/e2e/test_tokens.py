"""Token ids and labels: those of TRL for the same rows, those of lm_eval for the same prompt."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from lm_eval.models.huggingface import HFLM
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

from demo.tiny_model import build
from lm_eval_tasks import prompts
from lm_eval_tasks.doc import to_doc
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.load import load_exam
from trainer.examples import Example
from trainer.show import shown
from trainer.tokens import IGNORED, encode, tokenize

CHATS = [
    (("user", "どの色か。"),),
    (("system", "短く答える。"), ("user", "幾つか。"), ("assistant", "三。"), ("user", "本当か。")),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens") / "base"
    build(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    return AutoTokenizer.from_pretrained(base)


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
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    docs = [to_doc(question) for question in load_exam("sample").questions[:20]]
    rows = [
        {"prompt": prompts.letters(doc), "completion": prompts.letters_target(doc)} for doc in docs
    ]
    found = [
        encode(Example(row["prompt"], row["completion"], ""), tokenizer, Counter()) for row in rows
    ]
    assert [(tokens.ids, tokens.labels) for tokens in found] == of_trl(base, rows, tmp_path)


def test_texts_and_their_end_are_those_of_trl(
    base: Path,
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    rows = [{"text": "血圧を測る。"}, {"text": "脈をとる。</s>"}]
    found = [encode(Example("", row["text"], ""), tokenizer, Counter()) for row in rows]
    assert [(tokens.ids, tokens.labels) for tokens in found] == of_trl(base, rows, tmp_path)
    assert all(tokens.ids.count(tokenizer.eos_token_id) == 1 for tokens in found)


def test_messages_are_those_of_trl(
    base: Path,
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    def turns(prompt: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
        return [{"role": role, "content": text} for role, text in prompt]

    answer = [{"role": "assistant", "content": "赤。"}]
    rows = [{"prompt": turns(prompt), "completion": answer} for prompt in CHATS]
    found = [encode(Example(prompt, "赤。", ""), tokenizer, Counter()) for prompt in CHATS]
    assert [(tokens.ids, tokens.labels) for tokens in found] == of_trl(base, rows, tmp_path)


def test_the_prompt_is_what_lm_eval_feeds(base: Path, tokenizer: Any) -> None:
    """HFLM encodes a context by itself: the model must see the same ids in training."""
    scorer = HFLM(pretrained=str(base), device="cpu")
    for question in load_exam("sample").questions[:30]:
        doc = to_doc(question)
        tokens = encode(Example(prompts.paper(doc), "答", ""), tokenizer, Counter())
        assert tokens.ids[: tokens.learnt_from] == scorer.tok_encode(prompts.paper(doc))


def test_the_end_is_learnt_and_the_prompt_is_not(tokenizer: Any) -> None:
    tokens = encode(Example("問：赤か。\n", "はい", ""), tokenizer, Counter())
    assert set(tokens.labels[: tokens.learnt_from]) == {IGNORED}
    assert tokenizer.decode(tokens.labels[tokens.learnt_from :]) == "はい</s>"
    assert tokens.labels[-1] == tokenizer.eos_token_id


def test_show_prints_text_and_mask(tokenizer: Any) -> None:
    kept, _ = tokenize([Example("問：赤か。\n", "はい", "a:1")], tokenizer, 64, "error", "train")
    text = "\n".join(str(part) for part in shown(kept, tokenizer, 1))
    assert "問：赤か。" in text
    assert "はい" in text
    assert "a:1" in text


def test_a_chat_template_without_an_end_is_refused(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    with pytest.raises(JmedError, match="no end token"):
        tokenize([Example(CHATS[0], "赤。", "a:1")], tokenizer, 64, "error", "train")
    tokenizer.chat_template = None
    with pytest.raises(JmedError, match="need a chat template"):
        tokenize([Example(CHATS[0], "赤。", "a:1")], tokenizer, 64, "error", "train")


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
    tokenizer: Any,
    examples: list[Example],
    policy: str,
    message: str,
) -> None:
    with pytest.raises(JmedError, match=message):
        tokenize(examples, tokenizer, 100, policy, "train")


def test_each_drop_and_cut_is_counted(tokenizer: Any) -> None:
    kept, audit = tokenize(long_and_short(3, 97), tokenizer, 100, "drop", "train")
    assert len(kept) == 97
    assert audit.counts["dropped: longer than max_length"] == 3
    kept, audit = tokenize(long_and_short(3, 97), tokenizer, 100, "truncate", "train")
    assert len(kept) == 100
    assert audit.counts["cut: the answer loses its end"] == 3
    assert max(len(tokens.ids) for tokens in kept) == 100
    assert len(audit.lengths) == 100


def test_a_long_text_is_kept_in_pieces(tokenizer: Any) -> None:
    example = Example("", "検査をする。" * 100, "t:1")
    whole = encode(example, tokenizer, Counter())
    kept, audit = tokenize([example], tokenizer, 100, "error", "train")
    assert [i for tokens in kept for i in tokens.ids] == whole.ids
    assert len(kept) == 1 + audit.counts["added: pieces of texts longer than max_length"]
