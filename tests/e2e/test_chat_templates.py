"""Real chat templates, as TRL keeps copies of them: what is asked, what is learnt, what is refused.

The prompt is always the one that lm_eval asks (tests/e2e/test_asked_as_scored.py).
"""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import trl

from demo.tiny_model import build_tokenizer
from lm_eval_tasks.errors import JmedError
from trainer.data.chat_template import ChatTemplate, check_kwargs
from trainer.data.example import Chat, Example, Turn
from trainer.data.learnt_text import EARLIER_THOUGHTS, Exchange
from trainer.data.taught import notes_on
from trainer.data.tokens import TURN_BY_TURN, Audit, encode
from trainer.recipe.protocols import ScoringTask

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
ENDS = (
    "<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<turn|>", "<|return|>", "<|call|>", "<|user|>",
    "<|observation|>", "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|eot|>",
)  # fmt: skip
"""What the generation configs of these models call the end, beside the tokenizer's."""
OFF, ON = {"enable_thinking": False}, {"enable_thinking": True}
THOUGHT = "血圧が\n低い。"
NO, CLOSED = "does not write it", "the prompt closes it beforehand"
OPENS = "writes this answer without it"
QWEN = "<|im_end|>\n"

LEARNT: list[tuple[str, dict[str, Any], str, str]] = [
    # name, kwargs, learnt of 答 alone, learnt of 答 after a thought; or why it is refused
    ("cohere", {}, "答<|END_OF_TURN_TOKEN|>", NO),
    ("cohere2", {}, "答<|END_RESPONSE|><|END_OF_TURN_TOKEN|>", NO),
    ("deepseek_r1_distill", {}, OPENS, "T\n</think>\n\n答<｜end▁of▁sentence｜>"),
    ("deepseekv3", {}, OPENS, "T\n</think>\n\n答<｜end▁of▁sentence｜>"),
    ("diffusion_gemma", {}, "答<turn|>\n", "<|channel>thought\nT\n<channel|>答<turn|>\n"),
    ("gemma", {}, "答<end_of_turn>\n", NO),
    ("gemma3", {}, "答<end_of_turn>\n", NO),
    ("gemma4", {}, "答<turn|>\n", NO),
    ("gemma4_v2", {}, "答<turn|>\n", NO),
    ("gemma4_v3", {}, "答<turn|>\n", NO),
    ("gemma4_v4", {}, "答<turn|>\n", NO),
    ("gemma4_v5", {}, "答<turn|>\n", "<|channel>thought\nT\n<channel|>答<turn|>\n"),
    ("glm4moe", {}, "\n<think></think>\n答<|user|>", "\n<think>T</think>\n答<|user|>"),
    ("glm4moe", OFF, "\n答<|user|>", CLOSED),
    ("gptoss", {}, "<|channel|>final<|message|>答<|return|>",
     "<|channel|>analysis<|message|>T<|end|><|start|>assistant<|channel|>final<|message|>答<|return|>"),
    ("idefics3", {}, NO, NO),
    ("lfm2", {}, f"答{QWEN}", NO),
    ("lfm2_2_5", {}, f"答{QWEN}", f"<think>T</think>答{QWEN}"),
    ("lfm2_2_5_v2", {}, f"答{QWEN}", f"<think>T</think>答{QWEN}"),
    ("lfm2_2_5_vl", {}, f"答{QWEN}", f"<think>T</think>答{QWEN}"),
    ("lfm2_v2", {}, f"答{QWEN}", NO),
    ("llama3", {}, "答<|eot_id|>", NO),
    ("llama3_1", {}, "答<|eot_id|>", NO),
    ("llama3_2", {}, "答<|eot_id|>", NO),
    ("llava_next", {}, "refuses the messages", "refuses the messages"),
    ("muse_glimmer", {}, " to=user<|message|>答<|eot|>",
     " to=self<|message|>T<|eom|><|start|>assistant to=user<|message|>答<|eot|>"),
    ("nemotron_3_5_lightning", {}, f"</think>答{QWEN}", f"T</think>答{QWEN}"),
    ("nemotron_3_5_lightning", OFF, f"答{QWEN}", CLOSED),
    ("nemotron_3_nano", {}, f"</think>答{QWEN}", f"T\n</think>\n答{QWEN}"),
    ("nemotron_3_nano", OFF, f"答{QWEN}", CLOSED),
    ("nemotron_3_super", {}, f"</think>答{QWEN}", f"T\n</think>\n答{QWEN}"),
    ("nemotron_3_super", OFF, f"答{QWEN}", CLOSED),
    ("nemotron_3_ultra", {}, f"</think>答{QWEN}", f"T</think>答{QWEN}"),
    ("nemotron_3_ultra", OFF, f"答{QWEN}", CLOSED),
    ("phi3", {}, "答<|end|>\n</s>", NO),
    ("phi3_5", {}, "答<|end|>\n</s>", NO),
    ("qwen2_5", {}, f"答{QWEN}", NO),
    ("qwen2_5_vl", {}, f"答{QWEN}", NO),
    ("qwen3", {}, f"<think>\n\n</think>\n\n答{QWEN}", f"<think>\nT\n</think>\n\n答{QWEN}"),
    ("qwen3", OFF, f"答{QWEN}", CLOSED),
    ("qwen3_5_nothink", {}, f"答{QWEN}", CLOSED),
    ("qwen3_5_nothink", ON, f"\n</think>\n\n答{QWEN}", f"T\n</think>\n\n答{QWEN}"),
    ("qwen3_5_think", {}, f"\n</think>\n\n答{QWEN}", f"T\n</think>\n\n答{QWEN}"),
    ("qwen3_5_think", OFF, f"答{QWEN}", CLOSED),
    ("qwen3_6", {}, f"\n</think>\n\n答{QWEN}", f"T\n</think>\n\n答{QWEN}"),
    ("qwen3_6", OFF, f"答{QWEN}", CLOSED),
    ("qwen3_8", {}, f"\n</think>\n\n答{QWEN}", f"T\n</think>\n\n答{QWEN}"),
    ("qwen3_8", OFF, f"答{QWEN}", CLOSED),
    ("qwen3_instruct_2507", {}, f"答{QWEN}", NO),
    ("qwen3_vl", {}, f"答{QWEN}", NO),
    ("smolvlm", {}, NO, NO),
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = build_tokenizer(600)
    made.add_special_tokens({"additional_special_tokens": list(ENDS)})
    return made


def template_of(tokenizer: Any, name: str, **kwargs: Any) -> ChatTemplate:
    tokenizer.chat_template = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    ends = frozenset(tokenizer.convert_tokens_to_ids([*ENDS, tokenizer.eos_token]))
    return ChatTemplate(tokenizer, kwargs, ends)


def chat(*contents: str) -> Chat:
    """User and assistant by turns."""
    roles = ("user", "assistant")
    return Chat(tuple(Turn(roles[i % 2], content) for i, content in enumerate(contents)))


def learnt(template: ChatTemplate, prompt: Chat, answer: Turn) -> str:
    return Exchange(template, prompt, answer, "a:1").learnt(Counter()).text


def test_the_table_knows_every_template() -> None:
    files = {path.stem for path in TEMPLATES.glob("*.jinja") if "_training" not in path.stem}
    assert {name for name, *_ in LEARNT} == files


@pytest.mark.parametrize(("name", "kwargs", "bare", "thoughtful"), LEARNT, ids=str)
def test_what_is_learnt_after_the_prompt(
    tokenizer: Any, name: str, kwargs: dict[str, Any], bare: str, thoughtful: str
) -> None:
    template = template_of(tokenizer, name, **kwargs)
    for thought, wanted in (("", bare), (THOUGHT, thoughtful)):
        answer = Turn("assistant", "答", thought)
        if "答" in wanted:
            text = wanted.replace("T", thought) if thought else wanted
            assert learnt(template, chat("問"), answer) == text
        else:
            with pytest.raises(JmedError, match=f"^a:1: .*{re.escape(wanted)}"):
                learnt(template, chat("問"), answer)


@pytest.mark.parametrize(
    "name", [name for name, kwargs, bare, _ in LEARNT if "答" in bare and not kwargs]
)
def test_the_prompts_ids_stand_before_what_is_learnt(tokenizer: Any, name: str) -> None:
    """Also where the text would be tokenised otherwise in one piece, "\\n\\n" after <think>."""
    template = template_of(tokenizer, name)
    prompt = chat("問", "答", "では。")
    (tokens,) = encode(Example(prompt, Turn("assistant", "三"), "a:1"), template, Audit())
    assert tokens.ids[: tokens.learnt_from] == template.feed(template.ask(prompt))
    text = learnt(template, prompt, Turn("assistant", "三"))
    assert tokenizer.decode(tokens.ids[tokens.learnt_from :]) == text


def test_r1s_learnt_text_is_that_of_trls_training_template(tokenizer: Any) -> None:
    """Its own template drops thoughts; TRL's variant keeps a content that has one."""
    template = template_of(tokenizer, "deepseek_r1_distill")
    prompt, words = chat("問"), f"<think>\n{THOUGHT}\n</think>\n\n答"
    found = learnt(template, prompt, Turn("assistant", words))
    asked = template.ask(prompt)
    tokenizer.chat_template = (TEMPLATES / "deepseek_r1_distill_training.jinja").read_text("utf-8")
    assert asked + found == template.write(prompt, Turn("assistant", words))


@pytest.mark.parametrize("name", ["qwen3", "qwen2_5"])
def test_a_thought_within_the_content_is_learnt(tokenizer: Any, name: str) -> None:
    words = f"<think>\n{THOUGHT}\n</think>\n\n答"
    found = learnt(template_of(tokenizer, name), chat("問"), Turn("assistant", words))
    assert found == f"{words}{QWEN}"


def test_what_a_template_leaves_out_is_refused_by_name(tokenizer: Any) -> None:
    tool = '[{"type": "function", "function": {"name": "f", "parameters": {}}}]'
    call = '{"tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {}}}]}'
    answer = Turn("assistant", "答")
    cases = [
        ("gemma", replace(chat("問"), tools=tool), answer, "tools: the model's"),
        ("lfm2", chat("問"), replace(answer, more=call), "tool_calls: the model's"),
        ("qwen3", Chat((Turn("developer", "短く。"), Turn("user", "問"))), answer, r"turn 1 \(dev"),
        ("gemma", Chat((Turn("system", "短く。"), Turn("user", "問"))), answer, "System role not"),
    ]
    for name, prompt, said, message in cases:
        with pytest.raises(JmedError, match=message):
            learnt(template_of(tokenizer, name), prompt, said)


def test_tools_and_their_calls_are_used(tokenizer: Any) -> None:
    tool = '[{"type": "function", "function": {"name": "dose", "parameters": {}}}]'
    function = {"name": "dose", "arguments": {"mg": 5}}
    call = json.dumps({"tool_calls": [{"type": "function", "function": function}]})
    template = template_of(tokenizer, "qwen3_instruct_2507")
    prompt = Chat(
        (Turn("user", "問"), Turn("assistant", "", more=call), Turn("tool", "五。")), tools=tool
    )
    audit = Audit()
    example = Example(prompt, Turn("assistant", "答"), "a:1", learn_all=True)
    (tokens,) = encode(example, template, audit)
    assert '"name": "dose", "parameters"' in tokenizer.decode(tokens.ids)
    spoken = [tokenizer.decode(tokens.ids[start:end]) for start, end in tokens.spans]
    assert spoken == [
        f"<tool_call>\n{json.dumps(function)}\n</tool_call>{QWEN}",
        f"答{QWEN}",
    ]


LONG = chat("一", "甲", "二", "乙", "三")


@pytest.mark.parametrize("name", ["llama3", "gemma3", "qwen2_5", "qwen3_instruct_2507", "glm4moe"])
def test_all_turns_are_learnt_in_one_piece(tokenizer: Any, name: str) -> None:
    """Each is preceded by exactly what it is asked after; nothing else is learnt."""
    template = template_of(tokenizer, name)
    example = Example(LONG, Turn("assistant", "丙"), "a:1", learn_all=True)
    (tokens,) = encode(example, template, audit := Audit())
    assert not audit.counts
    whole = template.write(LONG, Turn("assistant", "丙"))
    assert tokenizer.decode(tokens.ids).startswith(whole)  # GLM's end is the next turn's beginning
    for place, (start, end), word in zip((1, 3, 5), tokens.spans, "甲乙丙", strict=True):
        before = Chat(LONG.turns[:place])
        assert tokens.ids[:start] == template.feed(template.ask(before))
        assert tokenizer.decode(tokens.ids[start:end]) == learnt(
            template, before, Turn("assistant", word)
        )
    assert tokens.learnt == sum(label != -100 for label in tokens.labels)


@pytest.mark.parametrize("name", ["qwen3", "gptoss", "qwen3_5_think"])
def test_turns_that_the_template_rewrites_stand_alone(tokenizer: Any, name: str) -> None:
    """Qwen3 drops the thoughts of earlier turns, gpt-oss ends such turns otherwise too."""
    template = template_of(tokenizer, name)
    turns = [
        replace(turn, reasoning=f"考{turn.content}。") if turn.role == "assistant" else turn
        for turn in LONG.turns
    ]
    example = Example(Chat(tuple(turns)), Turn("assistant", "丙", "考丙。"), "a:1", learn_all=True)
    found = list(encode(example, template, audit := Audit()))
    assert [tokens.where for tokens in found] == ["a:1"] * 3
    assert audit.counts[TURN_BY_TURN] == 2
    assert audit.counts[EARLIER_THOUGHTS] == 3
    for tokens, place, word in zip(found, (1, 3, 5), "甲乙丙", strict=True):
        before = Chat(tuple(turns[:place]))
        assert tokens.ids[: tokens.learnt_from] == template.feed(template.ask(before))
        spoken = tokenizer.decode(tokens.ids[tokens.learnt_from :])
        assert spoken == learnt(template, before, Turn("assistant", word, f"考{word}。"))
        assert f"考{word}。" in spoken


def seen(*examples: Example) -> Audit:
    audit = Audit()
    for example in examples:
        audit.see(example)
    return audit


def notes(tokenizer: Any, name: str, thought: str = "", **kwargs: Any) -> str:
    template = template_of(tokenizer, name, **kwargs)
    example = Example(chat("問"), Turn("assistant", "答", thought), "a:1")
    audit = seen(example)
    list(encode(example, template, audit))
    return "\n".join(notes_on(audit, template, ScoringTask("letters", 0, 0)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("qwen3", r"writes '<think>\n\n</think>\n\n' before them"),
        ("qwen3_5_think", r"writes '\n</think>\n\n' before them"),
        ("nemotron_3_nano", "writes '</think>' before them"),
        ("glm4moe", r"writes '\n<think></think>\n' before them"),
    ],
)
def test_a_thought_that_is_closed_at_once_is_said_and_what_avoids_it(
    tokenizer: Any, name: str, said: str
) -> None:
    found = notes(tokenizer, name)
    assert said in found
    assert "{enable_thinking: false} puts that into the prompt" in found
    assert not notes(tokenizer, name, enable_thinking=False)
    assert not notes(tokenizer, name, thought=THOUGHT)


def test_where_no_setting_avoids_it_that_is_said(tokenizer: Any) -> None:
    assert "No setting of this template avoids it" in notes(tokenizer, "gptoss")
    assert "lets the model think" in notes(tokenizer, "gemma4", enable_thinking=True)
    assert not notes(tokenizer, "llama3")


def test_rows_of_your_own_that_are_scored_with_worked_examples_are_said(tokenizer: Any) -> None:
    template = template_of(tokenizer, "llama3")
    row = Example(chat("問"), Turn("assistant", "答"), "a:1")
    (found,) = notes_on(seen(row), template, ScoringTask("letters", 3, None))
    assert "1 examples are rows of your own" in found
    assert "jmed_…_letters asks with 3; data.num_fewshot: 0" in found
    exam = replace(row, question="問")
    assert not list(notes_on(seen(exam), template, ScoringTask("letters", 3, None)))


def test_a_template_that_reads_the_clock_is_said_and_can_be_held(tokenizer: Any) -> None:
    for name in ("llama3_2", "gptoss", "muse_glimmer"):
        template = replace(template_of(tokenizer, name), day=date(2026, 1, 31))
        assert "2026" in template.ask(chat("問"))
        assert replace(template, day=date(2027, 2, 3)).ask(chat("問")) != template.ask(chat("問"))
        assert "the date of the day" in notes(tokenizer, name, thought="")
    assert not notes(tokenizer, "llama3_2", date_string="31 Jan 2026")
    assert not notes(tokenizer, "llama3_1")


def test_settings_that_no_template_reads_are_refused(tokenizer: Any) -> None:
    with pytest.raises(JmedError, match=r"enable_thinkin: not read .* enable_thinking"):
        check_kwargs(template_of(tokenizer, "qwen3", enable_thinkin=False))
    with pytest.raises(JmedError, match="it asks for: none"):
        check_kwargs(template_of(tokenizer, "llama3", enable_thinking=False))
    check_kwargs(template_of(tokenizer, "qwen3", enable_thinking=False))


def test_given_answers_are_scored_right_after_the_prompt(tokenizer: Any) -> None:
    """Where a template puts a thought between, that is not what is scored."""
    example = Example(chat("問"), Turn("assistant", "答"), "a:1", joined=True)
    with pytest.raises(JmedError, match="scores answers straight after the prompt"):
        list(encode(example, template_of(tokenizer, "qwen3"), Audit()))
    list(encode(example, template_of(tokenizer, "qwen3", enable_thinking=False), Audit()))
