"""What is trained is what lm_eval asks: prompts to the byte, their tokens to the id.

lm_eval's own evaluation builds the requests, for every protocol, shots, turns, system instruction
and chat template; its `hf` model encodes them. Only the forward pass is left out.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trl
from jinja2 import TemplateError
from lm_eval import evaluator, simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from demo.tiny_model import CHAT_TEMPLATE, build
from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.protocols import TEXT_PROTOCOLS
from tests.e2e.tokenizer_kinds import sentencepiece_like
from trainer.data.chat_template import ChatTemplate
from trainer.data.exam_prompts import exam_example, load_task
from trainer.data.example import Chat, Turn, chat_of
from trainer.data.tokens import Audit, encode
from trainer.recipe.protocols import scoring_task
from trainer.recipe.recipe import Data

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
DOCS = 2
"""Questions of the sample exam in each run."""
REAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cohere2", {}), ("deepseek_r1_distill", {}), ("gemma", {}), ("gemma3", {}), ("gemma4_v5", {}),
    ("glm4moe", {}), ("gptoss", {}), ("gptoss", {"reasoning_effort": "low"}), ("llama3", {}),
    ("llama3_2", {"date_string": "1 Jan 2026"}), ("llama3_2", {}), ("lfm2_2_5", {}),
    ("nemotron_3_nano", {}), ("phi3", {}), ("qwen2_5", {}), ("qwen3", {}),
    ("qwen3", {"enable_thinking": False}), ("qwen3", {"enable_thinking": True}),
    ("qwen3_5_nothink", {}), ("qwen3_5_think", {}), ("qwen3_5_think", {"enable_thinking": False}),
    ("qwen3_instruct_2507", {}), ("qwen3_8", {}),
)  # fmt: skip
"""Chat templates of real models, as TRL keeps copies of them, and what they are told."""
NAMES = [p.stem for p in sorted(TEMPLATES.glob("*.jinja")) if not p.stem.startswith("llava")]
"""All of them but LLaVA's, which take no text as content."""


