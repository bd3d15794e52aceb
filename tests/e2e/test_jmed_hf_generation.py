"""Responses are those of `hf`, token for token, with less fed to the model."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_eval_tasks.models.fed import Fed, count_fed
from lm_eval_tasks.models.jmed_hf import JmedHF
from tests.e2e.tiny_pairs import KINDS, PACKED, make, requests, shorter, unchecked, with_examples

# frequent in the sample, so that rows end at different times
UNTIL = ["の", "る", "x", "\n", "る病"]


def pair(
    folder: Path,
    asked: list[Instance],
    batch_size: int = 8,
    checked: bool = True,
    **settings: Any,
) -> tuple[JmedHF, list[str], Fed, list[str]]:
    """Ours, its responses; what hf was fed, its responses.

    Args:
        checked: False as if all had been checked already, for the tokens of a check would count.
    """
    early = settings.pop("stop_when_answered", False)
    common = {"pretrained": str(folder), "device": "cpu", "dtype": "float32", **settings}
    ours = JmedHF(**common, stop_when_answered=early)
    if not checked:
        unchecked(ours)
    stock = HFLM(**common, batch_size=batch_size)
    fed = count_fed(stock.model)
    mine = ours.generate_until(asked, disable_tqdm=True)
    theirs = stock.generate_until(asked, disable_tqdm=True)
    return ours, mine, fed, theirs


TASKS = (("jmed_sample_letters", 3), ("jmed_sample_paper", 0), ("jmed_sample_paper", 1))


@pytest.mark.parametrize("kind", KINDS)
def test_responses_are_those_of_hf(kind: str, tmp_path: Path) -> None:
    asked = [request for task, shots in TASKS for request in requests(task, shots=shots)]
    ours, mine, _, theirs = pair(make(tmp_path, kind, **PACKED[kind]), shorter(asked, 48))
    assert mine == theirs
    assert ours.proven
    assert not ours.fallback
    assert all(len(set(mine[start : start + 12])) > 6 for start in (0, 12, 24))


def test_five_worked_examples_are_read_once(tmp_path: Path) -> None:
    """Counts, no clock: what a regression would raise."""
    asked = shorter(with_examples(requests("jmed_sample_paper", 16), 5), 32)
    ours, mine, fed, theirs = pair(make(tmp_path, "llama"), asked, checked=False)
    assert mine == theirs
    assert ours.fed.tokens * 3 < fed.tokens
    assert ours.fed.calls < fed.calls
    lengths = sorted(len(ours.tok_encode(request.args[0])) for request in asked)
    assert fed.tokens > sum(lengths)
    assert ours.fed.tokens < sum(lengths) / 3


def test_rows_leave_when_they_end(tmp_path: Path) -> None:
    asked = shorter(requests("jmed_sample_letters", 24), 64, until=UNTIL)
    ours, mine, fed, theirs = pair(make(tmp_path, "llama"), asked, batch_size=1)
    assert mine == theirs
    assert len({len(response) for response in mine}) > 4
    assert ours.fed.calls < fed.calls / 3
    # a batch of 24 without leaving would be fed 24 tokens at each step
    prompts = 24 * max(len(ours.tok_encode(request.args[0])) for request in asked)
    assert ours.fed.tokens < prompts


def test_small_batches_and_cut_prompts_give_the_same(tmp_path: Path) -> None:
    asked = shorter(requests("jmed_sample_letters", 12), 16)
    folder = make(tmp_path, "llama")
    lengths = sorted(len(AutoTokenizer.from_pretrained(folder)(r.args[0])["input_ids"])
                     for r in asked)  # fmt: skip
    room = lengths[6] + 16
    # in batches of one, hf cuts each prompt by itself
    few, mine, _, theirs = pair(folder, asked, batch_size=1, max_length=room)
    assert mine == theirs
    small = JmedHF(pretrained=str(folder), device="cpu", dtype="float32", max_packed_tokens=900)
    large = JmedHF(pretrained=str(folder), device="cpu", dtype="float32")
    assert small.generate_until(asked, disable_tqdm=True) == large.generate_until(
        asked, disable_tqdm=True
    )
    assert small.fed.calls > large.fed.calls
    assert few.fed.calls > 0


def test_chat_templates_and_several_tasks_in_one_call(tmp_path: Path) -> None:
    folder = make(tmp_path, "qwen2")
    chat = HFLM(pretrained=str(folder), device="cpu", dtype="float32")
    asked = shorter(requests("jmed_sample_letters", 4) + requests("jmed_sample_cot", 4), 24)
    for request in asked:
        turns = [{"role": "user", "content": request.args[0]}]
        request.arguments = ("<s>" + chat.apply_chat_template(turns), request.args[1])
    _, mine, _, theirs = pair(folder, asked)
    assert mine == theirs


def test_adapters_generate_with_shared_examples_too(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    folder = make(tmp_path / "base", "llama")
    base = AutoModelForCausalLM.from_pretrained(folder)
    lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(base, lora).save_pretrained(str(tmp_path / "adapter"))
    asked = shorter(requests("jmed_sample_letters"), 24)
    ours, mine, fed, theirs = pair(folder, asked, peft=str(tmp_path / "adapter"))
    assert mine == theirs
    assert ours.fed.tokens < fed.tokens
    assert mine != pair(folder, asked)[1]


def test_four_bit(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs bitsandbytes")
    ours = JmedHF(
        pretrained=str(make(tmp_path, "llama")), device="cpu", dtype="float32", batch_size=4,
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="float32",
    )  # fmt: skip
    unchecked(ours)
    asked = shorter(requests("jmed_sample_letters", 6), 8)
    mine = ours.generate_until(asked, disable_tqdm=True)
    tokens = ours.fed.tokens
    assert mine == HFLM.generate_until(ours, asked, disable_tqdm=True)
    assert 0 < tokens < ours.fed.tokens - tokens


def test_bfloat16_differs_where_hf_differs_from_itself(tmp_path: Path) -> None:
    """Near ties fall either way; the responses' beginnings agree."""
    asked = shorter(requests("jmed_sample_letters"), 3)
    _, mine, _, theirs = pair(make(tmp_path, "llama"), asked, dtype="bfloat16")
    assert sum(a == b for a, b in zip(mine, theirs, strict=True)) >= len(asked) - 2


