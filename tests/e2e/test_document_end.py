"""Which token ends a document of continued pretraining, for the special tokens of real models."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trl
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.errors import JmedError
from tests.e2e.families import FAMILIES, tokenizer_of
from tests.e2e.token_cases import byte_tokenizer
from tests.e2e.tokenizer_kinds import sentencepiece_like
from trainer.data.chat_template import ChatTemplate
from trainer.data.document_end import document_end
from trainer.data.example import Example
from trainer.data.tokens import Audit, encode, encode_texts

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
DEEPSEEK = "<｜end▁of▁sentence｜>"


class Kind(NamedTuple):
    """The special tokens of a model. ends: what its generation config lists; wanted: what ends
    documents."""

    template: str
    eos: str
    pad: str | None
    ends: tuple[str, ...]
    others: tuple[str, ...] = ()
    wanted: str = ""


MODELS = [
    # template, eos_token, pad_token, what ends generation, other special tokens; ends documents
    Kind("qwen2_5", "<|im_end|>", "<|endoftext|>", ("<|im_end|>", "<|endoftext|>"), (),
     "<|endoftext|>"),
    Kind("qwen3", "<|im_end|>", "<|endoftext|>", ("<|im_end|>",), ("<|im_start|>",),
     "<|endoftext|>"),
    Kind("qwen3", "<|endoftext|>", "<|endoftext|>", ("<|endoftext|>",), ("<|im_end|>",),
     "<|endoftext|>"),  # Qwen3-…-Base has a chat template too
    Kind("qwen3_5_think", "<|im_end|>", "<|endoftext|>", ("<|im_end|>", "<|endoftext|>"), (),
     "<|endoftext|>"),
    Kind("llama3", "<|eot_id|>", None, ("<|end_of_text|>", "<|eot_id|>"), (), "<|end_of_text|>"),
    Kind("llama3_1", "<|eot_id|>", None, ("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"), (),
     "<|end_of_text|>"),
    Kind("llama3_1", "<|eot_id|>", None, ("<|eot_id|>",), ("<|end_of_text|>",), "<|end_of_text|>"),
    Kind("gemma3", "<eos>", "<pad>", ("<eos>", "<end_of_turn>"), (), "<eos>"),
    Kind("gemma4", "<eos>", "<pad>", ("<eos>", "<turn|>"), (), "<eos>"),
    Kind("gptoss", "<|return|>", "<|endoftext|>", ("<|return|>", "<|endoftext|>", "<|call|>"), (),
     "<|endoftext|>"),
    Kind("glm4moe", "<|endoftext|>", "<|endoftext|>", ("<|endoftext|>", "<|user|>"), (),
     "<|endoftext|>"),
    Kind("phi3", "<|endoftext|>", "<|endoftext|>", ("<|endoftext|>", "<|end|>"), ("</s>",),
     "<|endoftext|>"),
    Kind("phi3_5", "<|end|>", None, ("<|endoftext|>", "<|end|>"), ("</s>",), "<|endoftext|>"),
    Kind("cohere2", "<|END_OF_TURN_TOKEN|>", "<PAD>", ("<|END_OF_TURN_TOKEN|>",), ("<EOS_TOKEN>",),
     "<EOS_TOKEN>"),
    Kind("deepseekv3", DEEPSEEK, DEEPSEEK, (DEEPSEEK,), (), DEEPSEEK),
    Kind("", "</s>", "<pad>", ("</s>",), (), "</s>"),  # a base without a chat template
    Kind("", "<END>", "<pad>", ("<END>",), ("<|endoftext|>",), "<END>"),
]  # fmt: skip


def made(kind: Kind) -> ChatTemplate:
    """As `prepare` makes it of such a base."""
    found = ["<s>", kind.eos, kind.pad, *kind.ends, *kind.others]
    special = list(dict.fromkeys(token for token in found if token))
    file = TEMPLATES / f"{kind.template}.jinja"
    text = file.read_text(encoding="utf-8") if kind.template else None
    tokenizer = byte_tokenizer(special, eos_token=kind.eos, pad_token=kind.pad, chat_template=text)
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    return ChatTemplate(tokenizer, ends=frozenset(map(special.index, kind.ends)))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_documents_end_as_the_bases_do(model: Kind) -> None:
    base = made(model)
    assert base.document_end.token == model.wanted
    (tokens,) = encode_texts([Example("", "血圧を測る。", "a:1")], base)
    last = base.tokenizer.convert_tokens_to_ids(model.wanted)
    assert tokens.ids[-1] == last
    assert tokens.ids.count(last) == 1
    answers = list(encode(Example("問", "答", "a:2"), base, Audit()))
    assert answers[0].ids[-1] == base.tokenizer.eos_token_id  # what lm_eval stops at


@pytest.mark.parametrize("name", FAMILIES)
def test_in_every_family_a_document_does_not_end_as_a_turn_does(name: str) -> None:
    """The tiny tokenizers all have </s>, which ends texts where the family has no other."""
    family = FAMILIES[name]
    tokenizer = tokenizer_of(family, build_tokenizer(600))
    ends = [tokenizer.get_vocab()[end] for end in (str(tokenizer.eos_token), family.end)]
    found = document_end(tokenizer, ends, None)
    assert found.token == (family.eos or "</s>")
    assert found.token != family.end or not family.template


@pytest.mark.parametrize(
    ("ends", "others", "message"),
    [
        (("<|im_end|>",), (), r"a:1: .* cannot be told: .*<\|im_end\|>, may end turns, .* none is"),
        (("<|im_end|>",), ("</s>", "<|endoftext|>"), r"several are named so: </s>, <\|endoftext"),
        (("<|im_end|>", "<eos>", "</s>"), ("<|endoftext|>",), "several are named so: </s>, <eos>"),
    ],
)
def test_what_cannot_be_told_is_asked_for(
    ends: tuple[str, ...], others: tuple[str, ...], message: str
) -> None:
    base = made(Kind("qwen3", "<|im_end|>", None, ends, others))
    text = Example("", "文。", "a:1")
    with pytest.raises(JmedError, match=message) as caught:
        list(encode_texts([text], base))
    assert "allowed: data.eos_token" in str(caught.value)
    assert list(encode(Example("問", "答", "a:2"), base, Audit()))  # other rows do not need it
    told = ChatTemplate(base.tokenizer, ends=base.ends, eos_token="<|im_end|>")
    (tokens,) = encode_texts([text], told)
    assert tokens.ids[-1] == base.tokenizer.eos_token_id
    with pytest.raises(JmedError, match=r"'<nothing>' is no token .* allowed: .*<\|im_end"):
        ChatTemplate(base.tokenizer, eos_token="<nothing>").document_end  # noqa: B018


@pytest.fixture(scope="module", params=["bytes", "demo", "sentencepiece", "with BOS"])
def template(request: pytest.FixtureRequest) -> ChatTemplate:
    kinds: dict[str, Any] = {
        "bytes": byte_tokenizer,
        "demo": lambda: build_tokenizer(600),
        "sentencepiece": lambda: sentencepiece_like(bos=False),
        "with BOS": lambda: sentencepiece_like(bos=True),
    }
    return ChatTemplate(kinds[request.param]())


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6))
@settings(max_examples=40)
def test_many_texts_in_one_call_are_those_of_one_call_each(
    template: ChatTemplate, texts: list[str]
) -> None:
    examples = [Example("", text, f"a:{i}") for i, text in enumerate(texts)]
    alone = [tokens for one in examples for tokens in encode(one, template, Audit())]
    assert list(encode_texts(examples, template)) == alone
    plain = [template.tokenizer(f"{text}</s>")["input_ids"] for text in texts]
    assert [t.ids for t in alone] == plain