class Recorder(HFLM):  # type: ignore[misc]  # lm_eval has no types
    """`hf`, which notes what it would feed and answers nothing."""

    fed: dict[str, list[int]]
    pairs: dict[tuple[str, str], list[int]]

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        for request in requests:
            context = request.args[0]
            self.fed[context] = self.tok_batch_encode([context])[0][0].tolist()
        return [""] * len(requests)

    def loglikelihood(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        for request in requests:
            context, continuation = request.args
            read, scored = self._encode_pair(context, continuation)
            self.pairs[context, continuation] = read + scored
        return [(0.0, False)] * len(requests)


manager = cache(lambda: TaskManager(include_path=str(TASKS_PATH), include_defaults=False))
loaded = cache(load_task)


@pytest.fixture(autouse=True)
def no_word_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """lm_eval asks pip and git for each results file: three seconds."""
    monkeypatch.setattr(evaluator, "add_env_info", lambda results: None)
    monkeypatch.setattr(evaluator, "get_git_commit_hash", lambda: None)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    folder = tmp_path_factory.mktemp("asked") / "base"
    build(folder)
    return Recorder(pretrained=str(folder), device="cpu")


def settings(**more: Any) -> Data:
    return Data.model_validate({"datasets": [{"exam": "sample"}], **more})


def requests(scorer: Recorder, task: Any, data: Data) -> Iterator[Mapping[str, Any]]:
    """Run lm_eval with the recipe's flags and yield the samples that it logs."""
    scorer.fed, scorer.pairs = {}, {}
    scorer.chat_template_args = data.chat_template_kwargs
    found = simple_evaluate(
        model=scorer,
        tasks=[task],
        num_fewshot=scoring_task(data).flag,
        apply_chat_template=data.apply_chat_template,
        fewshot_as_multiturn=data.multiturn,
        system_instruction=data.system_instruction,
        limit=DOCS,
        log_samples=True,
        bootstrap_iters=0,
        task_manager=manager(),
    )
    (samples,) = found["samples"].values()
    yield from samples


def check_equal(scorer: Recorder, data: Data, own: str = "", thought: str = "") -> int:
    """Hold every request of a run against the example made of its question.

    Args:
        own: the file of a task of the test's own instead of ours.
        thought: what is thought before the answer.
    """
    asked = scoring_task(data)
    name = own or asked.task("sample")
    task = task_of(own) if own else loaded(name)
    template = ChatTemplate(
        scorer.tokenizer,
        data.chat_template_kwargs,
        frozenset(range(len(scorer.tokenizer))),  # whatever a template ends with is an end here
    )
    samples = list(requests(scorer, name, data))
    assert len(samples) == DOCS
    for sample in samples:
        contexts = {arguments[0] for arguments in sample["arguments"]}
        doc = sample["doc"]
        answer = task.doc_to_choice(doc)[0] if asked.by_loglikelihood else "a"
        example = exam_example(task, doc, answer, asked, data)
        if thought and isinstance(example.answer, Turn):
            example = replace(example, answer=replace(example.answer, reasoning=thought))
        prompt = example.prompt
        assert {template.ask(prompt) if isinstance(prompt, Chat) else prompt} == contexts
        audit = Audit()
        (tokens,) = encode(example, template, audit)
        (context,) = contexts
        if not asked.by_loglikelihood:
            assert tokens.ids[: tokens.learnt_from] == scorer.fed[context]
            assert not audit.counts
        else:
            pair = scorer.pairs[sample["arguments"][0]]
            assert tokens.ids[: len(pair)] == pair
    return len(samples)


def own_task(folder: Path, **keys: str) -> str:
    """A task of the test's own, which includes ours: its file, by which lm_eval loads it."""
    lines = {"include": str(TASKS_PATH / "_letters_yaml"), "task": "own", **keys}
    file = folder / "own.yaml"
    text = json.dumps({**lines, "dataset_kwargs": {"exam": "sample"}}, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")
    return str(file)


def task_of(file: str) -> Any:
    return manager().load([file])["tasks"]["own"]


def every(**choices: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


@pytest.mark.parametrize("protocol", TEXT_PROTOCOLS)
def test_every_protocol_shots_turns_and_system_instruction(scorer: Recorder, protocol: str) -> None:
    scorer.tokenizer.chat_template = CHAT_TEMPLATE
    count = 0
    for asked in every(
        num_fewshot=(None, 0, 1, 3),
        turns=("text", "one turn", "turns"),
        system_instruction=(None, "医師として答える。"),
    ):
        turns = asked.pop("turns")
        how = {} if turns == "text" else {"apply_chat_template": True}
        if turns == "one turn":
            how["fewshot_as_multiturn"] = False
        data = settings(protocol=protocol, **asked, **how)
        if asked["num_fewshot"] and protocol in ("cot", "mc"):
            with pytest.raises(JmedError, match="whatever --num_fewshot says"):
                scoring_task(data)
            continue
        count += check_equal(scorer, data)
    assert count == DOCS * (12 if protocol in ("cot", "mc") else 24)


@pytest.mark.parametrize(("name", "kwargs"), REAL, ids=str)
def test_a_published_template_asks_in_training_as_in_scoring(
    scorer: Recorder, name: str, kwargs: dict[str, Any]
) -> None:
    scorer.tokenizer.chat_template = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    how = {"apply_chat_template": True, "chat_template_kwargs": kwargs}
    thought = "R" if name.startswith("deepseek") else ""  # it asks for one
    assert check_equal(scorer, settings(protocol="letters", **how), thought=thought) == DOCS
    worked = settings(protocol="paper", num_fewshot=1, **how)
    assert check_equal(scorer, worked, thought=thought) == DOCS


@pytest.mark.parametrize("name", NAMES)
def test_every_template_is_rendered_as_lm_eval_renders_it(scorer: Recorder, name: str) -> None:
    """With a system turn where the template takes one; else lm_eval would leave that out."""
    scorer.tokenizer.chat_template = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    scorer.chat_template_args = {}
    turns = [
        {"role": "user", "content": "問"},
        {"role": "assistant", "content": "答"},
        {"role": "user", "content": "では。"},
    ]
    asked = ChatTemplate(scorer.tokenizer).ask(chat_of(turns))
    assert asked == scorer.apply_chat_template(turns)
    system = [{"role": "system", "content": "短く。"}, *turns]
    template = ChatTemplate(scorer.tokenizer)
    if name in ("gemma", "gemma_training"):
        with pytest.raises(TemplateError, match="System role not supported"):
            template.ask(chat_of(system))
    else:
        assert template.ask(chat_of(system)) == scorer.apply_chat_template(system)


@pytest.mark.parametrize("bos", [True, False], ids=["bos", "no bos"])
@pytest.mark.parametrize("protocol", ["letters", "paper", "mc", "letters_mc"])
def test_a_tokenizer_that_adds_bos_adds_it_as_for_lm_eval(
    scorer: Recorder, bos: bool, protocol: str
) -> None:
    """Once, unless the template writes it: then not again."""
    own = scorer.tokenizer
    try:
        for template in (CHAT_TEMPLATE, "{{ bos_token }}" + CHAT_TEMPLATE, None):
            scorer.tokenizer = sentencepiece_like(bos=bos)
            scorer.tokenizer.chat_template = template
            data = settings(protocol=protocol, apply_chat_template=template is not None)
            check_equal(scorer, data)
    finally:
        scorer.tokenizer = own


@pytest.mark.parametrize("how", [{}, {"apply_chat_template": True}], ids=["text", "chat"])
def test_a_generation_prefix_is_read_and_not_learnt(
    scorer: Recorder, tmp_path: Path, how: dict[str, Any]
) -> None:
    """None of our tasks has one; a task that includes ours may."""
    scorer.tokenizer.chat_template = CHAT_TEMPLATE
    file = own_task(tmp_path, gen_prefix="記号は")
    data = settings(protocol="letters", **how)
    check_equal(scorer, data, file)
    task = task_of(file)
    example = exam_example(task, task.eval_docs[0], "a", scoring_task(data), data)
    template = ChatTemplate(scorer.tokenizer, ends=frozenset({scorer.tokenizer.eos_token_id}))
    (tokens,) = encode(example, template, Audit())
    assert scorer.tokenizer.decode(tokens.ids[: tokens.learnt_from]).endswith("記号は")
    learnt = scorer.tokenizer.decode(tokens.ids[tokens.learnt_from :])
    assert learnt.removesuffix("\n") == " a</s>"


def test_the_delimiter_of_the_worked_examples_is_learnt_as_they_show_it(
    scorer: Recorder, tmp_path: Path
) -> None:
    """As igakuqa_en has it: "Answer: b"."""
    file = own_task(tmp_path, target_delimiter=" ")
    for how, answer in (({}, " b"), ({"apply_chat_template": True}, Turn("assistant", "b"))):
        data = settings(protocol="letters", **how)
        check_equal(scorer, data, file)
        task = task_of(file)
        example = exam_example(task, task.eval_docs[0], "b", scoring_task(data), data)
        assert example.answer == answer