def chain(folder: Path, text: str) -> None:
    """Make a model write `text` over and over, whatever it is asked: each token names the next."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(set(tokens)) == len(tokens)
    table: torch.Tensor = model.get_parameter("model.embed_tokens.weight")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "o_proj" in name or "down_proj" in name:
                parameter.zero_()
        following = torch.full((len(table),), tokens[0])
        for now, then in pairwise([*tokens, tokens[0]]):
            following[now] = then
        unit = torch.nn.functional.normalize(table, dim=-1)
        head = torch.zeros_like(table).index_add_(0, following[tokens], unit[tokens])
        others = torch.tensor([t for t in range(len(table)) if t not in tokens])
        head[tokens[0]] += 0.001 * unit[others].sum(0)
        model.lm_head.weight.copy_(head)
    model.save_pretrained(folder)


@pytest.mark.parametrize("task", ["jmed_sample_letters", "jmed_sample_cot"])
def test_a_stated_answer_ends_a_response_where_that_is_asked_for(task: str, tmp_path: Path) -> None:
    folder = make(tmp_path, "llama")
    chain(folder, "答え：b\n心不全\r")
    asked = shorter(requests(task, 4), 64)
    stopped, short, _, _ = pair(folder, asked, stop_when_answered=True)
    going, long, fed, theirs = pair(folder, asked)
    assert long == theirs
    assert all(response.endswith("b\n") for response in short)
    assert all(full.startswith(part) and len(full) > 2 * len(part)
               for full, part in zip(long, short, strict=True))  # fmt: skip
    assert stopped.fed.calls * 2 < going.fed.calls <= fed.calls + 8


def test_the_paper_is_never_stopped_early(tmp_path: Path) -> None:
    folder = make(tmp_path, "llama")
    chain(folder, "答え：b\n心不全\r")
    asked = requests("jmed_sample_paper", 3)
    _, mine, fed, theirs = pair(folder, asked, stop_when_answered=True)
    assert mine == theirs
    assert fed.calls == 256
